"""Split the reasoning of a trace into steps: at blank lines (as in the paper), at line breaks, or after sentences.

A gap consists of white space only, so that the steps and the gaps between them add up to the text.
"""

import re
from collections.abc import Iterator
from typing import Literal

Layout = Literal["blank_line", "line", "sentence"]

_BLANK_LINE = re.compile(r"\n\s*\n")
_LINE = re.compile(r"\n\s*")
_SENTENCE = re.compile(
    r"(?:(?<=[.!?\u2026])|(?<=[.!?\u2026][\"')\]\u2019\u201d*]))[ \t]+(?=\S)|(?<=[\u3002\uff01\uff1f])|\n\s*"
)
"""After a full stop and white space, with an optional quote or bracket in between; after a full-width stop; at a line's
end."""
_WHOLE = re.compile(
    r"```(?:(?!```).){0,9999}```|\$\$(?:(?!\$\$).){1,2000}\$\$|\$[^$\n]{1,300}\$"
    r"|\\\((?:(?!\\\().){0,2000}?\\\)|\\\[(?:(?!\\\[).){0,2000}?\\\]",
    re.DOTALL,
)
"""Code and mathematics, in which a full stop does not end a sentence."""
_NO_END = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|viz|approx|resp|etc|Dr|Mr|Mrs|Ms|Prof|St|Fig|Figs|Eq|Eqs|No|Nos|Sec|Ch|Ex|al|Inc|Ltd|U\.S)"
    r"|(?:^|[\n(])[ \t*#>-]{0,8}(?:[A-Za-z]|[0-9]{1,3}|[ivxIVX]{2,4}))\.\Z"
)
"""A full stop here does not end a sentence: an abbreviation, or the number of a list item."""
_REACH = 24
"""Number of characters examined before a full stop."""


def gaps(text: str, start: int, end: int, layout: Layout) -> list[tuple[int, int]]:
    """Return the [start, end) of the gaps between the steps in a span of text."""
    if layout != "sentence":
        pattern = _BLANK_LINE if layout == "blank_line" else _LINE
        return [gap.span() for gap in pattern.finditer(text, start, end)]
    return list(_sentence_gaps(text, start, end))


def _sentence_gaps(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    whole = [one.span() for one in _WHOLE.finditer(text, start, end)]
    place = 0
    for gap in _SENTENCE.finditer(text, start, end):
        while place < len(whole) and whole[place][1] <= gap.start():
            place += 1
        if place < len(whole) and whole[place][0] < gap.start():
            continue
        if "\n" in gap[0] or not _goes_on(text, gap.start(), gap.end(), start):
            yield gap.span()


def _goes_on(text: str, stop: int, begin: int, start: int) -> bool:
    """Return whether a sentence continues after a gap: after an abbreviation or a list number, or before a lower-case
    letter."""
    if text[begin : begin + 1].islower():
        return True
    return _NO_END.search(text[max(start, stop - _REACH) : stop]) is not None
