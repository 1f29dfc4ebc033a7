"""What trainings and filters doubted of themselves, as the report says it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from hsir.report.run import Cell, Made
from hsir.storage.files import read_json

NAMED = 3
"""Policies that are named; of more, the number."""


def told(made: Made, trained: Iterable[tuple[Cell, Any]]) -> list[str]:
    """Say each doubt once, with the policies that it is about; `trained` is what trainings told of themselves."""
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
