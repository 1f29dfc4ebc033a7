"""The paper's limitations, quantified: what VeriExit could not help, and what InDiv dropped, by difficulty."""

import pandas as pd

from hsir.recycling.statements import few_state, mostly_whole, one_step, unstated


def told(
    dropped: pd.DataFrame, recycled: pd.DataFrame, stating: tuple[int, int] = (0, 0), whole: tuple[int, int] = (0, 0)
) -> list[str]:
    """Describe both for a run, over all pools and seeds; steps that the run does not use are omitted.

    `stating` counts the failed solutions that state an answer, and `whole` those with one step; each with the number of
    solutions for which this is known.
    """
    warned = [f"Warning: {unstated(*stating)}."] if few_state(*stating) else []
    warned += [f"Warning: {one_step(*whole)}."] if mostly_whole(*whole) else []
    return [*warned, *_veriexit(recycled), *_indiv(dropped)]


def _veriexit(rows: pd.DataFrame) -> list[str]:
    total = rows.filter(like="questions").sum()
    failed, unsolved = total["questions_failed"], total["questions_unsolved"]
    if not failed:
        return []
    hard = f", nor {_share(total['questions_unsolved_skipped'], unsolved)} without a correct one" if unsolved else ""
    return [
        f"VeriExit could not help {_share(total['questions_skipped'], failed)} questions with a failed"
        f" solution{hard}: none of their steps states the answer."
    ]


def _indiv(rows: pd.DataFrame) -> list[str]:
    dropped, every = map(int, rows[["dropped", "candidates"]].sum())
    if not every:
        return []
    known = rows.groupby("difficulty")[["dropped", "candidates"]].sum()
    by_level = ", ".join(f"{level}: {one.dropped / one.candidates:.0%}" for level, one in known.iterrows())
    behind = f"; by difficulty {by_level}" if by_level else ""
    return [f"InDiv dropped {_share(dropped, every)} correct solutions{behind}."]


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({part / whole:.0%})"
