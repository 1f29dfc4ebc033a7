"""The solutions of a run's pools, with their verdicts and difficulty, as the pictures need them."""

from collections import Counter
from collections.abc import Collection
from functools import cache, lru_cache
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from hsir.report.run import Cell, Drawn, Made
from hsir.storage import tables


class Solution(NamedTuple):
    """One solution of a pool: millions of them, at the paper's scale."""

    sample_id: str
    question_id: str
    n_tokens: int
    parent_id: str | None
    right: bool
    difficulty: int | None


def solutions(made: Made, drawn: Drawn) -> list[Solution]:
    """Give a pool's solutions, by sample id."""
    return _joined(made.shards(drawn), made.table(drawn, "verified"), made.questions(drawn.cell))


def right(made: Made, drawn: Drawn) -> Counter[str]:
    """Count a pool's right solutions by question; questions without any are left out."""
    return _right(made.shards(drawn), made.table(drawn, "verified"), made.questions(drawn.cell))


def levels(made: Made, cell: Cell) -> dict[str, int | None]:
    """Give the difficulty of each question that a seed's pools answer."""
    return _levels(made.questions(cell))


def asked(made: Made, cell: Cell) -> dict[str, tables.Row]:
    """Give the questions that a seed's pools answer: question, gold, difficulty."""
    columns = ["question_id", "question", "gold", "difficulty"]
    return {row["question_id"]: row for row in tables.read("questions", made.questions(cell), columns)}


def texts(made: Made, drawn: Drawn, wanted: Collection[str]) -> dict[str, str]:
    """Give the completions of some samples."""
    return dict(tables.tuples("samples", made.shards(drawn), ["sample_id", "completion"], wanted)) if wanted else {}


@lru_cache(maxsize=16)  # methods share pools: those of one model, task and seed are asked for one after another
def _joined(shards: tuple[Path, ...], verified: Path, questions: Path) -> list[Solution]:
    known, verdicts = _levels(questions), dict(tables.tuples("verified", verified, ["sample_id", "verdict"]))
    columns = ["sample_id", "question_id", "n_tokens", "parent_id"]
    rows = [
        Solution(name, question, length, parent, verdicts[name] == "right", known[question])
        for name, question, length, parent in tables.tuples("samples", shards, columns)
    ]
    return sorted(rows, key=itemgetter(0))


@cache
def _right(shards: tuple[Path, ...], verified: Path, questions: Path) -> Counter[str]:
    return Counter(one.question_id for one in _joined(shards, verified, questions) if one.right)


@lru_cache(maxsize=16)
def _levels(questions: Path) -> dict[str, int | None]:
    rows = tables.read("questions", questions, ["question_id", "difficulty"])
    return {row["question_id"]: row["difficulty"] for row in rows}
