"""Soundness of written arithmetic: find the false equations of a solution."""

import re
from fractions import Fraction
from typing import Literal

from hsir.options import Options
from hsir.selection.filters.base import Candidates

_NUMBER = r"\$?\d{1,12}(?:,\d{3}){0,4}(?:\.\d{1,9})?"
_SIGN = r" ?[+\-*/x\u00d7\u00f7\u2212] ?"
_GOES_ON = r"[\d%(^*/]| ?[+\-*/x\u00d7\u00f7]\s?\d"
"""After a result: it is not the end of the expression."""
_EQUATION = re.compile(rf"(?<![\w.,)])({_NUMBER}(?:{_SIGN}{_NUMBER}){{1,8}}) ?= ?(-?{_NUMBER})(?!{_GOES_ON})")
_PART = re.compile(rf"({_NUMBER})|([+\-*/x\u00d7\u00f7\u2212])")
_BEFORE = re.compile(r"[+\-*/x\u00d7\u00f7\u2212=^(]\s?$")
_SIGNS = {"x": "*", "\u00d7": "*", "\u00f7": "/", "\u2212": "-"}


class Sound(Options):
    """Drop the solutions that contain a false equation between plain numbers, such as `12+8=19`.

    Only sums, differences, products and quotients are checked. A solution without such an equation is kept.
    """

    kind: Literal["sound"]

    def __call__(self, candidates: Candidates, seed: int) -> Candidates:
        return [c for c in candidates if not false_equations(c.completion)]


def false_equations(text: str) -> list[str]:
    """List the false equations of a text, in order; a result may be rounded to its number of decimals."""
    return [found[0].strip() for found in _EQUATION.finditer(text) if _false(text, found)]


def checked_equations(text: str) -> tuple[int, int]:
    """Count the checkable equations of a text, and the false ones."""
    found = [one for one in _EQUATION.finditer(text) if _begins(text, one) and _value(one[1]) is not None]
    return len(found), sum(_false(text, one) for one in found)


def _begins(text: str, found: re.Match[str]) -> bool:
    """Return whether the match contains the complete left side, not the end of a longer expression."""
    return _BEFORE.search(text, max(found.start() - 2, 0), found.start()) is None


def _false(text: str, found: re.Match[str]) -> bool:
    if not _begins(text, found):
        return False
    value, result = _value(found[1]), found[2].replace(",", "").replace("$", "")
    decimals = len(result.partition(".")[2])
    return value is not None and round(value, decimals) != Fraction(result) and value != Fraction(result)


def _value(expression: str) -> Fraction | None:
    """Compute an expression, products before sums; None if it divides by zero."""
    total, product, sign = Fraction(0), Fraction(1), "+"
    for number, operator in _PART.findall(expression):
        if operator:
            sign = _SIGNS.get(operator, operator)
            if sign in "+-":
                total, product = total + product, Fraction(-1 if sign == "-" else 1)
            continue
        factor = Fraction(number.replace(",", "").replace("$", ""))
        if sign == "/" and not factor:
            return None
        product = product / factor if sign == "/" else product * factor
    return total + product
