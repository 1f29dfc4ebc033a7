"""Stage veriexit: the prefixes of failed solutions that had already arrived at the ground truth."""

from pathlib import Path
from typing import Annotated

import typer

from hsir.progress import say
from hsir.recycling.matchers import BaseMatcher, Matcher
from hsir.recycling.veriexit import recycle
from hsir.stages import cli
from hsir.storage import belonging, tables
from hsir.storage.models import load_tokenizer
from hsir.tasks import Task
from hsir.tasks.base import BaseTask


def main(
    samples: Annotated[list[Path], typer.Option(help="Shards of the pool; give the option once for each.")],
    verified: Annotated[Path, typer.Option(help="The pool's verdicts.")],
    questions: Annotated[Path, typer.Option(help="Table of questions, for the gold answers.")],
    task: Annotated[BaseTask, cli.json_option(Task, "The task, as JSON.")],
    matcher: Annotated[BaseMatcher, cli.json_option(Matcher, "When a step arrives, as JSON.")],
    tokenizer: Annotated[str, typer.Option(help="Model folder, for its tokenizer.")],
    output: Annotated[Path, cli.file_option("--out", "Table of failed samples and their cuts.", *tables.SUFFIXES)],
) -> None:
    """Cut each failed solution behind the first step that states the gold answer; add the exit prompt."""
    belonging.check_pool(samples, [verified], questions)
    asked = {row["question_id"]: row for row in tables.read("questions", questions, ["question_id", "gold", "options"])}
    verdicts = {row["sample_id"]: row["verdict"] for row in tables.read("verified", verified)}
    failed = [row for row in tables.read("samples", samples) if verdicts[row["sample_id"]] != "right"]
    rows = recycle(failed, asked, matcher, task.grading, load_tokenizer(tokenizer))
    made_by = tables.provenance("veriexit", [*samples, verified, questions], matcher=matcher, grading=task.grading)
    tables.write("veriexit", rows, output, made_by)
    recyclable = sum(row["cut_step"] is not None for row in rows)
    say(f"{recyclable} of {len(rows)} failed samples are recyclable")


if __name__ == "__main__":
    cli.run(main)
