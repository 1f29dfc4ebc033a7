r"""Convert informal mathematics to LaTeX: `√66`, `x²`, `pi/3`, `2**(1/4)`, `1 1/2`, `7 people`, `3.54e-07`.

Existing LaTeX is left unchanged. To support another notation, add a line to one of the tables, and a test case.
"""

import re
import unicodedata
from collections.abc import Callable

_SIGNS = {
    "\u2212": "-", "\u2013": "-", "\u2010": "-", "\u2011": "-",
    "\u221e": r"\infty ", "\u03c0": r"\pi ", "\u00d7": r"\times ", "\u00b7": r"\cdot ", "\u22c5": r"\cdot ",
    "\u00f7": "/", "\u2044": "/", "\u2215": "/", "\u2264": r"\leq ", "\u2265": r"\geq ", "\u2260": r"\neq ",
    "\u222a": r"\cup ", "\u2229": r"\cap ", "\u2208": r"\in ", "\u00b1": r"\pm ", "\u00b0": r"^\circ ",
    "\u2205": r"\emptyset ", "\u03b8": r"\theta ", "\u03b1": r"\alpha ", "\u03b2": r"\beta ", "\u03bb": r"\lambda ",
    "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2003": " ", "\u2002": " ",
    "\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u20ac": "", "\u00a3": "",
}  # fmt: skip
"""Symbols, and their LaTeX."""

_RAISED = dict(
    zip("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207a\u207f", "0123456789-+n", strict=True)
)
_LOWERED = dict(zip("\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089", "0123456789", strict=True))
_GROUP = r"\(((?:[^()]|\([^()]{0,100}\)){1,200})\)"

_AMOUNTS = "more|less|fewer|greater|over|up|dozens?|hundred|thousand|[mb]illion|half|least|most|than"

Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

_UNICODE: list[Rule] = [
    (re.compile(r"(?<=\d)\s?(?:[cdmk]?m|in|ft|yd)[\u00b2\u00b3]"), ""),
    (re.compile(f"[{''.join(_RAISED)}]+"), lambda found: f"^{{{''.join(_RAISED[sign] for sign in found[0])}}}"),
    (re.compile(f"[{''.join(_LOWERED)}]+"), lambda found: f"_{{{''.join(_LOWERED[sign] for sign in found[0])}}}"),
    (
        re.compile("[\u00bc-\u00be\u2150-\u215e]"),
        lambda found: "\\frac{{{}}}{{{}}}".format(*unicodedata.normalize("NFKC", found[0]).split("\u2044")),
    ),
    (re.compile(rf"\u221a\s?{_GROUP}"), r"\\sqrt{\1}"),
    (re.compile(r"\u221a\s?(\d+(?:\.\d+)?|[a-z])"), r"\\sqrt{\1}"),
    (re.compile(rf"\u221b\s?{_GROUP}"), r"\\sqrt[3]{\1}"),
    (re.compile(r"\u221b\s?(\d+|[a-z])"), r"\\sqrt[3]{\1}"),
    (re.compile("|".join(_SIGNS)), lambda found: _SIGNS[found[0]]),
]

_PLAIN: list[Rule] = [
    (re.compile(r"\\(?:mathrm|text|operatorname|mathit)\s*\{\s*([a-zA-Z])\s*\}(?=\s*[}^+*/-])"), r" \1"),  # \mathrm{e}
    (re.compile(r"\\varnothing(?![a-zA-Z])"), r"\\emptyset"),
    (re.compile(r"\\text\s*\{\s*per\s?cent\s*\}"), r"\\%"),
    (re.compile(rf"\\?(?<![a-zA-Z])(?:sqrt|Sqrt)\s?{_GROUP}"), r"\\sqrt{\1}"),
    (re.compile(r"\*\*|\^\^"), "^"),
    (re.compile(rf"\^\s?{_GROUP}"), r"^{\1}"),
    (re.compile(r"\^(-?\d{2,})(?!\d)"), r"^{\1}"),
    (re.compile(r"(?<![a-zA-Z\\])pi(?![a-zA-Z])"), r"\\pi "),
    (re.compile(r"(?<![a-zA-Z\\])(?:infinity|inf|oo)(?![a-zA-Z])"), r"\\infty "),
    (re.compile(r"(?<![\w.])(\d{1,20}(?:\.\d{1,20})?)[eE]([-+]?)0*(\d{1,3})(?![\w.])"), r"\1 \\times 10^{\2\3}"),
    (re.compile(r"(?<=[)\]])\s?U\s?(?=[(\[])"), r"\\cup "),
    (re.compile(r"^([^=<>a-zA-Z]+)=\s*([a-z])$"), r"\2=\1"),  # 2 = y
    (re.compile(r"(?<![a-zA-Z\\])((?:arc)?(?:sin|cos|tan)h?|log|ln|exp|sec|csc|cot)(?=[\s(_^\d])"), r"\\\1"),
    (re.compile(rf"\\text\s*\{{([^{{}}]*\b(?:{_AMOUNTS})\b[^{{}}]*)\}}"), r" \1 "),  # 5\text{ or more} is not 5
    (re.compile(r"<="), r"\\leq "),
    (re.compile(r">="), r"\\geq "),
    (re.compile(r"!="), r"\\neq "),
    (re.compile(r"(?<![\d./^_{])(\d{1,9})\s+(\d{1,4})/(\d{1,4})(?![\d/^.])"), r"\1\\frac{\2}{\3}"),  # 1 1/2
    (re.compile(r"^\{((?:[^{}]|\{[^{}]*\}){0,200})\}$"), r"\\{\1\\}"),
]

