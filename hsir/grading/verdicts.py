"""A verdict for every sample of a pool."""

from collections.abc import Mapping, Sequence
from typing import Any

from hsir.errors import InputError
from hsir.grading.base import Grader, Item, Judgement
from hsir.grading.voting import said

Row = dict[str, Any]


def verdicts(
    samples: Sequence[Row], questions: Mapping[str, Row], grader: Grader, where: str = "the questions"
) -> list[Row]:
    """Grade samples against the gold answers of their questions; returns rows of the table `verified`, in order.
    `questions` are rows by question id; a sample of a question without a gold answer is `undecided`. Raises InputError,
    prefixed with `where`, for a sample of another question.
    """
    for row in samples:
        if row["question_id"] not in questions:
            raise InputError(f"{where}: sample {row['sample_id']} answers the unknown question {row['question_id']!r}")
    judgements = grader.judge_all(_item(row, questions) for row in samples if has_gold(row, questions))
    every = (next(judgements) if has_gold(row, questions) else _unjudged(row, questions, grader) for row in samples)
    return [
        {"sample_id": row["sample_id"], **judgement._asdict()} for row, judgement in zip(samples, every, strict=True)
    ]


def has_gold(sample: Row, questions: Mapping[str, Row]) -> bool:
    """Return whether the question of a sample has a gold answer; without a majority, it has none."""
    return questions[sample["question_id"]]["gold"] is not None


def _item(sample: Row, questions: Mapping[str, Row]) -> Item:
    question = questions[sample["question_id"]]
    options = dict(question["options"]) if question["options"] else None
    return Item(sample["completion"], question["gold"], options, sample["finish"] == "length")


def _unjudged(sample: Row, questions: Mapping[str, Row], grader: Grader) -> Judgement:
    completion, _, options, truncated = _item(sample, questions)
    return Judgement(said(completion, grader, options, truncated), "undecided", "no gold")
