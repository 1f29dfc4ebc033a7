"""The solutions of a run's pools, with their verdicts and difficulty, as the pictures need them."""

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from hsir import tables
from hsir.report.run import Cell, Drawn, Made


def solutions(made: Made, drawn: Drawn) -> list[tables.Row]:
    """Give a pool's rows: sample_id, question_id, n_tokens, parent_id, right, difficulty; by sample id."""
    return _joined(made.shards(drawn), made.table(drawn, "verified"), made.questions(drawn.cell))


def levels(made: Made, cell: Cell) -> dict[str, int | None]:
    """Give the difficulty of each question that a seed's pools answer."""
    return _levels(made.questions(cell))


def asked(made: Made, cell: Cell) -> dict[str, tables.Row]:
    """Give the questions that a seed's pools answer: question, gold, difficulty."""
    columns = ["question_id", "question", "gold", "difficulty"]
    return {row["question_id"]: row for row in tables.read("questions", made.questions(cell), columns)}


def texts(made: Made, drawn: Drawn, wanted: Collection[str]) -> dict[str, str]:
    """Give the completions of some samples; no more than a shard's are in memory at a time."""
    columns = ["sample_id", "completion"]
    return {
        row["sample_id"]: row["completion"]
        for shard in made.shards(drawn)
        for row in tables.read("samples", shard, columns)
        if row["sample_id"] in wanted
    }


@lru_cache(maxsize=16)  # methods share pools: those of one model, task and seed are asked for one after another
def _joined(shards: tuple[Path, ...], verified: Path, questions: Path) -> list[tables.Row]:
    known = _levels(questions)
    columns = ["sample_id", "verdict"]
    verdicts = {row["sample_id"]: row["verdict"] for row in tables.read("verified", verified, columns)}
    rows = tables.read("samples", shards, ["sample_id", "question_id", "n_tokens", "parent_id"])
    for row in rows:
        row["right"] = verdicts[row["sample_id"]] == "right"
        row["difficulty"] = known[row["question_id"]]
    return sorted(rows, key=lambda row: str(row["sample_id"]))


@lru_cache(maxsize=16)
def _levels(questions: Path) -> dict[str, int | None]:
    rows = tables.read("questions", questions, ["question_id", "difficulty"])
    return {row["question_id"]: row["difficulty"] for row in rows}
