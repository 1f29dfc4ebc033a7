"""Equality of plain numbers."""

import re
from decimal import Decimal

_NUMBER = re.compile(r"([-+]?)\$?((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)\.?")


def number(text: str) -> Decimal | None:
    """Read a text that is a plain number and nothing else: `42`, `1,000`, `-$7.50`, `29.00`, `18.`, `.5`"""
    found = _NUMBER.fullmatch(text.strip().replace("\u2212", "-").replace("$ ", "$"))
    return Decimal(found[1] + found[2].replace(",", "")) if found else None


def equal(extracted: str, gold: str) -> bool | None:
    """Compare by value; None where either is no plain number and the texts differ."""
    if extracted.strip() == gold.strip():
        return True
    a, b = number(extracted), number(gold)
    return None if a is None or b is None else a == b
