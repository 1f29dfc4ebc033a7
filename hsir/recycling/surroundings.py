"""What stands around a statement in its step, sentence by sentence; bounded, so that cost is linear in the text."""

import re
from itertools import pairwise
from typing import NamedTuple

from hsir.grading.base import Stated

BEFORE = 700
"""Characters before a statement that are looked at."""

AFTER = 2000
"""Characters after a statement that may retract it."""

HEAD = 200
"""Characters of the step's beginning that show what it is about."""

END = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bcf)(?<!\bDr)[.!?][\"'\u201d\u2019)\]*_]{0,9}(?=\s{1,9}[^a-z\s]|\s*\Z)|\n"
)
"""Where a sentence ends: not in "E. coli", nor in "3.5"."""

TURN = re.compile(r"\b(?:but|however|though|yet|instead)\b|;", re.IGNORECASE)
"""What turns away from the words before it: "it may be 3, but the answer is 5"."""

REASON = re.compile(
    r"\b(?:because|since|as|not|rather|instead|whereas|while|but|though|which|who|due|given|so|therefore|however)\b|[;:]",
    re.IGNORECASE,
)
"""What ends an answer and begins a reason, or a contrast: "B, because A and C are slow"."""

_PUNCTUATION = re.compile(r"[.,;:!?\s]*")


class Around(NamedTuple):
    """A statement and what stands around it."""

    head: str
    """The beginning of the step."""
    before: list[str]
    """The sentences before the statement's, last first."""
    lead: str
    """The statement's sentence up to it."""
    said: str
    answer: str
    rest: str
    """The statement's sentence behind it."""
    later: str
    """What follows the sentence in the step."""


def around(step: str, said: Stated) -> Around:
    """Take a statement's surroundings out of its step."""
    # The punctuation that a statement may begin with belongs to the sentence before it.
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
