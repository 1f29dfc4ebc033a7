"""Announced answers for evaluation: labels ("**Answer:** ..."), and the point where a text continues with a new task.

VeriExit reads steps with `statements.py` only; this module serves verdicts.
"""

import re
from collections.abc import Iterable, Iterator

from hsir.grading import statements

# In lower case; each cue of `statements.CUE` contains one of them, so that a text without any needs no search.
_STEMS = (
    "answer", "réponse", "reponse", "respuesta", "resposta", "risposta", "antwort", "ответ",
    "答案", "答え", "正解", "답",
)  # fmt: skip

# Words without which `statements.denied` finds nothing: a cheap test before it.
_HEDGES = frozenset(
    [
        "not",
        "cannot",
        "never",
        "neither",
        "doubt",
        "maybe",
        "perhaps",
        "possibly",
        "might",
        "could",
        "may",
        "t",
        "if",
        "suppose",
        "supposing",
        "assume",
        "assuming",
        "whether",
        "unless",
        "imagine",
        "si",
        "se",
        "wenn",
        "falls",
        "wrong",
        "incorrect",
        "alternatively",
    ]
)
_WORD = re.compile(r"[^\W\d_]+")
_LOOK_BACK = 200
_NEW_TURN = re.compile(r"\n[^\S\n]{0,20}(?:Question|Q|Problem|Human|User)(?:\s?\d+)?\s?:")
_ANSWERED = re.compile(r"####|\\boxed\{|\banswer", re.IGNORECASE)


def cues(text: str) -> Iterator[re.Match[str]]:
    """Yield the phrases that announce an answer, last to first, without searching the whole text."""
    low = text.lower()
    if len(low) != len(text):  # lower-casing changed the length, so offsets would not match
        low = text
    stems = [stem for stem in _STEMS if stem in low]
    if stems == ["answer"]:  # nearly always
        starts: Iterable[int] = rfinds(low, "answer")
    else:
        starts = sorted({start for stem in stems for start in rfinds(low, stem)}, reverse=True)
    yield from filter(None, (statements.CUE.match(text, start) for start in starts))


def rfinds(text: str, part: str) -> Iterator[int]:
    """Yield the positions of a part, last to first."""
    found = text.rfind(part)
    while found >= 0:
        yield found
        found = text.rfind(part, 0, found)


def denied(text: str, start: int, end: int | None = None) -> bool:
    """The same as `statements.denied`, but faster if no word before the statement can deny it."""
    line = text.rfind("\n", max(0, start - _LOOK_BACK), start) + 1  # a denial does not reach beyond its line
    before = text[max(0, start - _LOOK_BACK, line) : end or start].lower()
    if _HEDGES.isdisjoint(_WORD.findall(before)) and "\u5982\u679c" not in before:
        return False
    return statements.denied(text, start, end)


def last_phrase(text: str) -> str | None:
    """Return the text after the last "the answer is", to the end of its line; None if it is denied or missing."""
    last = next(cues(text), None)
    if last is None or denied(text, last.start(), last.end()):
        return None
    begin = statements.spaces(text, last.end())
    phrase = text[begin:].split("\n", 1)[0].strip()
    opened = text[:begin].endswith("**") and phrase.count("**") % 2 == 1  # "Answer: **73**"
    return "**" + phrase if opened else phrase or None


def first_turn(text: str) -> str:
    """Remove the text after the point where a model, having answered, asks itself another question."""
    if "\nQ" not in text and "\nProblem" not in text and "\nHuman" not in text and "\nUser" not in text:
        return text
    for turn in _NEW_TURN.finditer(text):
        if _ANSWERED.search(text, 0, turn.start()):
            return text[: turn.start()]
    return text
