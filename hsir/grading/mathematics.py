"""Mathematics: equality by value or form, decided by math-verify; plain numbers and equal texts without it."""

import atexit
import itertools
import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from pydantic import Field

from hsir import traces
from hsir.grading import announced, boxes, equality, expressions, formula, reading, statements, words
from hsir.grading.base import MOST_TOLD, Choices, Grader, Item, Judgement, Place, Stated
from hsir.grading.choice import Choice
from hsir.grading.pool import Pool

LONGEST = 4000
"""Number of characters at a text's end that are searched for an answer."""

CHUNK = 1024
"""Number of answers graded together."""

_NOT_IT = re.compile(
    r"\banswer\s+is(?:\s+not|n['\u2019]t)\s+\S{1,60}\s*$|\bit\s+is\s+not\s+\S{1,60}\s*$", re.IGNORECASE
)
_FORMULA = re.compile(r"\$([^$\n]{1,400})\$|\\\((.{1,400}?)\\\)|\\\[(.{1,400}?)\\\]", re.DOTALL)
_DELIMITED = re.compile(r"\$[^$]+\$|\\\(|\\\[|\\begin\{|\\boxed")
_JOINED = re.compile(r"[\s,;]*+(?:and|or)?\s*")
_PROSE = re.compile(r"(?<![\\\w])[^\W\d_]{3,}\s+[^\W\d_]{2,}|\n|[\u0400-\u04ff]{3}|[\u2e80-\ud7ff]")
_CUT = re.compile(r"\.(?=\s|$)|,\s(?=[a-z])|\s(?:because|since|as|which)\s")
_OVERRULES = re.compile(r"\bfinal\s+answer\b[^.\n]{0,40}?(?:\bis\b|:)\W{0,6}[\s*:]*(?=[-$\d\\])", re.IGNORECASE)
_SHORT = 60
_LETTERS = Choice(fallbacks=("stated", "alone"))


class _Open(NamedTuple):
    """A judgement that waits for math-verify."""

    text: str
    gold: str
    prose: bool
    why: str


class Math(Grader):
    """A mathematical expression."""

    kind: Literal["math"] = "math"
    fallbacks: tuple[Place, ...] = Field(
        ("open_tag", "boxed", "stated", "last"),
        description="Places to look for the answer, in order, if there are no closed tags.",
    )
    deadline: float = Field(
        5.0, gt=0, description="Time limit of one comparison, in seconds; after that, it is undecided."
    )
    workers: int = Field(0, ge=0, description="Number of worker processes; 0 means one per available core.")

    def check_gold(self, gold: str, options: Choices | None = None) -> str:
        if not gold.strip():
            raise ValueError("the gold answer is empty")
        if self.same(gold, gold) is not True:
            raise ValueError(f"{gold!r} cannot be parsed as mathematics")
        return gold.strip()

    def judge(self, item: Item) -> Judgement:
        return next(self.judge_all([item]))

    def judge_all(self, items: Iterable[Item]) -> Iterator[Judgement]:
        rest = iter(items)
        while chunk := [self._quick(item) for item in itertools.islice(rest, CHUNK)]:
            asked = list(dict.fromkeys(one[:3] for one in chunk if isinstance(one, _Open)))
            replies = dict(zip(asked, self._pool().run(asked), strict=True))
            for one in chunk:
                yield _decided(one, replies[one[:3]]) if isinstance(one, _Open) else one

    def same(self, answer: str, gold: str, options: Choices | None = None) -> bool | None:
        answer = _expression(answer[-LONGEST:])
        quick = equality.quick(answer, gold)
        if quick is not None:
            return quick
        reply = self._pool().run([(answer, gold, False)])[0]
        return reply[1] if reply else None

    def distinct(self, answers: list[str], options: Choices | None) -> list[str]:
        return list({equality.form(answer): answer for answer in answers}.values())[:MOST_TOLD]

    def find(self, place: Place, text: str, options: Choices | None) -> str | None:
        if place == "boxed":
            box = boxes.last(text)
            later = _OVERRULES.search(box.after) if box else None
            return announced.last_phrase(box.after) if box and later else box.content if box else None
        if place == "stated":
            phrase = announced.last_phrase(text)
            return phrase if phrase and _of_phrase(phrase) else None
        if place == "last":
            return None if _NOT_IT.search(text[-100:]) else text.strip()[-LONGEST:] or None
        return super().find(place, text, options)

    def stated(self, text: str, options: Choices | None = None) -> Iterator[Stated]:
        for start, end, content in traces.boxed(text):
            if not statements.undone(text, start, end):
                yield Stated(content, start, end)
        for cue in statements.CUE.finditer(text):
            found = _FORMULA.match(text, statements.spaces(text, cue.end()))
            answer = next(filter(None, found.groups()), None) if found else reading.at(text, cue.end())
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
        word, letter = _gold_words(item.gold)
        if letter and why in ("stated", "last"):
            judged = _LETTERS.judge(Item(words.plain(traces.final_part(item.completion) or ""), letter))
            if judged.extracted:
                return judged
        if word and why in ("stated", "last"):
            return _named(answers[0], word, why)
        answer, prose = _found(answers[0], why)
        if answer is None:
            return Judgement(None, "no_answer", "none")
        same = None if prose else equality.quick(answer, item.gold)
        if same is None:
            return _Open(answer, item.gold, prose, why)
        return Judgement(answer, "right" if same else "wrong", why)

    def _pool(self) -> Pool:
        return _shared(self.workers or len(os.sched_getaffinity(0)), self.deadline)


