"""Warnings of finished stages, read from their logs."""

from collections.abc import Iterable
from pathlib import Path

from hsir.config import Plan
from hsir.planning.budget.work import work

LOGS = Path("logs")
MARK = "hsir: warning: "
"""Prefix of a warning line."""


def warnings(plan: Plan, runs: Iterable[str], logs: Path = LOGS) -> list[str]:
    """Return the warnings of the pools that runs sample and of the policies that they train, each with its location."""
    found: dict[str, None] = {}
    done = work(plan, runs)
    for one in done.draws:
        found |= _said(logs, Path(one.model, one.task, f"seed{one.seed}", one.policy, one.pool), "veriexit")
    for made in done.trainings:
        for stage in ("filter", "train"):
            found |= _said(logs, Path(made.model, made.task, f"seed{made.seed}", made.policy), stage)
    return list(found)


def _said(logs: Path, place: Path, stage: str) -> dict[str, None]:
    path = logs / place / f"{stage}.log"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    said = (line.removeprefix(MARK) for line in text.splitlines() if line.startswith(MARK))
    return dict.fromkeys(f"{place}: {line}" for line in said)
