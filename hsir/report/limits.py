"""The limits that the paper names, in figures: what VeriExit could not help, and what InDiv dropped, by difficulty."""

from collections.abc import Sequence

import pandas as pd

from hsir.report.indiv_view import Seen


def told(seen: Sequence[Seen], recycled: pd.DataFrame) -> list[str]:
    """Say both of a whole run, pools and seeds together; nothing of what it did not do."""
    return [*_veriexit(recycled), *_indiv(seen)]


def _veriexit(rows: pd.DataFrame) -> list[str]:
    total = rows.filter(like="questions").sum()
    failed, unsolved = total["questions_failed"], total["questions_unsolved"]
    if not failed:
        return []
    hard = f", nor {_share(total['questions_unsolved_skipped'], unsolved)} without any right one" if unsolved else ""
    return [
        f"VeriExit could not help {_share(total['questions_skipped'], failed)} questions with a failed solution{hard}:"
        " no step of theirs states the answer."
    ]


def _indiv(seen: Sequence[Seen]) -> list[str]:
    if all(one.candidates.empty for one in seen):
        return []
    counts = pd.concat(one.by_level() for one in seen)
    known = counts.groupby(level=0).sum()
    share = (known["dropped"] / known["candidates"]).map("{:.0%}".format)
    by_level = ", ".join(f"{level}: {said}" for level, said in share.items())
    behind = f"; by difficulty {by_level}" if by_level else ""
    return [f"InDiv dropped {_share(*counts.sum()[['dropped', 'candidates']])} right solutions{behind}."]


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({part / whole:.0%})"
