"""Parse numbers: digits, commas, fractions, powers, scales and units, and modifiers that change the number."""

import re
import unicodedata
from fractions import Fraction

from hsir.grading import numerals, statements

MOST_DIGITS = 300
"""Maximum number of digits of a number."""
WHOLE = re.compile(r"[-+]?\d{1,18}")
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
TOKEN = re.compile(
    rf"(?<![.^_/])(?<![^\W\u2e80-\ud7ff])(?<!\d[,:])(?<![\^_]\{{)(?:(?<![)\]}}])(?P<sign>[-+]))?[$€£]?(?P<digits>{_DIGITS})"
    r"(?:[eE](?P<e>[-+]?\d{1,3})\b|\s?(?:x|\*|\u00d7|\\times)\s?10\^\{?(?P<ten>[-+]?\d{1,3})\}?)?"
    r"(?:\s{1,2}(?P<top>\d{1,6})/(?P<under>\d{1,6})(?![\w/])|\s?/\s?(?P<over>\d{1,18}(?:,\d{3})*)(?![\w/]))?"
    r"(?!:\d|\d|[.,/]\d|\^|[eE][-+]?\d)(?:\s(?P<scale>hundred|thousand|million|billion|trillion)\b)?"
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
# Powers, factors and bounds: modifiers that make it a different number, or not a number at all.
_CHANGED = re.compile(r"[xyznikKMB\u03c0](?![a-zA-Z])|[\u00b2\u00b3\u00b9\u2070-\u209f\u221a]")
BOUND = re.compile(
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
DOZEN = re.compile(r"\s*dozens?\b", re.IGNORECASE)
_SEVERAL = re.compile(r"=[^=,;]{0,40}[,;]\s*(?:and\s+)?[a-z]\w*\s*=", re.IGNORECASE)
_GOES_ON = re.compile(
    r"\s*(?:[-+*/=^\u00d7\u00f7<>]|\\times|\\cdot|times\b)\s*[\d($\\]"
    r"|\s*(?!(?:because|since|as|so|when|where|if|i\.e|for)\b)[a-z]{1,10}\.?,?\s(?:and\s)?\d",
    re.I,
)
_LEAD = re.compile(
    r"(?:(?:a\s+total\s+of|equal\s+to|exactly|approximately|around|roughly|only|[a-z]\s*=)\s*[$]?)*", re.I
)
TAIL = 300


def value(text: str) -> int | Fraction | None:
    """Return the number of a short answer, ignoring units and delimiters; None if there is none, or several."""
    text = text.strip()
    if WHOLE.fullmatch(text):
        return int(text)
    if len(text) > 300:
        return None
    text = clean(text)
    if "\\" in text or _SEVERAL.search(text):  # a root, a variable, a set: not a plain number
        return None
    if "=" in text:
        text = text.rsplit("=", 1)[1]
    text = _SPACED.sub(lambda match: match[1] + match[2].replace(" ", ""), text)
    found = list(TOKEN.finditer(text))
    if not found:
        return numerals.spelt(text.strip("*_.$\"'` "))
    if statements.denied(text, found[0].start()) or BOUND.search(text[: found[0].start()]):
        return None
    if any(altered(text, token.end()) for token in found):
        return None
    values = {token_value(token) for token in found}
    single = values.pop() if len(values) == 1 else None
    return single * 12 if single is not None and DOZEN.match(text, found[-1].end()) else single


def altered(text: str, end: int) -> bool:
    """Return whether the text after a number changes it, or makes it a bound: `5^2`, `5!`, `5 or more`."""
    return bool(_GOES_ON.match(text, end) or _CHANGED.match(text, end) or _OPEN_END.match(text, end))


def plain(text: str) -> bool:
    """Return whether a text is a number and nothing else."""
    found = TOKEN.match(text.strip().translate(_DASHES))
    return bool(found) and text.strip()[found.end() :].strip() in ("", ".", "%")  # type: ignore[union-attr]


def clean(text: str) -> str:
    """Remove LaTeX, emphasis and unusual spaces from a text, so that its numbers are plain."""
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
    # A sign belongs to the fraction after it; a digit makes it a mixed number.
    return f"{' ' if before.isdigit() else ''}{fraction} " if fraction else ""


def token_value(token: re.Match[str]) -> int | Fraction | None:
    """Return the value of a match of `TOKEN`; None if it divides by zero or is too long."""
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


_STOP = re.compile(r"[.!?;](?=\s)")


def at(text: str, start: int) -> str | None:
    """Read the number at `start`, ignoring delimiters, unless the text after it changes it."""
    begin = statements.opening(text, _LEAD.match(text, statements.opening(text, start)).end())  # type: ignore[union-attr]
    segment = clean(text[begin : begin + TAIL].split("\n", 1)[0])
    token = TOKEN.match(segment)
    while token and _GOES_ON.match(segment, token.end()):
        stop = _STOP.search(segment, token.end())
        equals = segment.find("=", token.end(), stop.start() if stop else len(segment))
        token = TOKEN.search(segment, equals) if equals >= 0 else None
    return token[0].strip() if token and not statements.open_ended(segment, token.end()) else None
