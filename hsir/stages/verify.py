"""Stage verify: a verdict for every sample of a pool."""

from pathlib import Path
from typing import Annotated

import typer

from hsir import tables
from hsir.errors import InputError
from hsir.progress import say
from hsir.stages import cli
from hsir.tasks import Task
from hsir.tasks.base import BaseTask
from hsir.verify import judge


def main(
    samples: Annotated[list[Path], typer.Option(help="Shards of the pool; give the option once for each.")],
    questions: Annotated[Path, typer.Option(help="Table of questions, for the gold answers.")],
    task: Annotated[BaseTask, cli.json_option(Task, "The task, as JSON.")],
    output: Annotated[Path, typer.Option(help="Table of verdicts.")],
) -> None:
    """Grade every sample against the gold answer of its question."""
    gold = {row["question_id"]: row["gold"] for row in tables.read("questions", questions, ["question_id", "gold"])}
    rows = []
    for row in tables.read("samples", samples, ["sample_id", "question_id", "completion"]):
        if row["question_id"] not in gold:
            raise InputError(
                f"{questions}: no question {row['question_id']!r}, which sample {row['sample_id']} answers"
            )
        judgement = judge(task, row["completion"], gold[row["question_id"]])
        rows.append({"sample_id": row["sample_id"], **judgement._asdict()})
    tables.write("verified", rows, output, tables.provenance("verify", [*samples, questions], task=task))
    right = sum(row["verdict"] == "right" for row in rows)
    say(f"{right} of {len(rows)} samples are right")


if __name__ == "__main__":
    cli.run(main)
