"""The computation of a worker: math-verify's verdict, and two numerical checks of it.

math-verify compares to six decimals, so that 2e-7 would equal 1e-7; and it does not expand square roots, so that
sqrt(1/n) would not equal 1/sqrt(n).
"""

import re
from functools import lru_cache
from typing import Any

from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify
from sympy import Expr, FiniteSet, Float, Rational, Tuple, UnevaluatedExpr

from hsir.grading import formula

TOLERANCE = 2e-6
"""Maximum relative difference for a decimal number to count as a rounding of another."""

_LATEX, _PLAIN = LatexExtractionConfig(), ExprExtractionConfig()
_PROSE = re.compile(r"(?<![\\\w])[^\W\d_]{3,}\s+[^\W\d_]{2,}|[^\x00-\x7f]{2}")
# One number, whose comma groups thousands or can only be a decimal one: 1,000.99 and 1000,99, but not the pair 12,34.
_DIGITS = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+|(?:0|\d{4,}),\d+)\s?%?")
_BOLD = re.compile(r"(?<![\w)}\]*])\*\*(?=\S)([^*\n]+)(?<=\S)\*\*(?![\w({*])", re.ASCII)
_GLUED = re.compile(r"(?<=[\u2e80-\ud7ff\uff00-\uffef])(?=[-\d\\$(])")
_DELIMITERS = ("$", "\\(", "\\[", "\\boxed", "\\begin{align", "\\begin{equation")
_HUNDREDTH = UnevaluatedExpr(Rational(1, 100))
# Arbitrary, and of either sign: an identity holds at all of them, |x| = x does not.
_POINTS = [Rational(13, 7), Rational(29, 11), Rational(5, 13), Rational(-17, 9), Rational(-3, 11), Rational(41, 17)]


def compare(text: str, gold: str, prose: bool) -> list[Any]:
    """Return the extracted expression, and whether it equals the gold answer; None if it cannot be parsed."""
    wanted, given = _gold(gold), _searched(text) if prose else _whole(text)
    if not wanted or not given:
        return [None, None]
    same = any(equal(one, other) for one in wanted for other in given)
    return [str(given[-1])[:500], same]


def equal(gold: Any, answer: Any) -> bool:
    """Return whether math-verify considers two parsed expressions equal, and no numerical check contradicts it."""
    if _apart(gold, answer):
        return False
    same = verify([gold], [answer], timeout_seconds=None, raise_on_error=True, allow_set_relation_comp=True)
    return bool(_close(gold, answer) if same else _same_at_points(gold, answer))


def _apart(one: Any, other: Any) -> bool:
    """Return whether two numbers clearly differ, which avoids math-verify's attempts to simplify their difference."""
    if not _is_number(one) or not _is_number(other) or one.has(_HUNDREDTH) or other.has(_HUNDREDTH):
        return False
    values = [number.doit().evalf(20) for number in (one, other)]
    if not all(value.is_Float or value.is_Integer for value in values):
        return False
    return bool(abs(values[0] - values[1]) > 1e-5 * max(abs(values[0]), abs(values[1]), Rational(1, 10**6)))


@lru_cache(maxsize=64)
def _gold(gold: str) -> list[Any]:
    return _whole(formula.latex(gold)) or _searched(gold)


def _whole(text: str) -> list[Any]:
    """Parse a bare expression as if between dollars; nothing if it cannot be parsed to its end."""
    if _DIGITS.fullmatch(text):
        return _parsed(text, [_PLAIN])
    if any(mark in text for mark in _DELIMITERS):
        return _parsed(text, [_LATEX])
    inner, percent = (text.rstrip("\\%"), "\\%") if text.endswith("%") else (text, "")
    found = _parsed(f"${inner}${percent}", [_LATEX])
    if not found and "=" in text:  # 17 mod 5 = 2
        return _parsed(f"${text.rsplit('=', 1)[1]}$", [_LATEX])
    return found


def _searched(text: str) -> list[Any]:
    """Search prose for mathematics, between delimiters first."""
    text = text.replace("\\$", "")  # money; math-verify would read it as the end of a formula
    text = _GLUED.sub(" ", _BOLD.sub(r"\1", text.replace("\u00b0", "^\\circ ")))
    return _parsed(text, [_LATEX, _PLAIN])


def _parsed(text: str, extraction: list[Any]) -> list[Any]:
    found: list[Any] = parse(text, extraction, fallback_mode="no_fallback", parsing_timeout=None, raise_on_error=False)
    return found


def _close(one: Any, other: Any) -> bool:
    """Return whether numbers that agree to six decimals also agree to six significant digits."""
    if isinstance(one, (FiniteSet, Tuple)) and isinstance(other, (FiniteSet, Tuple)):
        ours, theirs = _numbers(one.args), _numbers(other.args)
        return ours is None or theirs is None or all(map(_close, ours, theirs))
    if not _is_number(one) or not _is_number(other):
        return True
    hundredfold = one.has(_HUNDREDTH) or other.has(_HUNDREDTH)  # 50% is 50, and 0.5
    exact = not one.has(Float) and not other.has(Float)
    one, other = (number.doit().evalf(30) for number in (one, other))
    allowed = (1e-20 if exact else TOLERANCE) * max(abs(one), abs(other))
    return any(abs(one * factor - other) <= allowed for factor in ((1, 100, Rational(1, 100)) if hundredfold else (1,)))


def _numbers(parts: Any) -> list[Any] | None:
    numbers = [part for part in parts if _is_number(part)]
    return sorted(numbers, key=lambda part: complex(part.doit()).real) if len(numbers) == len(parts) else None


def _is_number(one: Any) -> bool:
    return isinstance(one, Expr) and not one.free_symbols and one.is_finite is not False


def _same_at_points(one: Any, other: Any) -> bool:
    """Return whether two expressions in the same variables agree wherever both are real, at three points at least."""
    if not (isinstance(one, Expr) and isinstance(other, Expr) and one.free_symbols):
        return False
    if one.free_symbols != other.free_symbols or one.count_ops() + other.count_ops() > 100:
        return False
    symbols, agreed = sorted(one.free_symbols, key=str), 0
    for shift in range(len(_POINTS)):
        at = {symbol: _POINTS[(shift + n) % len(_POINTS)] + n // len(_POINTS) for n, symbol in enumerate(symbols)}
        values = [part.subs(at).doit().evalf(30) for part in (one, other)]
        if all(value.is_real for value in values):
            if abs(values[0] - values[1]) > 1e-20 * max(abs(values[0]), abs(values[1]), 1):
                return False
            agreed += 1
    return agreed >= 3
