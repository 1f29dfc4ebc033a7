"""x"""
from collections.abc import Iterator
from hsir.grading.base import Choices, Grader, Stated
def concluded(step: str, grader: Grader, options: Choices | None = None) -> Iterator[Stated]:
    yield from ()
