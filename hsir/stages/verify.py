"""Stage verify: a verdict for every sample of a pool."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from hsir.errors import InputError
from hsir.grading import Item
from hsir.progress import say
from hsir.stages import cli
from hsir.storage import belonging, tables
from hsir.tasks import Task
from hsir.tasks.base import BaseTask


def main(
    samples: Annotated[list[Path], typer.Option(help="Shards of the pool; give the option once for each.")],
    questions: Annotated[Path, typer.Option(help="Table of questions, for the gold answers.")],
    task: Annotated[BaseTask, cli.json_option(Task, "The task, as JSON.")],
    output: Annotated[Path, typer.Option(help="Table of verdicts.")],
    outside_tags: Annotated[bool, typer.Option(help="Let answers count that stand outside the answer tags.")] = False,
) -> None:
    """Grade every sample against the gold answer of its question."""
    grader = task.grading if outside_tags else task.grading.in_tags()
    belonging.check_pool(samples)
    asked = {row["question_id"]: row for row in tables.read("questions", questions, ["question_id", "gold", "options"])}
    drawn = tables.read("samples", samples, ["sample_id", "question_id", "completion", "finish"])
    judgements = grader.judge_all(items(drawn, asked, questions))
    rows = [
        {"sample_id": row["sample_id"], **judgement._asdict()} for row, judgement in zip(drawn, judgements, strict=True)
    ]
    tables.write("verified", rows, output, tables.provenance("verify", [*samples, questions], grading=grader))
    verdicts = Counter(row["verdict"] for row in rows)
    say(f"{verdicts['right']} of {len(rows)} samples are right")


def items(drawn: list[tables.Row], asked: Mapping[str, tables.Row], path: Path) -> Iterator[Item]:
    """Put each sample beside the gold answer and the options of its question."""
    for row in drawn:
        question = asked.get(row["question_id"])
        if question is None:
            raise InputError(f"{path}: no question {row['question_id']!r}, which sample {row['sample_id']} answers")
        options = dict(question["options"]) if question["options"] else None
        yield Item(row["completion"], question["gold"], options, row["finish"] == "length")


if __name__ == "__main__":
    cli.run(main)
