"""Which steps of a trace hold the gold answer at all: a look that costs nothing, before the policy is asked."""

import re

from hsir.grading import Choice, Math, Number
from hsir.grading.base import Choices, Grader
from hsir.grading.reading import TOKEN, altered, clean, token_value, value


def mentions(step: str, gold: str, grader: Grader, options: Choices | None = None) -> bool:
    """Say whether the gold answer occurs in a step, whatever is said about it.

    A number occurs in digits, with any sign, but not as what is calculated with: of 12+3=15 it is 15. An option occurs
    as its letter in capitals or as its text. Of golds that can be written in other ways (formulas, words, yes and no),
    any step may hold it.
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
