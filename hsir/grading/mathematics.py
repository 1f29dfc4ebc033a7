"""Mathematics: equal by value or by form, as math-verify decides; plain numbers and equal texts without it."""

import atexit
import itertools
import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from pydantic import Field

from hsir import traces
from hsir.grading import number, statements
from hsir.grading.base import MOST_TOLD, Choices, Grader, Item, Judgement, Place, Stated
from hsir.grading.pool import Pool

LONGEST = 4000
"""Characters of a text's end that are searched for an answer."""

CHUNK = 1024
"""Answers that are graded together."""

_WRAP = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|textrm|mbox|operatorname|textnormal|rm|bf)\s*\{([^{}]*)\}")
_NOISE = re.compile(r"\\(?:left|right|displaystyle|quad|qquad)(?![a-zA-Z])|\\[!,;: ]|\s+|\\?\$|\\[()\[\]]|~")
_FRACTION = re.compile(r"\\[dt]frac")
_WORD = re.compile(r"[A-Za-z]{3,}")
_NOT_IT = re.compile(r"\banswer\s+is(?:\s+not|n['\u2019]t)\s+\S{1,60}\s*$", re.IGNORECASE)
_FORMULA = re.compile(r"\$([^$\n]{1,400})\$|\\\((.{1,400}?)\\\)|\\\[(.{1,400}?)\\\]", re.DOTALL)


class _Open(NamedTuple):
    """A judgement that waits for math-verify."""

    text: str
    gold: str
    why: str


class Math(Grader):
    """A mathematical expression."""

    kind: Literal["math"] = "math"
    fallbacks: tuple[Place, ...] = Field(
        ("open_tag", "boxed", "last"), description="Places to look at in turn where no closed tags are."
    )
    deadline: float = Field(5.0, gt=0, description="Seconds that one comparison may take; later it is undecided.")
    workers: int = Field(0, ge=0, description="Processes that compare; 0 is one a core that the process may use.")

    def check_gold(self, gold: str, options: Choices | None = None) -> str:
        if not gold.strip():
            raise ValueError("the gold answer is empty")
        if self.same(gold, gold) is not True:
            raise ValueError(f"{gold!r} cannot be read as mathematics")
        return gold.strip()

    def judge(self, item: Item) -> Judgement:
        return next(self.judge_all([item]))

    def judge_all(self, items: Iterable[Item]) -> Iterator[Judgement]:
        rest = iter(items)
        while chunk := [self._quick(item) for item in itertools.islice(rest, CHUNK)]:
            slow = iter(self._pool().run([(one.text, one.gold) for one in chunk if isinstance(one, _Open)]))
            for one in chunk:
                yield _decided(one, next(slow)) if isinstance(one, _Open) else one

    def same(self, answer: str, gold: str, options: Choices | None = None) -> bool | None:
        quick = _same(answer, gold)
        if quick is not None:
            return quick
        reply = self._pool().run([(answer[-LONGEST:], gold)])[0]
        return reply[1] if reply else None

    def distinct(self, answers: list[str], options: Choices | None) -> list[str]:
        return list({_normal(answer): answer for answer in answers}.values())[:MOST_TOLD]

    def find(self, place: Place, text: str, options: Choices | None) -> str | None:
        if place == "boxed":
            boxes = traces.boxed(text)
            return text[max(0, boxes[-1][1] - LONGEST) : boxes[-1][1]] if boxes else None
        if place == "last":
            return None if _NOT_IT.search(text[-100:]) else text.strip()[-LONGEST:] or None
        return super().find(place, text, options)

    def stated(self, text: str, options: Choices | None = None) -> Iterator[Stated]:
        for start, end, content in traces.boxed(text):
            if not statements.undone(text, start, end):
                yield Stated(content, start, end)
        for cue in statements.CUE.finditer(text):
            found = _FORMULA.match(text, statements.spaces(text, cue.end()))
            answer = next(filter(None, found.groups()), None) if found else number.at(text, cue.end())
            end = found.end() if found else cue.end()
            if answer and not statements.undone(text, cue.start(), end):
                yield Stated(answer.strip(), cue.start(), end)

    def _quick(self, item: Item) -> Judgement | _Open:
        found, why = self.locate(item)
        if found is None:
            return Judgement(None, "no_answer", why)
        answers = self.distinct(found, None)
        if len(answers) > 1:
            return Judgement(" | ".join(answers), "undecided", "several")
        answer = _alone(answers[0]) if why == "boxed" else answers[0]
        same = _same(answer, item.gold)
        if same is None:
            return _Open(answers[0][-LONGEST:], item.gold, why)
        return Judgement(answer, "right" if same else "wrong", why)

    def _pool(self) -> Pool:
        return _shared(self.workers or len(os.sched_getaffinity(0)), self.deadline)


def _decided(one: _Open, reply: list[object] | None) -> Judgement:
    """Read math-verify's reply; None where the deadline killed it."""
    if reply is None:
        return Judgement(one.text.strip()[-200:], "undecided", "deadline")
    extracted, same = reply
    if same is None:
        return Judgement(one.text.strip()[-200:], "undecided", "unread")
    return Judgement(str(extracted), "right" if same else "wrong", one.why)


def _same(answer: str, gold: str) -> bool | None:
    """Compare without math-verify: equal forms, whole numbers, words; None where that says nothing."""
    given, wanted = _normal(answer[-LONGEST:]), _gold_normal(gold)
    if given == wanted and given:
        return True
    try:
        one, other = int(given), int(wanted)
    except ValueError:
        both_words = _WORD.fullmatch(given) and _WORD.fullmatch(wanted)
        return given.casefold() == wanted.casefold() if both_words else None
    return one == other


def _alone(text: str) -> str:
    """Give the content of the only box of a text; the whole text where there are several, or none."""
    found = traces.boxed(text, most=2)
    return found[0][2] if len(found) == 1 else text


@lru_cache(maxsize=4096)
def _gold_normal(gold: str) -> str:
    return _normal(gold)


def _normal(text: str) -> str:
    text = _FRACTION.sub(r"\\frac", _WRAP.sub(r"\1", text.strip()))
    return _NOISE.sub("", text).rstrip(".").strip()


@lru_cache
def _shared(workers: int, deadline: float) -> Pool:
    pool = Pool("hsir.grading.mathworker", workers, deadline)
    atexit.register(pool.close)
    return pool
