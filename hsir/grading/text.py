"""Short texts, compared word for word; and the answer type that is chosen per question."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, get_args

from pydantic import Field

from hsir import traces
from hsir.grading import number, reading, statements, wordings, yesno
from hsir.grading.base import Choices, Grader, Item, Judgement, Place, Stated
from hsir.grading.choice import Choice

_SENTENCE = re.compile(r"[^\n]{0,400}?(?=(?<!\b[SM]t)(?<!\b[DM]r)(?<!\bMs)\.\s|\.?$|\n)")
_COMMAND = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|textrm|mbox|boxed)\s*\{([^{}]*)\}")
_BOLD_LINE = re.compile(r"\*\*[^*]{1,80}\*\*\.?")
_REASON = re.compile(r",?(?<!\s)\s+(?:because|since)\s")
SHORT = 8
"""Maximum number of words of a line that may be an answer by itself."""

_QUOTES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"'})


class Text(Grader):
    """A short text; case, white space, and surrounding quotes, emphasis or full stop are ignored."""

    kind: Literal["text"] = "text"
    fallbacks: tuple[Place, ...] = Field(
        ("open_tag", "boxed", "stated", "alone"),
        description="Places to look for the answer, in order, if there are no closed tags.",
    )

    def check_gold(self, gold: str, options: Choices | None = None) -> str:
        if not _plain(gold):
            raise ValueError("the gold answer is empty")
        return gold.strip()

    def same(self, answer: str, gold: str, options: Choices | None = None) -> bool | None:
        return _plain(answer) == _plain(gold)

    def find(self, place: Place, text: str, options: Choices | None) -> str | None:
        return _alone(text) if place == "alone" else super().find(place, text, options)

    def last_stated(self, text: str, options: Choices | None) -> str | None:
        answer = super().last_stated(text, options)
        return _REASON.split(answer, maxsplit=1)[0] if answer else None

    def _latest(self, text: str, options: Choices | None) -> Stated | None:
        found = list(self.stated(text, options))
        for cue in wordings.label.finditer(text):
            answer = _sentence(text, cue.end())
            if answer and not statements.undone(text, cue.start(), cue.end() + len(answer)):
                found.append(Stated(answer, cue.start(), cue.end() + len(answer)))
        return max(found, key=lambda stated: stated.end, default=None)

    def stated(self, text: str, options: Choices | None = None) -> Iterator[Stated]:
        for start, end, content in traces.boxed(text):
            if not statements.undone(text, start, end):
                yield Stated(content, start, end)
        for cue in statements.CUE.finditer(text):
            begin = statements.spaces(text, cue.end())
            answer = _sentence(text, begin)
            if answer and not statements.undone(text, cue.start(), begin + len(answer)):
                yield Stated(answer, cue.start(), begin + len(answer))


class Auto(Grader):
    """Chosen for each question: a choice if it has options, otherwise a number, yes or no, or a short text, by its gold
    answer."""

    kind: Literal["auto"] = "auto"
    fallbacks: tuple[Place, ...] = Field(
        get_args(Place),
        description="Places to look for the answer if there are no closed tags; each answer type has its own order.",
    )

    def of(self, gold: str, options: Choices | None = None) -> Grader:
        if options:
            kind: type[Grader] = Choice
        elif reading.plain(gold):
            kind = number.Number
        else:
            kind = yesno.YesNo if yesno.plain(gold) else Text
        return _set_up(kind, self.thinking, self.fallbacks)

    def judge(self, item: Item) -> Judgement:
        return self.of(item.gold, item.options).judge(item)

    def check_gold(self, gold: str, options: Choices | None = None) -> str:
        return self.of(gold, options).check_gold(gold, options)

    def alternatives(self, gold: str, options: Choices | None = None) -> list[str]:
        return self.of(gold, options).alternatives(gold, options)

    def same(self, answer: str, gold: str, options: Choices | None = None) -> bool | None:
        return self.of(gold, options).same(answer, gold, options)

    def stated(self, text: str, options: Choices | None = None) -> Iterator[Stated]:
        raise TypeError("the statements of a text depend on the question: call `of(gold, options)`")


def _sentence(text: str, begin: int) -> str:
    found = _SENTENCE.match(text, begin)
    return found[0].strip(" *_`$\"'\u201c\u201d") if found else ""


def _alone(text: str) -> str | None:
    """Return a text of one short line, or a last line that is completely bold."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    short = len(lines) == 1 and len(lines[0].split()) <= SHORT and not lines[0].endswith(("?", ":"))
    return lines[0] if short else lines[-1] if lines and _BOLD_LINE.fullmatch(lines[-1]) else None


@lru_cache
def _set_up(kind: type[Grader], thinking: str, places: tuple[Place, ...]) -> Grader:
    own = kind.model_fields["fallbacks"].default
    return kind.model_validate({"thinking": thinking, "fallbacks": [place for place in own if place in places]})


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFC", _COMMAND.sub(r"\1", text)).translate(_QUOTES)
    return " ".join(text.split()).strip(" .*_`\"'$\u3002").casefold()
