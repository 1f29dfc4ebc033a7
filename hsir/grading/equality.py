"""Equality of mathematics without computer algebra: equal forms, plain numbers, words, numbers with a base."""

import re
from fractions import Fraction
from functools import lru_cache

from hsir.grading import formula

TOLERANCE = Fraction(2, 10**6)
"""Maximum relative difference for a decimal number to count as a rounding of another: 0.333333 is 1/3, 0.3333 is
not."""

FLOATING = Fraction(1, 10**9)
"""The same if neither needs rounding: floating-point error, as in 0.30000000000000004."""

DECIMALS = 10**6
"""Number of decimal places to which both must also agree, as in math-verify."""

_WRAP = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|textrm|mbox|operatorname|textnormal|rm|bf)\s*\{([^{}]*)\}")
_NOISE = re.compile(r"\\(?:left|right|displaystyle|quad|qquad)(?![a-zA-Z])|\\[!,;: ]|\s+|\\?\$|\\[()\[\]]|~")
_FRACTION = re.compile(r"\\[dt]frac")
_SHORT = re.compile(r"\\frac\s?(\d)\s?(\d)")
_DEGREES = re.compile(r"(?<!\s)\s*\^\s*(?:\\circ|\{\s*\\circ\s*\})\s*$")
_STOP = re.compile(r"(?<!\.)\.$")
_WORD = re.compile(r"[A-Za-z]{3,}")
_ANY_LETTER = re.compile(r"[^\W\d_]")
_LETTER = re.compile(r"\(?([A-Z])\)?")
_RATIONAL = re.compile(
    r"(?P<sign>[-+]?)(?:(?P<whole>(?:[1-9]\d{0,2}(?:,\d{3})+|\d{1,300})?(?:\.\d{1,300})?)"
    r"|(?P<mixed>\d{1,9})?\\frac\{(?P<top>\d{1,300})\}\{(?P<under>\d{1,300})\}|(?P<over>\d{1,300})/(?P<below>\d{1,300}))"
)
_SURD = re.compile(r"(?P<sign>-?)(?P<times>\d{1,9})?(?:\\sqrt\{(?P<root>\d{1,9})\})?(?P<pi>\\pi)?")
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
_BASE = re.compile(r"\(?([0-9A-Fa-f]{1,300})\)?_\{?(?:\\text\{)?(\d{1,2}|[a-z]{3,6})\}{0,2}")
_BASES = {"two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9"}


def quick(answer: str, gold: str) -> bool | None:
    """Compare without math-verify; None if this is inconclusive."""
    given, wanted = form(answer), gold_form(gold)
    if given == wanted and given:
        return True
    if _WORD.fullmatch(given) and _WORD.fullmatch(wanted):
        return given.casefold() == wanted.casefold()
    if _WORD.fullmatch(wanted) and given and not _ANY_LETTER.search(given):
        return False
    letters = _LETTER.fullmatch(given), _LETTER.fullmatch(wanted)
    if letters[0] and letters[1]:
        return letters[0][1] == letters[1][1]
    if "_" in given or "_" in wanted:
        return _based(given, wanted)
    if "\\" in given + wanted:
        surds = _surd(given), _surd(wanted)
        if surds[0] and surds[1]:
            return surds[0] == surds[1]
    one, other = _rational(given), _rational(wanted)
    if other is not None and one is None and _DECIMAL_COMMA.fullmatch(given):
        return True if _near(Fraction(given.replace(",", ".")), other) else None
    return None if one is None or other is None else _near(one, other)


def form(text: str) -> str:
    """Return the text without delimiters, spaces and a full stop."""
    text = text.strip().replace("{,}", ",")  # LaTeX's comma between thousands
    if "\\" in text:
        text = _SHORT.sub(r"\\frac{\1}{\2}", _FRACTION.sub(r"\\frac", _WRAP.sub(r"\1", text)))
        text = _DEGREES.sub("", text)
    return _STOP.sub("", _NOISE.sub("", text)).strip()


@lru_cache(maxsize=4096)
def gold_form(gold: str) -> str:
    """Return the form of a gold answer; cached, because there are few."""
    return form(formula.latex(gold))


def _rational(text: str) -> Fraction | None:
    if text.lstrip("-").startswith("0,"):
        text = text.replace(",", ".", 1)
    found = _RATIONAL.fullmatch(text) if text else None
    if found is None:
        return None
    if found["whole"] is not None:
        digits = found["whole"].replace(",", "")
        number = Fraction(digits) if digits else None
    else:
        under = int(found["under"] or found["below"])
        number = int(found["mixed"] or 0) + Fraction(int(found["top"] or found["over"]), under) if under else None
    return -number if number is not None and found["sign"] == "-" else number


def _surd(text: str) -> tuple[int, int, str] | None:
    """Return (sign, square of the value without pi, pi or nothing) of k, k sqrt(n), k pi for integer k; None for
    others."""
    found = _SURD.fullmatch(text) if text else None
    if found is None or text == "-":
        return None
    square = int(found["times"] or 1) ** 2 * int(found["root"] or 1)
    return (
        (0 if not square else -1 if found["sign"] == "-" else 1),
        square,
        found["pi"] if square and found["pi"] else "",
    )


def _near(one: Fraction, other: Fraction) -> bool:
    """Return whether two numbers are equal, or one is the other rounded to six significant digits or more."""
    if one == other:
        return True
    tolerance = FLOATING if _terminates(one) and _terminates(other) else TOLERANCE
    if (_exact(one) and _exact(other)) or round(one * DECIMALS) != round(other * DECIMALS):
        return False
    return abs(one - other) <= tolerance * max(abs(one), abs(other))


def _exact(number: Fraction) -> bool:
    """Return whether a number is exact, not a decimal that may be rounded: 1 is not 1 - 1/2^60."""
    return number.denominator == 1 or not _terminates(number)


def _terminates(number: Fraction) -> bool:
    rest = number.denominator
    for factor in (2, 5):
        while rest % factor == 0:
            rest //= factor
    return rest == 1


def _based(given: str, wanted: str) -> bool | None:
    """Compare numbers with a base: 101_2 is not 101_3, and 528 is not 52_8; a base may be omitted."""
    one, other = _BASE.fullmatch(given), _BASE.fullmatch(wanted)
    if one is None and other is None:
        return None
    digits = (one[1] if one else given).casefold(), (other[1] if other else wanted).casefold()
    bases = {_BASES.get(found[2], found[2]) for found in (one, other) if found}
    return digits[0] == digits[1] and len(bases) == 1
