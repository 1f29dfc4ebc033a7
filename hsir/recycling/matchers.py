"""When does a reasoning step arrive at the ground truth? (paper, section 3.2)

A matcher is an option and its strategy: fields, and a call (step, gold, grader, options) -> bool.
"""

from typing import Literal

from hsir.grading.base import LONGEST, Choices, Grader
from hsir.options import Options


class Explicit(Options):
    """The step states the gold answer as the answer: "so the answer is 42.", "\\boxed{42}".

    What is stated is read by the task's grader, so that 42.0 is 42, and an option's text its letter. A statement
    does not count where it is denied, doubted, supposed, asked, or one of several ("the answer is A or B").
    """

    kind: Literal["explicit"] = "explicit"

    def __call__(self, step: str, gold: str, grader: Grader, options: Choices | None = None) -> bool:
        grader = grader.of(gold, options)
        stated = grader.stated(step[-LONGEST:], options)
        return any(grader.same(one.answer, gold, options) for one in stated)


Matcher = Explicit
