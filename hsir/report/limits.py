"""The limits that the paper names, in figures: what VeriExit could not help, and what InDiv dropped, by difficulty."""

from collections import Counter
from collections.abc import Sequence

from hsir.report.indiv_view import Seen
from hsir.storage import tables


def told(seen: Sequence[Seen], recycled: Sequence[tables.Row]) -> list[str]:
    """Say both of a whole run, pools and seeds together; nothing of what it did not do."""
    return [*_veriexit(recycled), *_indiv(seen)]


def _veriexit(rows: Sequence[tables.Row]) -> list[str]:
    total: Counter[str] = Counter()
    for row in rows:
        total.update({name: value for name, value in row.items() if name.startswith("questions")})
    failed, unsolved = total["questions_failed"], total["questions_unsolved"]
    if not failed:
        return []
    hard = f", nor {_share(total['questions_unsolved_skipped'], unsolved)} without any right one" if unsolved else ""
    return [
        f"VeriExit could not help {_share(total['questions_skipped'], failed)} questions with a failed solution{hard}:"
        " no step of theirs states the answer."
    ]


def _indiv(seen: Sequence[Seen]) -> list[str]:
    every: Counter[int | None] = Counter()
    dropped: Counter[int | None] = Counter()
    for one in seen:
        for level, (all_of, dropped_of) in one.by_level().items():
            every[level] += all_of
            dropped[level] += dropped_of
    if not every.total():
        return []
    known = sorted(level for level in every if level is not None)
    by_level = ", ".join(f"{level}: {dropped[level] / every[level]:.0%}" for level in known)
    behind = f"; by difficulty {by_level}" if by_level else ""
    return [f"InDiv dropped {_share(dropped.total(), every.total())} right solutions{behind}."]


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({part / whole:.0%})"
