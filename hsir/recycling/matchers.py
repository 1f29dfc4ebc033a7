"""When does a reasoning step arrive at the ground truth? (paper, section 3.2)

A matcher is an option and its strategy: fields, and a call (step, gold, grader, options, known) -> bool.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from hsir.grading.base import LONGEST, Choices, Grader
from hsir.options import Name, Options


class Known(NamedTuple):
    """What is known about a step besides its text."""

    number: int = 0
    """Its place in the trace, counted from 0."""
    shares: Mapping[str, Mapping[int, float]] = {}
    """The share of correct answers after each probed step of the trace, by probe pool."""
    concluded: frozenset[int] = frozenset()
    """The steps that conclude the gold answer, says the judge."""


class BaseMatcher(Options):
    """What all matchers share."""

    @abstractmethod
    def __call__(
        self, step: str, gold: str, grader: Grader, options: Choices | None = None, known: Known = Known()
    ) -> bool:
        """Say whether the step arrives at the gold answer."""

    @property
    def pools(self) -> tuple[str, ...]:
        """Name the pools of probes that it reads."""
        return ()

    @property
    def judged(self) -> bool:
        """Whether it reads what a judge said about the steps."""
        return False


class Explicit(BaseMatcher):
    """The step states the gold answer as the answer: "so the answer is 42.", "\\boxed{42}".

    What is stated is read by the task's grader, so that 42.0 is 42, and an option's text its letter. A statement
    does not count where it is denied, doubted, supposed, asked, or one of several ("the answer is A or B").
    """

    kind: Literal["explicit"] = "explicit"

    def __call__(
        self, step: str, gold: str, grader: Grader, options: Choices | None = None, known: Known = Known()
    ) -> bool:
        grader = grader.of(gold, options)
        stated = grader.stated(step[-LONGEST:], options)
        return any(grader.same(one.answer, gold, options) for one in stated)


class Probe(BaseMatcher):
    """The policy itself answers correctly from this step on, whatever the step says.

    The pool named by `pool` holds short answers that the policy gave after the trace's steps. The step arrives if the
    share of correct answers after it is at least `confidence`, and stays so at the next `stable` probed steps. A step
    that was not probed never arrives.
    """

    kind: Literal["probe"]
    pool: Name = Field(description="The pool of kind `probe` that holds the answers.")
    confidence: float = Field(1.0, gt=0, le=1, description="Share of the answers after a step that must be correct.")
    stable: int = Field(1, ge=0, description="Later probed steps at which the share must be as high, if there are any.")

    def __call__(
        self, step: str, gold: str, grader: Grader, options: Choices | None = None, known: Known = Known()
    ) -> bool:
        shares = known.shares.get(self.pool, {})
        later = [shares[number] for number in sorted(shares) if number >= known.number]
        return known.number in shares and min(later[: self.stable + 1]) >= self.confidence

    @property
    def pools(self) -> tuple[str, ...]:
        return (self.pool,)


class Judged(BaseMatcher):
    """A model says that the step concludes the gold answer; `judge:` in the config names the model."""

    kind: Literal["judge"]

    def __call__(
        self, step: str, gold: str, grader: Grader, options: Choices | None = None, known: Known = Known()
    ) -> bool:
        return known.number in known.concluded

    @property
    def judged(self) -> bool:
        return True


Matcher = Annotated[Explicit | Probe | Judged, Field(discriminator="kind")]
