"""Stage verify: a verdict for every sample of a pool."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from hsir.grading.verdicts import verdicts
from hsir.progress import say
from hsir.stages import cli
from hsir.storage import belonging, tables
from hsir.tasks import Task
from hsir.tasks.base import BaseTask


def main(
    samples: Annotated[list[Path], typer.Option(help="Sample shards of the pool; repeat the option for each shard.")],
    questions: Annotated[Path, typer.Option(help="Table of questions, for the gold answers.")],
    task: Annotated[BaseTask, cli.json_option(Task, "The task, as JSON.")],
    output: Annotated[Path, cli.file_option("--out", "Table of verdicts.", *tables.SUFFIXES)],
    outside_tags: Annotated[bool, typer.Option(help="Also count answers outside the answer tags.")] = False,
) -> None:
    """Grade every sample against the gold answer of its question."""
    grader = task.grading if outside_tags else task.grading.in_tags()
    belonging.check_pool(samples)
    belonging.check_prompts(samples, questions)
    asked = {row["question_id"]: row for row in tables.read("questions", questions, ["question_id", "gold", "options"])}
    drawn = tables.read("samples", samples, ["sample_id", "question_id", "completion", "finish"])
    rows = verdicts(drawn, asked, grader, str(questions))
    tables.write("verified", rows, output, tables.provenance("verify", [*samples, questions], grading=grader))
    counts = Counter(row["verdict"] for row in rows)
    say(f"{counts['right']} of {len(rows)} samples are correct")


if __name__ == "__main__":
    cli.run(main)
