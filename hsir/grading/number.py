r"""Numbers: `42`, `$1,000.50`, `29.00`, `3/4`, `1 1/2`, `\frac{3}{4}`, `1.5e6`, `10 %`, `18 eggs`, `3 million`."""

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from pydantic import Field

from hsir import traces
from hsir.grading import announced, numerals, statements
from hsir.grading.base import Choices, Grader, Place, Stated

MOST_DIGITS = 300
"""Digits of the longest number that is read."""

_WHOLE = re.compile(r"[-+]?\d{1,18}")
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
_TOKEN = re.compile(
    rf"(?<![.^_/])(?<![^\W\u2e80-\ud7ff])(?<!\d[,:])(?<![\^_]\{{)(?:(?<![)\]}}])(?P<sign>[-+]))?[$€£]?(?P<digits>{_DIGITS})"
    r"(?:[eE](?P<e>[-+]?\d{1,3})\b|\s?(?:x|\*|\u00d7|\\times)\s?10\^\{?(?P<ten>[-+]?\d{1,3})\}?)?"
    r"(?:\s{1,2}(?P<top>\d{1,6})/(?P<under>\d{1,6})(?![\w/])|\s?/\s?(?P<over>\d{1,18}(?:,\d{3})*)(?![\w/]))?"
    r"(?!:\d|\d|[.,/]\d|\^)(?:\s(?P<scale>hundred|thousand|million|billion|trillion)\b)?"
)
_SCALE = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_CLEANER = re.compile(
    r"\\(?:text|textbf|mathrm|mathbf|textrm|mbox|textnormal|boxed|fbox)\s*\{([^{}]*)\}"
    r"|\\[dt]?frac\s*(?:\{([^{}]{1,20})\}\s*\{([^{}]{1,20})\}|(\d)\s?(\d))"
    r"|([\u00bc-\u00be\u2150-\u215e])|\\(times|cdot)(?![a-zA-Z])"
    r"|\^\{?\\circ\}?|\\[!,;: ]|\{,\}|\\left|\\right|\\\(|\\\)|\\\[|\\\]|\*\*|\\(?=[$%])"
)
_DASHES = str.maketrans({"\u2212": "-", "\u2013": "-"})
_SPACE = re.compile(r"[\u00a0\u2009\u202f]")
_GROUPS = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_SPACED = re.compile(r"([-+]?[$€£]?\d{1,3})((?: \d{3})+)(?!\d)(?=[^\d]*$|\.\d+[^\d]*$)")
# Powers, factors and bounds: what makes a number not the one that stands there, or no number at all.
_CHANGED = re.compile(r"[xyznikKMB\u03c0](?![a-zA-Z])|[\u00b2\u00b3\u00b9\u2070-\u209f\u221a]")
_BOUND = re.compile(
    r"(?:^|[a-z]\s*)[<>\u2264\u2265\u2260]\s*$|\b(?:(?:less|fewer|more|greater|other)\s+than|at\s+(?:least|most)|up\s+to"
    r"|over|under|above|below|almost|nearly|or|twice|double|triple|half|between|minus|plus|times"
    r"|(?:half|one|third|quarter|[a-z]+ths?)\s+of)\s+[$\u20ac\u00a3]?$",
    re.IGNORECASE,
)
_OPEN_END = re.compile(
    r"\s*(?:[a-z]+\s+)?(?:or|and)\s+(?:more|less|fewer|greater|higher|lower|up|above|below|over|under|so)\b"
    r"|\s*(?:squared|cubed|factorial)\b|\s*(?:at\s+(?:least|most)|[+!](?!\w))",
    re.IGNORECASE,
)
_DOZEN = re.compile(r"\s*dozens?\b", re.IGNORECASE)
_NOT = re.compile(r"(?:\bnot|n['\u2019]t)\s+(?:be\s+|equal(?:\s+to)?\s+|=\s*)?[$*]{0,4}$", re.IGNORECASE)
_SEVERAL = re.compile(r"=[^=,;]{0,40}[,;]\s*(?:and\s+)?[a-z]\w*\s*=", re.IGNORECASE)
_GOES_ON = re.compile(
    r"\s*(?:[-+*/=^\u00d7\u00f7<>]|\\times|\\cdot|times\b)\s*[\d($\\]"
    r"|\s*(?!(?:because|since|as|so|when|where|if|i\.e|for)\b)[a-z]{1,10}\.?,?\s(?:and\s)?\d",
    re.I,
)
_LEAD = re.compile(
    r"(?:(?:a\s+total\s+of|equal\s+to|exactly|approximately|around|roughly|only|[a-z]\s*=)\s*[$]?)*", re.I
)
_LABEL = re.compile(r"\b(?:step|line|part|equation)\s+\d+\s*[:.)]|^[ \t]*\d{1,2}[.)]\s", re.IGNORECASE | re.MULTILINE)
_LINE_LEAD = re.compile(r"\W*(?:(?:the\s+)?(?:final\s+|total\s+)?answer\b\W*(?:is\b)?)?\s*(?:[a-z]\s*=)?\s*", re.IGNORECASE)
_HEADING = re.compile(r"[.):]\s*[^\W\d_]|[^\n]*:")
# "40 dwarves can mine 43,200 pounds": the number is the sentence's subject, not the answer
_SENTENCE = re.compile(r"\W{0,6}[\d,.]+\s(?:[^\W\d_]+\s){1,6}?(?:can|could|will|would|should|must|have|has|are|were|cost|make)\b.*\d")
# A number, and no more on its line
_ALONE = re.compile(r"[\s:*$]{0,6}(-?\d{1,15})[*.$]{0,4}[ \t]*(?=\n|$)")
_TAIL = 300
_BEFORE_WORD = re.compile(r"[:=]|\b(?:is|are|equals)\s")
_HAS_DIGIT = re.compile(r"[\d\u00bc-\u00be\u2150-\u215e]")
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]{1,80})\*\*")
_ASIDE = re.compile(r"\([^()\n]{1,100}\)")
# "She needs 18 more vlogs to reach her goal of 72": what stands after it is no result
_PURPOSE = re.compile(r"\b(?:to\s+[a-z]+|if|when|because|since|before|while|until)\b", re.IGNORECASE)
# "= 16.7, which rounds to 17", "= 0.5 hours or 30 minutes"
_REVISED = re.compile(r"[^\n]{0,80}?\b(?:round(?:s|ed|ing)?|or|meaning|equals)\b[^\n]{0,40}\d", re.IGNORECASE)
_LINE = re.compile(r"^[ \t]*A:[ \t]*(?=\S)", re.MULTILINE)


