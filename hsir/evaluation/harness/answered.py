"""What all formats share: a question with its answers, and the gold answer of a foreign log."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hsir.grading import boxes
from hsir.storage.tables import Row

METRIC = "exact_match"
GOLD_MARK = "####"
"""Before the gold number in the solutions of GSM8K."""

Placed = tuple[str, int, Row]
"""A row of a file, after its place there (such as `a.jsonl, line 3`) and its number."""


@dataclass(frozen=True)
class Answered:
    """A question (a row of the table `questions`), its samples in order, and the verdict of each."""

    number: int
    question: Row
    samples: list[Row]
    verdicts: list[Row]

    @property
    def options(self) -> dict[str, str]:
        """The options of a multiple-choice question by letter, or none."""
        return dict(self.question["options"] or {})

    @property
    def score(self) -> float:
        """The share of correct answers."""
        return sum(1 for one in self.verdicts if one["verdict"] == "right") / len(self.verdicts)


def answered(samples: Iterable[Row], verdicts: Mapping[str, Row], questions: Iterable[Row]) -> Iterator[Answered]:
    """Yield the questions that have samples, in order; `verdicts` are rows of `verified` by sample id."""
    drawn: dict[str, list[Row]] = defaultdict(list)
    for row in samples:
        drawn[row["question_id"]].append(row)
    for number, question in enumerate(questions):
        own = sorted(drawn[question["question_id"]], key=lambda row: str(row["sample_id"]))
        if own:
            yield Answered(number, question, own, [verdicts[row["sample_id"]] for row in own])


def gold(target: object) -> str:
    """Return the answer of a target, which may be a whole solution: after ####, in its last box, or all of it."""
    text = str(target)
    if GOLD_MARK in text:
        return text.rpartition(GOLD_MARK)[2].strip()
    box = boxes.last(text)
    return (box.content if box else text).strip()


def numbered(rows: Iterable[tuple[str, str, list[str], Row]]) -> Iterator[Placed]:
    """Yield a row to grade for each text of (place, name, texts, shared columns): NAME, or NAME-0, NAME-1 ..."""
    number = 0
    for place, name, texts, shared in rows:
        for n, text in enumerate(texts):
            number += 1
            yield place, number, {"id": name if len(texts) == 1 else f"{name}-{n}", "prediction": text, **shared}
