"""Matchers decide whether a reasoning step reaches the gold answer (paper, section 3.2).

A matcher is an option and its strategy: fields, and a call (step, gold, grader, options, known) -> bool.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from hsir.grading.base import LONGEST, Choices, Grader, Stated
from hsir.options import Name, Options
from hsir.recycling import conclusions, refusals


class Known(NamedTuple):
    """Information about a step in addition to its text."""

    number: int = 0
    """Its index in the trace, from 0."""
    shares: Mapping[str, Mapping[int, float]] = {}
    """The share of correct answers after each probed step of the trace, by probe pool."""
    concluded: frozenset[int] = frozenset()
    """The steps that conclude the gold answer according to the judge."""


class BaseMatcher(Options):
    """The interface of all matchers."""

    def __call__(
        self, step: str, gold: str, grader: Grader, options: Choices | None = None, known: Known = Known()
    ) -> bool:
        """Return whether the step reaches the gold answer."""
        return self.arrival(step, gold, grader, options, known) is not None

    @abstractmethod
    def arrival(
        self, step: str, gold: str, grader: Grader, options: Choices | None = None, known: Known = Known()
    ) -> Stated | None:
        """Return the statement with which the step reaches the gold answer, by its characters; None if it does not. A
        matcher that does not read the step returns all of it.
        """

    def reads(self, step: str, gold: str, grader: Grader, options: Choices | None = None) -> bool:
        """Whether the step states any answer; True for a matcher that does not read steps."""
        return True

    @property
    def pools(self) -> tuple[str, ...]:
        """The probe pools that it reads."""
        return ()

    @property
    def judged(self) -> bool:
        """Whether it reads a judge's replies about the steps."""
        return False


class Explicit(BaseMatcher):
    """The step states the gold answer as the answer: "so the answer is 42.", "\\boxed{42}".

    The task's grader reads the statement, so 42.0 equals 42, and the text of an option equals its letter. A statement
    does not count if it is denied, supposed, asked, conditional, one of several, or retracted (docs/method.md lists the
    kinds). If several statements in a step count, the last one decides.
    """

    kind: Literal["explicit"] = "explicit"
    conclusions: bool = Field(
        False,
        description="Also accept a step that concludes the gold answer without calling it the answer:"
        ' "Therefore, Charlie has 17 stickers left."',
    )

    def arrival(
        self, step: str, gold: str, grader: Grader, options: Choices | None = None, known: Known = Known()
    ) -> Stated | None:
        grader, offset = grader.of(gold, options), max(0, len(step) - LONGEST)
        step = step[offset:]
        last = _last_held(step, grader.stated(step, options))
        if last is None and self.conclusions:
            last = _last_held(step, conclusions.concluded(step, grader, options))
        if last is None or not grader.same(last.answer, gold, options):
            return None
        return Stated(last.answer, offset + last.start, offset + last.end)

    def reads(self, step: str, gold: str, grader: Grader, options: Choices | None = None) -> bool:
        grader, step = grader.of(gold, options), step[-LONGEST:]
        concluded = conclusions.concluded(step, grader, options) if self.conclusions else ()
        return any(True for _ in grader.stated(step, options)) or any(True for _ in concluded)


class Probe(BaseMatcher):
    """The policy answers correctly from this step on, whatever the step says.

    The pool `pool` contains short answers of the policy after the trace's steps. A step is accepted if the share of
    correct answers after it is at least `confidence`, and remains so at the next `stable` probed steps. A step that was
    not probed is never accepted.
    """

    kind: Literal["probe"]
    pool: Name = Field(description="The pool of kind `probe` with the answers.")
    confidence: float = Field(1.0, gt=0, le=1, description="Share of the answers after a step that must be correct.")
    stable: int = Field(1, ge=0, description="Later probed steps at which the share must be as high, if there are any.")

    def arrival(
        self, step: str, gold: str, grader: Grader, options: Choices | None = None, known: Known = Known()
    ) -> Stated | None:
        shares = known.shares.get(self.pool, {})
        later = [shares[number] for number in sorted(shares) if number >= known.number]
        arrived = known.number in shares and min(later[: self.stable + 1]) >= self.confidence
        return Stated(gold, 0, len(step)) if arrived else None

    @property
    def pools(self) -> tuple[str, ...]:
        return (self.pool,)


class Judged(BaseMatcher):
    """A model says that the step concludes the gold answer; `judge:` in the config names the model."""

    kind: Literal["judge"]

    def arrival(
        self, step: str, gold: str, grader: Grader, options: Choices | None = None, known: Known = Known()
    ) -> Stated | None:
        return Stated(gold, 0, len(step)) if known.number in known.concluded else None

    @property
    def judged(self) -> bool:
        return True


class Several(BaseMatcher):
    """A combination of matchers."""

    of: tuple["Matcher", ...] = Field(min_length=1, description="The matchers.")

    def reads(self, step: str, gold: str, grader: Grader, options: Choices | None = None) -> bool:
        return any(matcher.reads(step, gold, grader, options) for matcher in self.of)

    @property
    def pools(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(pool for matcher in self.of for pool in matcher.pools))

    @property
    def judged(self) -> bool:
        return any(matcher.judged for matcher in self.of)


class AllOf(Several):
    """All of several matchers accept the step."""

    kind: Literal["all"]

    def arrival(
        self, step: str, gold: str, grader: Grader, options: Choices | None = None, known: Known = Known()
    ) -> Stated | None:
        found = [matcher.arrival(step, gold, grader, options, known) for matcher in self.of]
        return found[-1] if None not in found else None


class AnyOf(Several):
    """At least one of several matchers accepts the step."""

    kind: Literal["any"]

    def arrival(
        self, step: str, gold: str, grader: Grader, options: Choices | None = None, known: Known = Known()
    ) -> Stated | None:
        found = (matcher.arrival(step, gold, grader, options, known) for matcher in self.of)
        return next((said for said in found if said), None)


def _last_held(step: str, stated: Iterable[Stated]) -> Stated | None:
    """Return the last of the statements that are not rejected."""
    by_place = sorted(stated, key=lambda one: one.start, reverse=True)
    return next((one for one in by_place if not refusals.refused(step, one)), None)


Matcher = Annotated[Explicit | Probe | Judged | AllOf | AnyOf, Field(discriminator="kind")]
