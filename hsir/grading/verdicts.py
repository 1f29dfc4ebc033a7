"""A verdict for every sample of a pool."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hsir.errors import InputError
from hsir.grading.base import Grader, Item

Row = dict[str, Any]


def verdicts(
    samples: Sequence[Row], questions: Mapping[str, Row], grader: Grader, where: str = "the questions"
) -> list[Row]:
    """Grade samples against the gold answers of their questions; returns rows of the table `verified`, in order.
    `questions` are rows by question id. Raises InputError, prefixed with `where`, for a sample of another question.
    """
    judgements = grader.judge_all(_items(samples, questions, where))
    return [
        {"sample_id": row["sample_id"], **judgement._asdict()}
        for row, judgement in zip(samples, judgements, strict=True)
    ]


def _items(samples: Sequence[Row], questions: Mapping[str, Row], where: str) -> Iterator[Item]:
    for row in samples:
        question = questions.get(row["question_id"])
        if question is None:
            raise InputError(f"{where}: sample {row['sample_id']} answers the unknown question {row['question_id']!r}")
        options = dict(question["options"]) if question["options"] else None
        yield Item(row["completion"], question["gold"], options, row["finish"] == "length")
