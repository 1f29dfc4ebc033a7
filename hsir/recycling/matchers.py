"""When does a reasoning step arrive at the ground truth? (paper, section 3.2)

A matcher is an option and its strategy: fields, and a call (step, gold, grader, options) -> bool.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from hsir.grading.base import LONGEST, Choices, Grader, Stated
from hsir.options import Options
from hsir.recycling import conclusions, refusals


class BaseMatcher(Options):
    """What all matchers share."""

    def __call__(self, step: str, gold: str, grader: Grader, options: Choices | None = None) -> bool:
        """Tell whether the step arrives at the gold answer."""
        return self.arrival(step, gold, grader, options) is not None

    @abstractmethod
    def arrival(self, step: str, gold: str, grader: Grader, options: Choices | None = None) -> Stated | None:
        """Give the statement, by its characters in the step, with which it arrives at the gold answer, if it does."""


class Explicit(BaseMatcher):
    """The step states the gold answer as the answer: "so the answer is 42.", "\\boxed{42}".

    What is stated is read by the task's grader, so that 42.0 is 42, and an option's text its letter. A statement
    does not count where it is denied, supposed, asked, conditional, one of several, or retracted (docs/method.md
    lists the kinds). Of several statements in a step that count, the last decides.
    """

    kind: Literal["explicit"] = "explicit"
    conclusions: bool = Field(
        False,
        description="Accept a step that ends by concluding the gold answer, too, though it does not call it the answer:"
        ' "Therefore, Charlie has 17 stickers left."',
    )

    def arrival(self, step: str, gold: str, grader: Grader, options: Choices | None = None) -> Stated | None:
        grader, offset = grader.of(gold, options), max(0, len(step) - LONGEST)
        step = step[offset:]
        last = _last_held(step, grader.stated(step, options))
        if last is None and self.conclusions:
            last = _last_held(step, conclusions.concluded(step, grader, options))
        if last is None or not grader.same(last.answer, gold, options):
            return None
        return Stated(last.answer, offset + last.start, offset + last.end)


class AllOf(BaseMatcher):
    """Each of several matchers accepts the step."""

    kind: Literal["all"]
    of: tuple["Matcher", ...] = Field(min_length=1, description="The matchers.")

    def arrival(self, step: str, gold: str, grader: Grader, options: Choices | None = None) -> Stated | None:
        found = [matcher.arrival(step, gold, grader, options) for matcher in self.of]
        return found[-1] if None not in found else None


class AnyOf(BaseMatcher):
    """One of several matchers, at least, accepts the step."""

    kind: Literal["any"]
    of: tuple["Matcher", ...] = Field(min_length=1, description="The matchers.")

    def arrival(self, step: str, gold: str, grader: Grader, options: Choices | None = None) -> Stated | None:
        found = (matcher.arrival(step, gold, grader, options) for matcher in self.of)
        return next((said for said in found if said), None)


def _last_held(step: str, stated: Iterable[Stated]) -> Stated | None:
    """Give the last of the statements that nothing takes back."""
    by_place = sorted(stated, key=lambda one: one.start, reverse=True)
    return next((one for one in by_place if not refusals.refused(step, one)), None)


Matcher = Annotated[Explicit | AllOf | AnyOf, Field(discriminator="kind")]
