"""Detect statements of the answer that the surrounding words qualify or retract.

A grader reads a statement ("the answer is 5") by itself. Whether the trace reaches this answer depends on the sentences
around it: the answer may be conditional, one of several, or someone else's claim. Each kind is a test of the
surrounding text:

- `conditions.py`: statements that hold only under a condition.
- `candidates.py`: one of several answers, a part of one, or the answer to a part.
- `speech.py`: claims of others, and retractions.
"""

from collections.abc import Callable

from hsir.grading.base import Stated
from hsir.recycling.refusals import candidates, conditions, speech
from hsir.recycling.surroundings import Around, around

KINDS: dict[str, Callable[[Around], bool]] = {
    "altered problem": conditions.altered,
    "condition": conditions.conditional,
    "condition after": conditions.conditional_behind,
    "hypothesis": conditions.hypothetical,
    "several": candidates.several,
    "supposition": conditions.supposed,
    "listing": candidates.listed,
    "option under review": candidates.under_review,
    "restricted": candidates.restricted,
    "expression": candidates.unfinished,
    "claim of others": speech.claimed,
    "quotation": speech.quoted,
    "retraction": speech.retracted,
}
"""The kinds of rejected statements, by name."""


def refused(step: str, said: Stated) -> str | None:
    """Return the kind that rejects the statement; None if it is accepted."""
    one = around(step, said)
    return next((name for name, holds in KINDS.items() if holds(one)), None)
