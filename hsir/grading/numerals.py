"""Numbers in words: `five`, `twenty-one apples`, `three and a half`, `a dozen`, `5 and 1/4`."""

import re
from fractions import Fraction

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
]  # fmt: skip
_SMALL = {word: n for n, word in enumerate(_ONES)} | {word: 10 * n for n, word in enumerate(_TENS, start=2)}
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9}
_PARTS = {"half": "1/2", "third": "1/3", "quarter": "1/4", "fourth": "1/4", "fifth": "1/5"}
# Single-character numbers in Chinese and Japanese; longer ones are not supported.
_CJK = {
    character: n for n, character in enumerate("\u96f6\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341")
}
_WORDS = re.compile(r"[a-z]+|[^\sa-z-]+", re.IGNORECASE)
_MIXED = re.compile(
    rf"(?<![\d./,])(\d{{1,9}})\s+and\s+(?:(?:an?\s+|one\s+)?({'|'.join(_PARTS)})\b(?!\s+of\b)|(\d{{1,4}}/\d{{1,4}})(?![\d/]))",
    re.IGNORECASE,
)
LONGEST = 80
"""Maximum number of characters of a number in words."""


def mixed(text: str) -> str:
    """Rewrite `5 and a half` as `5 1/2`, so that it is not read as 5, nor `3 and 1/4` as 1/4."""
    return _MIXED.sub(lambda found: f"{found[1]} {found[3] or _PARTS[found[2].lower()]}", text)


def spelt(text: str) -> int | Fraction | None:
    """Return the number in words at the start of a text; None if there is none, or if more numbers follow."""
    if text[:1] in _CJK:
        return _CJK[text[0]] if not text[1:2].isalnum() else None
    words = [word.lower() for word in _WORDS.findall(text[:LONGEST])]
    if words[:1] == ["a"] and words[1:2] in (["dozen"], ["hundred"], ["thousand"], ["million"]):
        words[0] = "one"
    if not words or words[0] not in _SMALL:
        return None
    number, used = _read(words)
    rest = words[used:]
    if rest[:1] == ["and"]:
        part = rest[2:3] if rest[1:2] in (["a"], ["an"], ["one"]) else rest[1:2]
        if not part or part[0] not in _PARTS:
            return None
        return number + Fraction(_PARTS[part[0]])
    sixths = {"sixths", "sevenths", "eighths", "ninths", "tenths"}
    unread = sixths | {
        "or",
        "to",
        "minus",
        "plus",
        "times",
        *_SMALL,
        *_SCALES,
        *_PARTS,
        *(f"{part}s" for part in _PARTS),
    }
    return None if unread & set(rest) else number


def _read(words: list[str]) -> tuple[int, int]:
    """Return the integer at the start of the words, and how many of them it takes."""
    total, group, used = 0, 0, 0
    for position, word in enumerate(words):
        following = words[position + 1 : position + 2]
        if word in _SMALL and (group % 100 == 0 or (group % 10 == 0 and group % 100 > 10 and _SMALL[word] < 10)):
            group += _SMALL[word]
        elif word in ("dozen", "hundred"):
            group *= _SCALES[word]
        elif word in _SCALES:
            total, group = total + group * _SCALES[word], 0
        elif not (word == "and" and group >= 100 and following and following[0] in _SMALL):
            break
        used = position + 1
    return total + group, used
