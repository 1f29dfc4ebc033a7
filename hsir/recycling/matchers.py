"""When does a reasoning step arrive at the ground truth? (paper, section 3.2)

A matcher is an option and its strategy: fields, and a call (step, gold, grader, options) -> bool.
"""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from hsir.grading.base import LONGEST, Choices, Grader, Stated
from hsir.options import Options
from hsir.recycling import conclusions, refusals


class Explicit(Options):
    """The step states the gold answer as the answer: "so the answer is 42.", "\\boxed{42}".

    What is stated is read by the task's grader, so that 42.0 is 42, and an option's text its letter. A statement
    does not count where it is denied, supposed, asked, conditional, one of several, or retracted (docs/method.md
    lists the kinds). Of several statements that count, the last decides.
    """

    kind: Literal["explicit"] = "explicit"
    conclusions: bool = Field(
        False,
        description="Also accept a step that ends by concluding the gold answer without calling it the answer:"
        ' "Therefore, Charlie has 17 stickers left."',
    )

    def __call__(self, step: str, gold: str, grader: Grader, options: Choices | None = None) -> bool:
        said = self.arrival(step, gold, grader, options)
        return said is not None

    def arrival(self, step: str, gold: str, grader: Grader, options: Choices | None = None) -> Stated | None:
        """Give the statement by which the step arrives at the gold answer, if it does."""
        grader, step = grader.of(gold, options), step[-LONGEST:]
        held = [one for one in grader.stated(step, options) if not refusals.refused(step, one)]
        if not held and self.conclusions:
            drawn = conclusions.concluded(step, grader, options)
            held = [one for one in drawn if not refusals.refused(step, one)]
        last = max(held, key=lambda one: one.start, default=None)
        return last if last and grader.same(last.answer, gold, options) else None


class All(Options):
    """The step arrives by every one of the matchers."""

    kind: Literal["all"]
    of: tuple["Matcher", ...] = Field(min_length=1, description="The matchers; each must accept the step.")

    def __call__(self, step: str, gold: str, grader: Grader, options: Choices | None = None) -> bool:
        return all(matcher(step, gold, grader, options) for matcher in self.of)


class Any(Options):
    """The step arrives by one of the matchers at least."""

    kind: Literal["any"]
    of: tuple["Matcher", ...] = Field(min_length=1, description="The matchers; one must accept the step.")

    def __call__(self, step: str, gold: str, grader: Grader, options: Choices | None = None) -> bool:
        return any(matcher(step, gold, grader, options) for matcher in self.of)


Matcher = Annotated[Explicit | All | Any, Field(discriminator="kind")]
