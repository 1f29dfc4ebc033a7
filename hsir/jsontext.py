"""Strict JSON: Python's extensions to the standard, and inputs that make its parser fail, raise ValueError."""

import json
import re
from typing import Any

_DIGITS = 300
_UNFIT = re.compile("[\x00\ud800-\udfff]")  # invalid in tables, tokenizers and UTF-8 files


def parse(text: str | bytes) -> Any:
    """Read a JSON value; bytes are UTF-8.

    Raises ValueError for anything that is not JSON (such as `NaN` and `Infinity`), for a number too large for a float
    or an index,
    and for brackets nested too deeply to parse.
    """
    try:
        written = text if isinstance(text, str) else text.decode("utf-8")
        return json.loads(written, object_pairs_hook=_once, **_NUMBERS)
    except RecursionError:
        raise ValueError("brackets are nested too deeply") from None


def storable(text: str) -> str:
    """Replace what JSON can express and no file can store (null, halves of surrogate pairs) by U+FFFD."""
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; raises ValueError for a duplicate key."""
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(key for key, _ in pairs if [other for other, _ in pairs].count(key) > 1)
        raise ValueError(f"the key {twice!r} occurs twice; remove one")
    return made


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value; write null for a missing number")


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"a number with {len(digits)} digits; at most {_DIGITS} are allowed")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{digits:.40} is too large for a float")
    return value


_NUMBERS: dict[str, Any] = {"parse_constant": _no_number, "parse_int": _whole, "parse_float": _finite}
