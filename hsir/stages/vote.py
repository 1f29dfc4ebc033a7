"""Stage vote: the questions of a pool with its majority answers as gold answers."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from hsir.config.pools import MajorityPool
from hsir.grading.voting import majority, said
from hsir.progress import say
from hsir.stages import cli
from hsir.storage import belonging, tables
from hsir.tasks import Task
from hsir.tasks.base import BaseTask

READ = [name for name in tables.SCHEMAS["questions"].names if name not in {"gold", "true_gold"}]
"""The columns that are read: never the gold answers."""


def main(
    samples: Annotated[list[Path], typer.Option(help="Sample shards of the pool; repeat the option for each shard.")],
    questions: Annotated[Path, typer.Option(help="Table of questions; its gold answers are not read.")],
    pool: Annotated[MajorityPool, cli.json_option(MajorityPool, "The pool, as JSON.")],
    task: Annotated[BaseTask, cli.json_option(Task, "The task, as JSON.")],
    output: Annotated[Path, cli.file_option("--out", "Table of questions.", *tables.SUFFIXES)],
    outside_tags: Annotated[bool, typer.Option(help="Also count answers outside the answer tags.")] = False,
) -> None:
    """Give each question the majority answer of its samples as its gold answer, or none."""
    grader = task.grading if outside_tags else task.grading.in_tags()
    belonging.check_shards(samples)
    belonging.check_prompts(samples, questions)
    rows = tables.read("questions", questions, READ)
    options = {row["question_id"]: dict(row["options"] or ()) or None for row in rows}
    answers: dict[str, list[str | None]] = defaultdict(list)
    for name, completion, finish in tables.tuples("samples", samples, ["question_id", "completion", "finish"]):
        answers[name].append(said(completion, grader, options[name], finish == "length"))
    for row in rows:
        name = row["question_id"]
        row["gold"] = majority(answers[name], grader, options[name], pool.least)
    made_by = tables.provenance("vote", [*samples, questions], pool=pool, grading=grader)
    tables.write("questions", rows, output, made_by | tables.opening(tables.opening_ids(questions)))
    found = sum(row["gold"] is not None for row in rows)
    say(f"{found} of {len(rows)} questions have a majority answer")


if __name__ == "__main__":
    cli.run(main)
