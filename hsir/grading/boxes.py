r"""Boxes: which \boxed{} of a text contain its answer.

The last one does; those right before it, with no more than "and", a comma or "x =" between, are one answer with it.
"""

import re
from typing import NamedTuple

from hsir import traces

_OTHER_BOXES = re.compile(r"\\(?:fbox|framebox)\s*\{|\\boxed\s+\{")
_UNBRACED = re.compile(r"\\boxed\s{0,3}(-?\d{1,9}(?![\d{])|[A-Za-z](?![A-Za-z{]))")
_BETWEEN = re.compile(
    r"(?:[\s$,;&()*~]|\\[()\[\],;:! ]|\\q?quad(?![a-z])"
    r"|\\(?:text|mbox|mathrm)\s*\{(?:[\s,]*|(?!\s*(?:and\s+)?then)[^{}]{0,40}\b(?:and|or)\s*)\}"
    r"|(?:and|or|und|et|oder|ou)\b|[a-zA-Z](?:_\{?\d\}?)?\s*=)*"
)
LONGEST_BETWEEN = 60
"""Maximum number of characters between two boxes of one answer."""


class Boxed(NamedTuple):
    """The answer in the last boxes, and the text after them."""

    content: str
    after: str


def last(text: str) -> Boxed | None:
    """Find the answer in the last boxes of a text; None if none is closed."""
    if "\\boxed" not in text and "box{" not in text:
        return None
    if "\\boxed{" not in text:
        text = _UNBRACED.sub(r"\\boxed{\1}", _OTHER_BOXES.sub(r"\\boxed{", text))
    found = traces.boxed(text)
    if not found:
        return None
    joint = [found[-1]]
    for box in reversed(found[:-1]):
        between = text[box[1] : joint[0][0]]
        if len(between) > LONGEST_BETWEEN or "\n\n" in between or not _BETWEEN.fullmatch(between):
            break
        joint.insert(0, box)
    contents = list(dict.fromkeys(content for _, _, content in joint))
    return Boxed(", ".join(contents), text[found[-1][1] :])
