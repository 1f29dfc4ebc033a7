"""The solutions of a run's pools, with their verdicts and difficulty, for the figures."""

from collections.abc import Collection
from functools import cache, lru_cache
from pathlib import Path

import pandas as pd

from hsir.report.run import Cell, Drawn, Made
from hsir.storage import tables


def solutions(made: Made, drawn: Drawn) -> pd.DataFrame:
    """Return a pool's solutions, by sample id: sample_id, question_id, n_tokens, parent_id, right, difficulty."""
    return _joined(made.shards(drawn), made.table(drawn, "verified"), made.questions(drawn.cell))


def right(made: Made, drawn: Drawn) -> pd.Series:
    """Count a pool's correct solutions by question; questions without any are omitted."""
    return _right(made.shards(drawn), made.table(drawn, "verified"), made.questions(drawn.cell))


def levels(made: Made, cell: Cell) -> pd.Series:
    """Return the difficulty of each question that a seed's pools answer."""
    return _levels(made.questions(cell))


def sampled_levels(made: Made, drawn: Drawn) -> pd.Series:
    """Return the difficulty of each question that a pool samples, or that its source samples: of a pool with parts,
    those of its part."""
    of = made.recycles(drawn) or drawn
    pool, every = made.plan.config.pools[made.plan.drawn_as(of.pool)], levels(made, drawn.cell)
    if getattr(pool, "parts", None) is None:
        return every
    return every[every.index.isin(solutions(made, of)["question_id"])]


def asked(made: Made, drawn: Drawn) -> dict[str, tables.Row]:
    """Return the questions that a pool answers: question, difficulty, and the gold answer that judges the pool."""
    columns = ["question_id", "question", "gold", "difficulty"]
    return {row["question_id"]: row for row in tables.read("questions", made.labels(drawn), columns)}


def texts(made: Made, drawn: Drawn, wanted: Collection[str]) -> dict[str, str]:
    """Return the completions of some samples."""
    return dict(tables.tuples("samples", made.shards(drawn), ["sample_id", "completion"], wanted)) if wanted else {}


@lru_cache(maxsize=16)  # methods share pools: those of one model, task and seed are requested consecutively
def _joined(shards: tuple[Path, ...], verified: Path, questions: Path) -> pd.DataFrame:
    samples: pd.DataFrame = tables.arrow(
        "samples", shards, ["sample_id", "question_id", "n_tokens", "parent_id"]
    ).to_pandas()
    verdicts = tables.arrow("verified", verified, ["sample_id", "verdict"]).to_pandas()
    joined = samples.merge(verdicts, on="sample_id").merge(_levels(questions), on="question_id")
    return joined.assign(right=joined.pop("verdict") == "right").sort_values("sample_id", ignore_index=True)


@cache
def _right(shards: tuple[Path, ...], verified: Path, questions: Path) -> pd.Series:
    found = _joined(shards, verified, questions)
    return found[found["right"]].groupby("question_id").size()


@lru_cache(maxsize=16)
def _levels(questions: Path) -> pd.Series:
    rows: pd.DataFrame = tables.arrow("questions", questions, ["question_id", "difficulty"]).to_pandas()
    return rows.astype({"difficulty": "Int64"}).set_index("question_id")["difficulty"]
