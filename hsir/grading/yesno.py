"""Yes or no: `Yes`, `no.`, `True`, "No, because ..."."""

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from hsir import traces
from hsir.grading import statements, wordings
from hsir.grading.base import Choices, Grader, Place, Stated

_SAYS = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
_WORD = r"(yes|no|true|false)\b"
# `no` as an answer is followed by a pause, a reason, a pronoun or nothing; `no` as a determiner by a noun.
_WHOLE = (
    rf"{_WORD}(?=\**[\s\"'\u201d\u2019)\]}}*$]*(?:$|[.,;:!<\n\u2013\u2014-]|\\"
    r"|because|since|as\b|for\b|(?:it|he|she|they|we|you|this)\b))"
)
_AT = re.compile(_WHOLE, re.IGNORECASE)
_LEADS = re.compile(rf"\W*{_WHOLE}", re.IGNORECASE)
_SENTENCE = re.compile(
    rf"\W*(?:(?:so|thus|therefore|hence|overall|(?:in\s+)?conclusion|in\s+short|in\s+summary)\b\**[,:]?\s*){{0,2}}[*_]{{0,3}}{_WHOLE}",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_BEFORE_CUE = re.compile(
    r"\W*(?:(?:so|thus|therefore|hence)\b,?\s*)?(?:(?:the|my)\s+)?(?:(?:final|correct)\s+)?", re.IGNORECASE
)
_ENDS = re.compile(r"[,:]\W{0,8}(yes|no)\W{0,8}$", re.IGNORECASE)
_OTHER = re.compile(r"[\s\"'*)]*+(?:/|,?\s*\b(?:or|and)\b)[\s\"'*(]*(?:yes|no|true|false)\b", re.IGNORECASE)


_LIKELY = re.compile(
    r"\bit\s+(?:is|seems|appears)\s+(?:most\s+|very\s+)?(?:likely|probabl[ey])(?:\s+to\s+be)?\s+", re.IGNORECASE
)


class YesNo(Grader):
    """Yes or no; true and false count as yes and no."""

    kind: Literal["yesno"] = "yesno"
    fallbacks: tuple[Place, ...] = Field(
        ("open_tag", "boxed", "stated", "alone"),
        description="Places to look for the answer, in order, if there are no closed tags.",
    )

    def check_gold(self, gold: str, options: Choices | None = None) -> str:
        plain = _SAYS.get(gold.strip().casefold())
        if plain is None:
            raise ValueError(f"{gold!r} is neither yes nor no, true nor false")
        return plain

    def alternatives(self, gold: str, options: Choices | None = None) -> list[str]:
        return [answer for answer in ("yes", "no") if self.same(answer, gold) is False]

    def same(self, answer: str, gold: str, options: Choices | None = None) -> bool | None:
        given, wanted = read(answer), _SAYS.get(gold.strip().casefold())
        return None if given is None or wanted is None else given == wanted

    def find(self, place: Place, text: str, options: Choices | None) -> str | None:
        if place == "boxed":
            content = traces.last_boxed(text)
            return content if content and read(content) else None
        if place == "alone":
            return _outer(text)
        return super().find(place, text, options)

    def _latest(self, text: str, options: Choices | None) -> Stated | None:
        found = list(self.stated(text, options))
        for cue in (*wordings.before.finditer(text), *_LIKELY.finditer(text)):
            said = _AT.match(text, statements.opening(text, cue.end()))
            if said and not _OTHER.match(text, said.end()) and not statements.undone(text, cue.start(), said.end()):
                found.append(Stated(said[1], cue.start(), said.end()))
        return max(found, key=lambda stated: stated.start, default=None)

    def stated(self, text: str, options: Choices | None = None) -> Iterator[Stated]:
        for start, end, content in traces.boxed(text):
            if read(content) and not statements.undone(text, start, end):
                yield Stated(content, start, end)
        for cue in statements.CUE.finditer(text):
            found = _AT.match(text, statements.opening(text, cue.end()))
            if found and not _OTHER.match(text, found.end()) and not statements.undone(text, cue.start(), found.end()):
                yield Stated(found[1], cue.start(), found.end())


def _outer(text: str) -> str | None:
    """Read yes or no at the start of the text, or of its last sentence; nothing if they contradict each other."""
    if statements.FINAL.search(text):
        return None
    sentences = [sentence for sentence in _SENTENCE_END.split(text.strip()) if sentence]
    found = [_SENTENCE.match(sentence) for sentence in (sentences[:1] + sentences[-1:])]
    said = {_SAYS[one[1].casefold()] for one in found if one and not _OTHER.match(one.string, one.end(1))}
    last = _ENDS.search(sentences[-1]) if said else None
    if last:
        said.add(_SAYS[last[1].casefold()])
    return said.pop() if len(said) == 1 else None


def plain(text: str) -> bool:
    """Return whether a text is yes or no and nothing else."""
    return text.strip().casefold() in _SAYS


def _lead(text: str) -> int:
    """Skip "the answer is" at the start of an answer."""
    cue = statements.CUE.search(text)
    return cue.end() if cue and _BEFORE_CUE.fullmatch(text, 0, cue.start()) else 0


def read(text: str) -> str | None:
    """Return `yes` or `no` for a short answer; None if it is neither, or both."""
    plain = _SAYS.get(text.strip(" .!*\"'").casefold())
    if plain:
        return plain
    if "\\" in text:
        text = re.sub(r"\\[a-z]+\s*\{([^{}]*)\}", r"\1", text)
    first = _LEADS.match(text[_lead(text) :])
    if first and not _OTHER.match(first.string, first.end(1)):
        return _SAYS[first[1].casefold()]
    return None
