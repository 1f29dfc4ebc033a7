"""Verify-then-exit: where a failed trace had already arrived at the ground truth (paper, Algorithm 2)."""

from typing import NamedTuple

from hsir import traces
from hsir.grading.base import Choices, Grader
from hsir.recycling.matchers import BaseMatcher


class Cut(NamedTuple):
    """The step (counted from 0) that arrives, and the offset in the completion behind which to cut."""

    step: int
    end: int


def find_cut(
    completion: str, gold: str, matcher: BaseMatcher, grader: Grader, options: Choices | None = None
) -> Cut | None:
    """Find the first reasoning step that states the gold answer; None if no step does."""
    for number, (step, end) in enumerate(traces.steps(completion)):
        if matcher(step, gold, grader, options):
            return Cut(number, end)
    return None
