"""Values implied by the published tables for the reconstructed parts, next to those of a run.

The implied values are arithmetic on the printed sizes of training sets (tables 1 and 3): always-solved questions gave
43.7K - 22.7K correct solutions to ReST-EM, and kept 32.6K - 17.9K of them under HSIR, which is 70.0 %.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from hsir.report import pools
from hsir.report.indiv_view import Seen
from hsir.report.run import Drawn, Made
from hsir.report.sheets import Entry, Sheet

KEPT, ALWAYS, GAIN = "65 to 75 %", "70.0 % (later iterations 71.2 and 71.9 %)", "7 to 20 %"
RIGHT = {"k10": "61.5 % (ReST-EM)", "k30": "61.6 % (RFT)", "greedy": "66.2 % (STaR)"}
UNSOLVED = "over 500 (Qwen2.5-7B on MedQA)"
NOTE = (
    "The implied values follow from the training set sizes in the paper, for Qwen2.5 models on MedQA and GSM8K. If"
    " a run with the same models differs strongly from them, a reconstruction is probably wrong."
)


class Anchor(NamedTuple):
    """A value of a run, and the one implied by the paper."""

    what: str
    where: str
    ours: str
    implied: str


def sheets(made: Made, seen: list[Seen]) -> list[Sheet]:
    """Return the anchors of a run, if it has any."""
    found = [*_indiv(made, seen), *_veriexit(made), *_pools(made)]
    lines = [list(map(Entry, anchor)) for anchor in found]
    columns = ["quantity", "model, task, seed, policy", "ours", "implied by the paper"]
    return [Sheet("Anchors: values implied by the published tables", columns, lines, NOTE)] if lines else []


def always_solved(solutions: pd.DataFrame) -> set[str]:
    """Return the questions whose solutions are all correct."""
    every = solutions.groupby("question_id")["right"].all()
    return set(every[every].index)


def _indiv(made: Made, seen: list[Seen]) -> Iterator[Anchor]:
    for one in seen:
        where = f"{one.cell.model}, {one.cell.task}, {one.cell.seed}, {one.cell.policy}"
        yield Anchor("correct solutions kept by InDiv", where, _kept(one.candidates), KEPT)
        plain = [drawn for drawn in made.pools(one.cell) if made.recycles(drawn) is None]
        easy = set[str]().union(*(always_solved(pools.solutions(made, drawn)) for drawn in plain))
        chosen = one.candidates[one.candidates["question_id"].isin(easy)]
        yield Anchor("kept for questions that are always solved", where, _kept(chosen), ALWAYS)


def _kept(candidates: pd.DataFrame) -> str:
    return _share(int((~candidates["dropped"]).sum()), len(candidates))


def _veriexit(made: Made) -> Iterator[Anchor]:
    for drawn in made.drawn():
        source = made.recycles(drawn)
        if source is not None:
            before, new = pools.right(made, source).sum(), pools.right(made, drawn).sum()
            what = f"correct solutions added by VeriExit ({drawn.pool})"
            yield Anchor(what, _where(drawn), _share(int(new), int(before)), GAIN)


def _pools(made: Made) -> Iterator[Anchor]:
    for drawn in made.drawn():
        if drawn.pool in RIGHT:
            solutions = pools.solutions(made, drawn)
            share = _share(int(solutions["right"].sum()), len(solutions))
            yield Anchor(f"correct solutions of {drawn.pool}", _where(drawn), share, RIGHT[drawn.pool])
            asked = solutions["question_id"].nunique()
            unsolved = asked - len(pools.right(made, drawn))
            yield Anchor(f"questions not solved by {drawn.pool}", _where(drawn), _share(unsolved, asked), UNSOLVED)


def _where(drawn: Drawn) -> str:
    return f"{drawn.cell.model}, {drawn.cell.task}, {drawn.cell.seed}, {drawn.cell.policy}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%} ({part:,} of {whole:,})" if whole else "-"
