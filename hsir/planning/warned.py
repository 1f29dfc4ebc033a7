"""What finished stages warned of, read from their logs."""

from collections.abc import Iterable
from pathlib import Path

from hsir.config import Plan
from hsir.planning.budget.work import work

LOGS = Path("logs")
MARK = "hsir: warning: "
"""How a stage begins such a line."""


def warnings(plan: Plan, runs: Iterable[str], logs: Path = LOGS) -> list[str]:
    """Give the warnings of the pools that runs draw, each with the pool that it is of."""
    found: dict[str, None] = {}
    for one in work(plan, runs).draws:
        place = Path(one.model, one.task, f"seed{one.seed}", one.policy, one.pool)
        path = logs / place / "veriexit.log"
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            said = (line.removeprefix(MARK) for line in text.splitlines() if line.startswith(MARK))
            found |= dict.fromkeys(f"{place}: {line}" for line in said)
    return list(found)
