"""The context of a statement in its step, sentence by sentence; bounded, so that the cost is linear in the text."""

import re
from itertools import pairwise
from typing import NamedTuple

from hsir.grading.base import Stated

BEFORE = 700
"""Number of characters examined before a statement."""

AFTER = 2000
"""Number of characters after a statement that may retract it."""

HEAD = 200
"""Number of characters at the step's beginning that show its topic."""

END = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bcf)(?<!\bDr)[.!?][\"'\u201d\u2019)\]*_]{0,9}(?=\s{1,9}[^a-z\s]|\s*\Z)|\n"
)
"""Where a sentence ends: not in "E. coli", nor in "3.5"."""

TURN = re.compile(r"\b(?:but|however|though|yet|instead)\b|;", re.IGNORECASE)
"""Words that turn away from what precedes them: "it may be 3, but the answer is 5"."""

REASON = re.compile(
    r"\b(?:because|since|as|not|rather|instead|whereas|while|but|though|which|who|due|given|so|therefore|however)\b|[;:]",
    re.IGNORECASE,
)
"""Words that end an answer and start a reason or a contrast: "B, because A and C are slow"."""

_PUNCTUATION = re.compile(r"[.,;:!?\s]*")


class Around(NamedTuple):
    """A statement and its context."""

    head: str
    """The beginning of the step."""
    before: list[str]
    """The sentences before the statement's, last first."""
    lead: str
    """The part of its sentence before the statement."""
    said: str
    answer: str
    rest: str
    """The part of its sentence after the statement."""
    later: str
    """The text after the sentence in the step."""


def around(step: str, said: Stated) -> Around:
    """Extract a statement's context from its step."""
    # Leading punctuation of a statement belongs to the sentence before it.
    start = _PUNCTUATION.match(step, said.start, said.end).end()  # type: ignore[union-attr]
    before = step[max(0, start - BEFORE) : start]
    ends = [0, *(end.end() for end in END.finditer(before))]
    sentences = [before[a:b] for a, b in pairwise(ends)]
    stop = END.search(step, said.end, said.end + BEFORE)
    end = stop.end() if stop else min(len(step), said.end + BEFORE)
    return Around(
        head=step[: min(HEAD, start)],
        before=[sentence for sentence in reversed(sentences) if sentence.strip()],
        lead=before[ends[-1] :],
        said=step[start : said.end],
        answer=said.answer,
        rest=step[said.end : end],
        later=step[end : end + AFTER],
    )
