"""Where evaluation looks for an announced answer: labels ("**Answer:** ..."), and where a text goes on to a new task.

VeriExit reads steps by `statements.py` alone; what stands here serves verdicts.
"""

import re
from typing import NamedTuple

from hsir.grading import statements

# In lower case; each cue of `statements.CUE` holds one of them, so that a text without any needs no search.
_STEMS = (
    "answer", "réponse", "reponse", "respuesta", "resposta", "risposta", "antwort", "ответ",
    "答案", "答え", "正解", "답", "boxed{",
)  # fmt: skip

_LABEL = re.compile(r"\banswers?\b[*_`\"']{0,4}\s?[:\uff1a][*_`\"']{0,4}\s*|\br[ée]ponse\s?:\s*", re.IGNORECASE)
_NEW_TURN = re.compile(r"\n\s*(?:Question|Q|Problem|Human|User)(?:\s?\d+)?\s?:")
_ANSWERED = re.compile(r"####|\\boxed\{|\banswer", re.IGNORECASE)


class Label(NamedTuple):
    """A label that announces an answer: the characters [start, end); the answer begins at `end`."""

    start: int
    end: int


def possible(text: str) -> bool:
    """Tell whether a text can state an answer at all: a cheap test before the search."""
    low = text.lower()
    return any(stem in low for stem in _STEMS)


def last_label(text: str) -> Label | None:
    """Find the last "Answer:" of a text."""
    last = None
    for last in _LABEL.finditer(text):
        pass
    return Label(last.start(), last.end()) if last else None


def last_phrase(text: str) -> str | None:
    """Give what follows the last "the answer is", to the end of its line; None where that is denied or missing."""
    if not possible(text):
        return None
    last = None
    for last in statements.CUE.finditer(text):
        pass
    if last is None or statements.denied(text, last.start(), last.end()):
        return None
    begin = statements.spaces(text, last.end())
    phrase = text[begin:].split("\n", 1)[0].strip()
    opened = text[:begin].endswith("**") and phrase.count("**") % 2 == 1  # "Answer: **73**"
    return "**" + phrase if opened else phrase or None


def first_turn(text: str) -> str:
    """Leave out what follows where a model, having answered, goes on to ask itself another question."""
    if "\nQ" not in text and "\nProblem" not in text and "\nHuman" not in text and "\nUser" not in text:
        return text
    for turn in _NEW_TURN.finditer(text):
        if _ANSWERED.search(text, 0, turn.start()):
            return text[: turn.start()]
    return text