class Number(Grader):
    """A number, compared by value."""

    kind: Literal["number"] = "number"
    fallbacks: tuple[Place, ...] = Field(
        ("open_tag", "hash", "boxed", "stated", "last"),
        description="Places to look at in turn where no closed tags are.",
    )

    def check_gold(self, gold: str, options: Choices | None = None) -> str:
        if value(gold) is None:
            raise ValueError(f"{gold!r} is no number")
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
            return _last(text) or _in_words(text)
        if place == "boxed":
            content = traces.last_boxed(text)
            return content if content and (_HAS_DIGIT.search(content) or value(content) is not None) else None
        return super().find(place, text, options)

    def last_stated(self, text: str, options: Choices | None) -> str | None:
        if "\\boxed{" in text:
            return super().last_stated(text, options)
        for cue in announced.cues(text):
            alone = _ALONE.match(text, cue.end())
            found = alone[1] if alone else at(text, cue.end())
            if not alone and cue[0].rstrip("*_ ").endswith(":"):
                found = _in_sentence(text, cue, found)
            if found and not announced.denied(text, cue.start()):
                return f"{found} dozen" if _DOZEN.match(text, text.find(found, cue.end()) + len(found)) else found
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


def value(text: str) -> int | Fraction | None:
    """Give the number that a short answer is, units and wrappings aside; None if it is none, or several."""
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    if len(text) > 300:
        return None
    text = _clean(text)
    if "\\" in text or _SEVERAL.search(text):  # a root, a variable, a set: no plain number
        return None
    if "=" in text:
        text = text.rsplit("=", 1)[1]
    text = _SPACED.sub(lambda match: match[1] + match[2].replace(" ", ""), text)
    found = list(_TOKEN.finditer(text))
    if not found:
        return numerals.spelt(text.strip("*_.$\"'` "))
    if statements.denied(text, found[0].start()) or _BOUND.search(text[: found[0].start()]):
        return None
    if any(_altered(text, token.end()) for token in found):
        return None
    values = {_token_value(token) for token in found}
    single = values.pop() if len(values) == 1 else None
    return single * 12 if single is not None and _DOZEN.match(text, found[-1].end()) else single