def _decided(one: _Open, reply: list[object] | None) -> Judgement:
    """Read math-verify's reply; None if the deadline killed it."""
    if reply is None:
        return Judgement(one.text.strip()[-200:], "undecided", "deadline")
    extracted, same = reply
    if same is None:
        return Judgement(one.text.strip()[-200:], "undecided", "unread")
    return Judgement(str(extracted), "right" if same else "wrong", one.why)


def _found(text: str, why: str) -> tuple[str | None, bool]:
    """Return the expression found, or the prose for math-verify to search; and whether it is prose."""
    if why in ("tags", "open_tag", "boxed"):
        return _expression(text), False
    if why == "stated":
        return _of_phrase(text), False
    plain = formula.latex(text)
    if not _PROSE.search(plain) and not expressions.BOLD.search(plain) and not _FORMULA.search(plain):
        return plain, False
    part, before = expressions.paragraph(text)
    if _DELIMITED.search(part):
        closing = _last_formula(part)
        return (closing, False) if closing else (part, True)
    return expressions.result(part, before), False


def _expression(text: str) -> str:
    """Return the expression of a complete answer: the content of its boxes, its statement, or all of it."""
    box = boxes.last(text)
    if box:
        return formula.latex(box.content)
    phrase = announced.last_phrase(text) if _PROSE.search(text) or ":" in text else None
    return (_of_phrase(phrase) if phrase else None) or formula.latex(text)


def _of_phrase(phrase: str) -> str | None:
    """Return the expression after "the answer is"; None if there is none."""
    found = _FORMULA.match(phrase)
    if found:
        joined = [found]
        for following in _FORMULA.finditer(phrase, found.end()):
            if not _JOINED.fullmatch(phrase, joined[-1].end(), following.start()):
                break
            joined.append(following)
        return _content(joined)
    box = boxes.last(phrase)
    if box:
        return formula.latex(box.content)
    short = _CUT.split(phrase)[0].strip()
    plain = expressions.only(phrase.rstrip(" .")) or expressions.only(short)
    if plain:
        return plain
    if len(short) <= _SHORT and not _PROSE.search(short):
        return formula.latex(short)
    return expressions.result(phrase, "")


def _last_formula(part: str) -> str | None:
    """Return the formula that ends a paragraph, and those joined to it; None if more mathematics follows."""
    found = list(_FORMULA.finditer(part))
    if not found or expressions.MARKS.search(part, found[-1].end()):
        return None
    joined = [found[-1]]
    for before in reversed(found[:-1]):
        if not _JOINED.fullmatch(part, before.end(), joined[0].start()):
            break
        joined.insert(0, before)
    return _content(joined)


def _content(formulas: list[re.Match[str]]) -> str:
    return formula.latex(", ".join(next(filter(None, found.groups())) for found in formulas))


@lru_cache(maxsize=4096)
def _gold_words(gold: str) -> tuple[str | None, str | None]:
    """Return the words, or the option letter, of a gold answer."""
    letter = words.option(gold)
    return (None if letter else words.phrase(gold)), letter


def _named(text: str, word: str, why: str) -> Judgement:
    given = formula.unwrapped(text)
    if equality.form(given).casefold() == equality.form(word).casefold():
        return Judgement(given, "right", why)
    named = words.named(text, word)
    told = text.strip()[-200:]
    return Judgement(told, "undecided" if named is None else "right" if named else "wrong", why)


@lru_cache
def _shared(workers: int, deadline: float) -> Pool:
    pool = Pool("hsir.grading.mathworker", workers, deadline)
    atexit.register(pool.close)
    return pool