_SPECIAL = re.compile(r"<\|[^|<>]{1,30}\|>")
_EMPHASIS = re.compile(r"\*\*(?=\S)([^*\n]+?)\*\*|__(?=\S)([^_\n]+?)__|`([^`\n]+)`")
_WRAPPED = re.compile(r"\$\$?([^$]+)\$\$?|\\\((.+)\\\)|\\\[(.+)\\\]|\[([^\[\],;]+)\]", re.DOTALL)
_MONEY = re.compile(r"\\?\$\s?(?=[\d.])")
_END = re.compile(r"(?<![.\s])(?:[.,;:\u3002]|\\)?\s*$")
_UNIT = re.compile(
    r"(?P<value>[^=<>]*(?:[\d})]|\\pi))(?:\s|\\ |~)+"
    r"(?P<words>[A-Za-z]{2,}(?:[ -]|\s?/\s?)?(?:[A-Za-z]+(?:[ -]|\s?/\s?)?){0,3}?)(?:\^\{?\d\}?)?"
)
_NO_UNITS = frozenset(
    [
        "or",
        "and",
        "to",
        "of",
        "not",
        "no",
        "if",
        "is",
        "are",
        "dozen",
        "dozens",
        "hundred",
        "thousand",
        "million",
        "billion",
        "half",
        "halves",
        "third",
        "thirds",
        "quarter",
        "quarters",
        "fourths",
        "fifths",
        "tenths",
        "squared",
        "cubed",
        "factorial",
        "plus",
        "minus",
        "times",
        "divided",
        "over",
        "more",
        "less",
        "fewer",
        "greater",
        "up",
        "mod",
        "modulo",
        "base",
        "pi",
        "sin",
        "cos",
        "tan",
        "log",
        "ln",
        "exp",
        "percent",
        "percentage",
        "degrees",
        "radians",
        "degree",
        "but",
        "either",
        "neither",
        "choose",
        "at",
        "than",
        "when",
        "where",
        "for",
        "with",
        "without",
    ]
)
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_TWO_LETTERS = re.compile(r"[A-Za-z]{2}")


def latex(text: str) -> str:
    """Return an expression in any notation as LaTeX, without delimiters, emphasis, full stop or unit words."""
    text = _SPECIAL.sub("", text).strip() if "<|" in text else text.strip()
    text = unwrapped(text)
    return without_units(notation(text))


def notation(text: str) -> str:
    """Convert symbols and plain functions to LaTeX."""
    if not text.isascii():
        for pattern, to in _UNICODE:
            text = pattern.sub(to, text)
    for pattern, to in _PLAIN:
        text = pattern.sub(to, text)
    return text.strip()


def unwrapped(text: str) -> str:
    """Remove delimiters and emphasis that enclose the whole text, and the full stop after it."""
    for _ in range(4):
        before = text
        if "*" in text or "`" in text or "__" in text:
            found = _EMPHASIS.fullmatch(text)
            text = next(filter(None, found.groups())) if found else text
        text = _END.sub("", text, count=1).strip()
        found = _WRAPPED.fullmatch(text)
        if found and not _nested(found):
            text = next(filter(None, found.groups())).strip()
        if text.count("$") == 1 or "\\$" in text:
            text = _MONEY.sub("", text)
        if text == before:
            break
    return text


def _nested(found: re.Match[str]) -> bool:
    """Return whether there is more than one formula: `\\(1\\) and \\(2\\)`."""
    inner = next(filter(None, found.groups()))
    return "\\(" in inner or "\\[" in inner


def without_units(text: str) -> str:
    """Remove the words after a number or an expression, unless they change its meaning: `5 or more`."""
    found = _UNIT.fullmatch(text)
    if found is None or _TWO_LETTERS.search(_COMMAND.sub("", found["value"])):
        return text
    words = re.findall(r"[A-Za-z]+", found["words"].lower())
    return text if _NO_UNITS & set(words) else found["value"].strip()
