"""Find the steps of a trace that contain the gold answer: a cheap test before the policy is prompted."""

import re

from hsir.grading import Choice, Math, Number
from hsir.grading.base import Choices, Grader
from hsir.grading.reading import TOKEN, altered, clean, token_value, value


def mentions(step: str, gold: str, grader: Grader, options: Choices | None = None) -> bool:
    """Return whether the gold answer occurs in a step, whatever the step says about it.

    A number must occur in digits, with any sign, and not as an operand: 12+3=15 contains only 15. An option occurs as
    its capital letter or as its text. Gold answers that can be written in other ways (formulas, words, yes and no) may
    occur in any step.
    """
    grader = grader.of(gold, options)
    if isinstance(grader, Choice):
        text = (options or {}).get(gold, "").strip().lower()
        return re.search(rf"\b{re.escape(gold)}\b", step) is not None or bool(text and text in step.lower())
    wanted = value(gold) if isinstance(grader, Number | Math) else None
    if wanted is None:
        return True
    step = clean(step)
    results = (token_value(found) for found in TOKEN.finditer(step) if not altered(step, found.end()))
    return any(number is not None and abs(number) == abs(wanted) for number in results)