def _altered(text: str, end: int) -> bool:
    """Tell whether what stands after a number makes it another one, or a bound: `5^2`, `5!`, `5 or more`."""
    return bool(_GOES_ON.match(text, end) or _CHANGED.match(text, end) or _OPEN_END.match(text, end))


def plain(text: str) -> bool:
    """Tell whether a text is a number and nothing else."""
    found = _TOKEN.match(text.strip().translate(_DASHES))
    return bool(found) and text.strip()[found.end() :].strip() in ("", ".", "%")  # type: ignore[union-attr]


def _clean(text: str) -> str:
    text = text.translate(_DASHES)
    if not text.isascii():
        text = _SPACE.sub(" ", _GROUPS.sub("", text))
    if "\\" in text or "*" in text or "{" in text or not text.isascii():
        text = _CLEANER.sub(_plain, text)
    return numerals.mixed(text) if " and " in text else text


def _plain(found: re.Match[str]) -> str:
    if found[1] is not None:
        return f" {found[1]}"
    if found[7]:
        return "x"
    parts = [part for part in found.groups()[1:5] if part]
    fraction = unicodedata.normalize("NFKC", found[6]).replace("\u2044", "/") if found[6] else "/".join(parts)
    before = found.string[: found.start()][-1:]
    # A sign belongs to the fraction behind it, a digit makes it a mixed number.
    return f"{' ' if before.isdigit() else ''}{fraction} " if fraction else ""


def _token_value(token: re.Match[str]) -> int | Fraction | None:
    digits = token["digits"].replace(",", "")
    if len(digits) > MOST_DIGITS:
        return None
    number: int | Fraction = int(digits) if digits.isdigit() else Fraction(digits)
    if token["over"]:
        under = int(token["over"].replace(",", ""))
        if under == 0:
            return None
        number = Fraction(number) / under
    if token["under"]:
        if int(token["under"]) == 0:
            return None
        number += Fraction(int(token["top"]), int(token["under"]))
    power = token["e"] or token["ten"]
    if power:
        number *= Fraction(10) ** int(power)
    if token["scale"]:
        number *= _SCALE[token["scale"]]
    return -number if token["sign"] == "-" else number


def at(text: str, start: int) -> str | None:
    """Read the number that stands at `start`, wrappings aside, unless more follows that makes it another one."""
    begin = statements.opening(text, _LEAD.match(text, statements.opening(text, start)).end())  # type: ignore[union-attr]
    segment = _clean(text[begin : begin + _TAIL].split("\n", 1)[0])
    token = _TOKEN.match(segment)
    while token and _GOES_ON.match(segment, token.end()):
        equals = segment.find("=", token.end())
        token = _TOKEN.search(segment, equals) if equals >= 0 else None
    return token[0].strip() if token and not statements.open_ended(segment, token.end()) else None


def _headed(text: str) -> str | None:
    """Read the last line that is marked by #### and a number alone; others are headings ("#### Step 2: ...")."""
    if "####" in text:
        marks = (text[found + 4 :] for found in announced.rfinds(text, "####"))
    else:
        marks = (text[mark.end() :] for mark in reversed(list(_LINE.finditer(text))))
    for rest in marks:
        line = rest.split("\n", 1)[0].strip(" \t#")
        if _WHOLE.fullmatch(line) or _is_result(line):
            return line
    return None


def _is_result(line: str) -> bool:
    start = statements.opening(line, _LINE_LEAD.match(line).end())  # type: ignore[union-attr]
    token = _TOKEN.match(_clean(line[start:]))
    return bool(token and not _HEADING.match(token.string, token.end()) and value(line) is not None)


