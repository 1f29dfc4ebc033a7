"""Short texts, compared word for word; and the kind that is chosen question by question."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, get_args

from pydantic import Field

from hsir import traces
from hsir.grading import number, statements, yesno
from hsir.grading.base import Choices, Grader, Item, Judgement, Place, Stated
from hsir.grading.choice import Choice

_SENTENCE = re.compile(r"[^\n]{0,400}?(?=(?<!\b[SM]t)(?<!\b[DM]r)(?<!\bMs)\.\s|\.?$|\n)")
_COMMAND = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|textrm|mbox|boxed)\s*\{([^{}]*)\}")
_QUOTES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"'})


class Text(Grader):
    """A short text; case and white space do not count, nor do a full stop, quotes and emphasis around it."""

    kind: Literal["text"] = "text"
    fallbacks: tuple[Place, ...] = Field(
        ("open_tag", "boxed", "stated"), description="Places to look at in turn where no closed tags are."
    )

    def check_gold(self, gold: str, options: Choices | None = None) -> str:
        if not _plain(gold):
            raise ValueError("the gold answer is empty")
        return gold.strip()

    def same(self, answer: str, gold: str, options: Choices | None = None) -> bool | None:
        return _plain(answer) == _plain(gold)

    def stated(self, text: str, options: Choices | None = None) -> Iterator[Stated]:
        for start, end, content in traces.boxed(text):
            if not statements.undone(text, start, end):
                yield Stated(content, start, end)
        for cue in statements.CUE.finditer(text):
            begin = statements.spaces(text, cue.end())
            found = _SENTENCE.match(text, begin)
            answer = found[0].strip(" *_`$\"'\u201c\u201d") if found else ""
            if answer and not statements.undone(text, cue.start(), begin + len(answer)):
                yield Stated(answer, cue.start(), begin + len(answer))


class Auto(Grader):
    """By the question: a choice where it has options, else a number, yes or no, or a short text, as its gold is."""

    kind: Literal["auto"] = "auto"
    fallbacks: tuple[Place, ...] = Field(
        get_args(Place), description="Places to look at where no closed tags are; each kind has its own order."
    )

    def of(self, gold: str, options: Choices | None = None) -> Grader:
        if options:
            kind: type[Grader] = Choice
        elif number.plain(gold):
            kind = number.Number
        else:
            kind = yesno.YesNo if yesno.plain(gold) else Text
        return _set_up(kind, self.thinking, self.fallbacks)

    def judge(self, item: Item) -> Judgement:
        return self.of(item.gold, item.options).judge(item)

    def check_gold(self, gold: str, options: Choices | None = None) -> str:
        return self.of(gold, options).check_gold(gold, options)

    def same(self, answer: str, gold: str, options: Choices | None = None) -> bool | None:
        return self.of(gold, options).same(answer, gold, options)

    def stated(self, text: str, options: Choices | None = None) -> Iterator[Stated]:
        raise TypeError("what a text states depends on the question: ask `of(gold, options)`")


@lru_cache
def _set_up(kind: type[Grader], thinking: str, places: tuple[Place, ...]) -> Grader:
    own = kind.model_fields["fallbacks"].default
    return kind.model_validate({"thinking": thinking, "fallbacks": [place for place in own if place in places]})


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFC", _COMMAND.sub(r"\1", text)).translate(_QUOTES)
    return " ".join(text.split()).strip(" .*_`\"'$\u3002").casefold()
