"""One evaluation under two readings: only answers in the format count (the paper), or answers elsewhere count too."""

from collections.abc import Mapping, Sequence
from typing import get_args

from hsir.evaluation.statistics import accuracy
from hsir.grading import Item
from hsir.grading.base import Grader, Place
from hsir.storage import tables

OUTSIDE = frozenset(get_args(Place))


def readings(answers: Sequence[tables.Row], questions: Mapping[str, tables.Row], grader: Grader) -> tables.Row:
    """Return the accuracy with its interval for each reading: `in_format` and `anywhere`.

    `answers` are graded rows with completion, in one of the two readings; `questions` have gold and options, by id.
    Only answers whose verdict could change are graded again. Source: paper, section 4.1, "according to the given
    format".
    """
    within = ["no_answer" if row["why"] in OUTSIDE else row["verdict"] for row in answers]
    missed = [row for row in answers if row["why"] == "none"]
    found = [judgement.verdict for judgement in grader.judge_all(_item(row, questions) for row in missed)]
    again = dict(zip([row["sample_id"] for row in missed], found, strict=True))
    anywhere = [again.get(row["sample_id"], row["verdict"]) for row in answers]
    named = {"in_format": within, "anywhere": anywhere}
    asked = [row["question_id"] for row in answers]
    right = {name: [verdict == "right" for verdict in verdicts] for name, verdicts in named.items()}
    return {name: accuracy(one, asked)._asdict() for name, one in right.items()}


def _item(row: tables.Row, questions: Mapping[str, tables.Row]) -> Item:
    question = questions[row["question_id"]]
    options = dict(question["options"]) if question["options"] else None
    return Item(row["completion"], question["gold"], options, row["finish"] == "length")