def _last(text: str) -> str | None:
    """Read the number that the last line with numbers gives as its result, or else its last number."""
    for size in (_TAIL, 10 * _TAIL, len(text)):
        tail = text[-size:]
        end = len(tail)
        while end > 0:
            start = tail.rfind("\n", 0, end) + 1
            if start == 0 and size < len(text):
                break  # the line may begin before the tail
            tokens = _tokens(tail[start:end])
            if tokens and _hedged(tail[start:end]):
                return None
            if tokens:
                return _result(tokens, tail[start:end], tail[:start])
            end = start - 1
        if size >= len(text):
            break
    return None


def _in_sentence(text: str, cue: re.Match[str], found: str | None) -> str | None:
    """Read the number of the sentence after "Answer:": "Rosie can run **50 miles** in 7 hours"."""
    sentence = text[cue.end() :].lstrip().split("\n", 1)[0]
    if found and not _SENTENCE.match(sentence):
        return found
    tokens = _tokens(sentence)
    return _result(tokens, sentence, text[: cue.start()]) if tokens and not _hedged(sentence) else None


def _hedged(line: str) -> bool:
    """Tell whether a line states a bound or a range as the answer: "the answer is at least 5"."""
    said = statements.FINAL.search(line)
    rest = _clean(line[said.end() :]) if said else ""
    token = _TOKEN.search(rest)
    return bool(token and (_BOUND.search(rest[: token.start()]) or _altered(rest, token.end())))


def _in_words(text: str) -> str | None:
    """Read the number in words that ends a text without digits: `five`, `Result: three apples.`"""
    line = text.rstrip()[-_TAIL:].rsplit("\n", 1)[-1]
    word = _BEFORE_WORD.split(line)[-1].strip("*_`. ")
    return word if word and numerals.spelt(word) is not None else None


def _tokens(line: str) -> list[re.Match[str]]:
    """Find the numbers of a line, without those that number a step or are denied."""
    if not _HAS_DIGIT.search(line):
        return []
    line = _LABEL.sub(" ", _clean(line))
    return [
        token
        for token in _TOKEN.finditer(line)
        if not _NOT.search(line[max(0, token.start() - 20) : token.start()])
    ]


def _result(tokens: list[re.Match[str]], line: str, before: str) -> str:
    """Choose among the numbers of the last line: the only bold one, then what was computed last, then the last one.

    "= 120. So Tim deals with 120 calls during his 5-day week." gives 120.
    """
    if len(tokens) > 1:
        bold = {token[0].strip() for part in _BOLD.findall(line) for token in _tokens(part)}
        if len(bold) == 1:
            return bold.pop()
        computed = _computed(line if "=" in line else before[-2 * _TAIL :])
        wanted = _token_value(computed) if computed else None
        if computed and wanted is not None and any(_token_value(token) == wanted for token in tokens):
            return computed[0].strip()
    text = tokens[-1].string
    aside = [found.span() for found in _ASIDE.finditer(text)]
    purpose = _PURPOSE.search(text, tokens[0].end()) if "=" not in text else None
    if purpose:
        aside.append((purpose.start(), len(text)))
    main = [token for token in tokens if not any(start < token.start() < end for start, end in aside)]
    return (main or tokens)[-1][0].strip()


def _computed(text: str) -> re.Match[str] | None:
    """Find the result behind the last equals sign; none where it is rounded or converted afterwards."""
    text = _clean(text)
    equals = text.rfind("=")
    found = _TOKEN.search(text, equals, equals + 40) if equals >= 0 else None
    return None if found is None or _REVISED.match(text, found.end()) else found


def _near(one: int | Fraction, other: int | Fraction) -> bool:
    """Tell whether two numbers differ by no more than floating point does: 0.1 + 0.2 is 0.3."""
    if isinstance(one, int) and isinstance(other, int):
        return False
    apart, allowed = Fraction(one) - Fraction(other), Fraction(other) / 10**10
    return -abs(allowed) <= apart <= abs(allowed)


@lru_cache(maxsize=65536)
def _gold_value(gold: str) -> int | Fraction | None:
    return value(gold)
