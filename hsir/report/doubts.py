"""Warnings of training runs and filters, as shown in the report."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from hsir.report.run import Cell, Made
from hsir.storage.files import read_json

NAMED = 3
"""Maximum number of policies named; the rest are counted."""


def told(made: Made, trained: Iterable[tuple[Cell, Any]]) -> list[str]:
    """Return each warning once, with the policies concerned; `trained` are the training records."""
    about = defaultdict[str, list[str]](list)
    for cell, noted in trained:
        funnel = made.folder(cell) / "funnel.json"
        filtered = read_json(funnel) if funnel.is_file() else {}
        for doubt in [*filtered.get("doubts", []), *noted.get("doubts", [])]:
            about[doubt].append(f"{cell.policy} ({cell.model}, {cell.task}, seed {cell.seed})")
    return [f"Warning: {_named(policies)}: {doubt}." for doubt, policies in about.items()]


def _named(policies: Sequence[str]) -> str:
    more = f" and {len(policies) - NAMED} more" if len(policies) > NAMED else ""
    return ", ".join(policies[:NAMED]) + more
