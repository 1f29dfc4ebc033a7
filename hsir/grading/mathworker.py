"""A worker that asks math-verify: a line [answer, gold] of JSON in, a line [extracted, same] out."""

import json
import logging
import re
import resource
import signal
import sys
from typing import Any

MEMORY = 4 << 30
"""Bytes of address space; whole numbers of a power tower would take all there is."""

ORPHANED = 600
"""Seconds after which a worker ends in the middle of a task: whoever should have ended it must be gone."""

_PROSE = re.compile(r"(?<![\\\w])[^\W\d_]{3,}\s+[^\W\d_]{2,}|[^\x00-\x7f]{2}")
# One number, whose comma groups thousands or can only be a decimal one: 1,000.99 and 1000,99, but not the pair 12,34.
_DIGITS = re.compile(r"[$\u20ac]?\s?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+|(?:0|\d{4,}),\d+)\s?[$\u20ac%]?")
_BOLD = re.compile(r"(?<![\w)}\]*])\*\*(?=\S)([^*\n]+)(?<=\S)\*\*(?![\w({*])", re.ASCII)
_GLUED = re.compile(r"(?<=[\u2e80-\ud7ff\uff00-\uffef])(?=[-\d\\$(])")
_DELIMITERS = ("$", "\\(", "\\[", "\\boxed", "\\begin{align", "\\begin{equation")


def main() -> None:
    """Answer until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable(logging.CRITICAL)
    sys.set_int_max_str_digits(4300)
    from math_verify import parse, verify

    answers, sys.stdout = sys.stdout, sys.stderr
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        signal.alarm(ORPHANED)
        try:
            reply = compare(parse, verify, *json.loads(line))
        except Exception:  # whatever a model wrote, and whatever sympy made of it
            reply = [None, None]
        signal.alarm(0)
        print(json.dumps(reply), file=answers, flush=True)


def compare(parse: Any, verify: Any, text: str, gold: str) -> list[Any]:
    """Give what was extracted, and whether it equals the gold answer; None for what could not be read."""
    wanted, given = _parsed(parse, gold), _parsed(parse, text)
    if not wanted or not given:
        return [None, None]
    same = verify(wanted, given, timeout_seconds=None, raise_on_error=True)
    return [str(given[-1])[:500], bool(same)]


def _parsed(parse: Any, text: str) -> list[Any]:
    """Parse prose, and mathematics between delimiters, as they are; a bare expression as if between dollars."""
    text = text.replace("\\$", "")  # money; math-verify takes it for the end of a formula
    text = _GLUED.sub(" ", _BOLD.sub(r"\1", text.replace("\u00b0", "^\\circ ")))
    bare = not any(mark in text for mark in _DELIMITERS)
    forms = [text, f"${text}$"] if not bare or _PROSE.search(text) or _DIGITS.fullmatch(text) else [f"${text}$", text]
    for form in forms if bare else forms[:1]:
        found: list[Any] = parse(form, parsing_timeout=None, raise_on_error=False)
        if found:
            return found
    return []


if __name__ == "__main__":
    main()
