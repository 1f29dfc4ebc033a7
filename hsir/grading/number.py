r"""Numbers: `42`, `$1,000.50`, `29.00`, `3/4`, `1 1/2`, `\frac{3}{4}`, `1.5e6`, `10 %`, `18 eggs`, `3 million`."""

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from pydantic import Field

from hsir import traces
from hsir.grading import announced, lastline, statements
from hsir.grading.base import Choices, Grader, Place, Stated
from hsir.grading.lastline import HAS_DIGIT
from hsir.grading.reading import DOZEN, TOKEN, WHOLE, at, clean, value

_LINE_LEAD = re.compile(
    r"\W*(?:(?:the\s+)?(?:final\s+|total\s+)?answer\b\W*(?:is\b)?)?\s*(?:[a-z]\s*=)?\s*", re.IGNORECASE
)
_HEADING = re.compile(r"[.):]\s*[^\W\d_]|[^\n]*:")
# A number alone on its line
_ALONE = re.compile(r"[\s:*$]{0,6}(-?\d{1,15})[*.$]{0,4}[ \t]*(?=\n|$)")
_LINE = re.compile(r"^[ \t]*A:[ \t]*(?=\S)", re.MULTILINE)


class Number(Grader):
    """A number, compared by value."""

    kind: Literal["number"] = "number"
    fallbacks: tuple[Place, ...] = Field(
        ("open_tag", "hash", "boxed", "stated", "last"),
        description="Places to look for the answer, in order, if there are no closed tags.",
    )

    def check_gold(self, gold: str, options: Choices | None = None) -> str:
        if value(gold) is None:
            raise ValueError(f"{gold!r} is not a number")
        return gold.strip()

    def same(self, answer: str, gold: str, options: Choices | None = None) -> bool | None:
        given, wanted = value(answer), _gold_value(gold)
        if given is None or wanted is None:
            return True if answer.strip() == gold.strip() else None
        return given == wanted or _near(given, wanted)

    def find(self, place: Place, text: str, options: Choices | None) -> str | None:
        if place == "hash":
            return _headed(text) if "####" in text or "A:" in text else None
        if place == "last":
            return lastline.last(text) or lastline.in_words(text)
        if place == "boxed":
            content = traces.last_boxed(text)
            return content if content and (HAS_DIGIT.search(content) or value(content) is not None) else None
        return super().find(place, text, options)

    def last_stated(self, text: str, options: Choices | None) -> str | None:
        if "\\boxed{" in text:
            return super().last_stated(text, options)
        for cue in announced.cues(text):
            alone = _ALONE.match(text, cue.end())
            found = alone[1] if alone else at(text, cue.end())
            if not alone and cue[0].rstrip("*_ ").endswith(":"):
                found = lastline.in_sentence(text, cue, found)
            if found and not announced.denied(text, cue.start()):
                return f"{found} dozen" if DOZEN.match(text, text.find(found, cue.end()) + len(found)) else found
            if statements.FINAL.search(text, max(0, cue.start() - 20), cue.end() + 1):
                return None
        return None

    def stated(self, text: str, options: Choices | None = None) -> Iterator[Stated]:
        for start, end, content in traces.boxed(text):
            if value(content) is not None and not statements.undone(text, start, end):
                yield Stated(content, start, end)
        for cue in statements.CUE.finditer(text):
            found = at(text, cue.end())
            if found and not statements.denied(text, cue.start()):
                yield Stated(found, cue.start(), cue.end())


def _headed(text: str) -> str | None:
    """Read the last line that consists of #### and a number; others are headings ("#### Step 2: ...")."""
    if "####" in text:
        marks = (text[found + 4 :] for found in announced.rfinds(text, "####"))
    else:
        marks = (text[mark.end() :] for mark in reversed(list(_LINE.finditer(text))))
    for rest in marks:
        line = rest.split("\n", 1)[0].strip(" \t#")
        if WHOLE.fullmatch(line) or _is_result(line):
            return line
    return None


def _is_result(line: str) -> bool:
    start = statements.opening(line, _LINE_LEAD.match(line).end())  # type: ignore[union-attr]
    token = TOKEN.match(clean(line[start:]))
    return bool(token and not _HEADING.match(token.string, token.end()) and value(line) is not None)


def _near(one: int | Fraction, other: int | Fraction) -> bool:
    """Return whether two numbers differ by at most a floating-point error: 0.1 + 0.2 is 0.3."""
    if isinstance(one, int) and isinstance(other, int):
        return False
    apart, allowed = Fraction(one) - Fraction(other), Fraction(other) / 10**10
    return -abs(allowed) <= apart <= abs(allowed)


@lru_cache(maxsize=65536)
def _gold_value(gold: str) -> int | Fraction | None:
    return value(gold)
