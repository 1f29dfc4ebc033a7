"""Stage evaluate: accuracy and tokens of a policy on a benchmark."""

from pathlib import Path
from typing import Annotated

import typer

from hsir.errors import InputError
from hsir.evaluation import statistics
from hsir.evaluation.readings import readings
from hsir.progress import say
from hsir.reducers import Reducers, scores_read
from hsir.stages import cli
from hsir.storage import belonging, tables
from hsir.tasks import Task
from hsir.tasks.base import BaseTask


def main(
    samples: Annotated[
        list[Path], typer.Option(help="Sample shards of the answers; repeat the option for each shard.")
    ],
    verified: Annotated[Path, typer.Option(help="Their verdicts.")],
    questions: Annotated[Path, typer.Option(help="Table of questions: difficulty and gold answers.")],
    task: Annotated[BaseTask, cli.json_option(Task, "The task, as JSON.")],
    output: Annotated[Path, cli.file_option("--out", "JSON of results.", ".json")],
    reducers: Annotated[
        Reducers | None,
        cli.json_option(Reducers, "Reducers, as JSON, if there are several answers per question."),
    ] = None,
    scores: Annotated[list[str], typer.Option(help="NAME=TABLE of the answers' scores, for reducers.")] = [],
) -> None:
    """Summarize the graded answers of a policy on one benchmark."""
    scored = dict(cli.named(scores, "scores"))
    if lacking := [name for name in scores_read(reducers.root if reducers else ()) if name not in scored]:
        raise InputError(f"a reducer reads the scores {lacking[0]!r}; give --scores {lacking[0]}=TABLE")
    belonging.check_pool(samples, [verified], questions)
    for path in scored.values():
        belonging.check_made_of([path], [*samples, verified])
    columns = ["sample_id", "question_id", "completion", "n_tokens", "finish"]
    asked = {row["question_id"]: row for row in tables.read("questions", questions)}
    answers = statistics.graded(
        tables.read("samples", samples, columns), tables.read("verified", verified), asked.values(),
        {name: dict(tables.scores(path)) for name, path in scored.items()},
    )  # fmt: skip
    options = {} if reducers is None else {"reducers": reducers}
    inputs = [*samples, verified, questions, *scored.values()]
    made_by = tables.provenance("evaluate", inputs, grading=task.grading, **options)
    result = statistics.summary(answers) if reducers is None else statistics.sampled(answers, reducers.root)
    result |= {"readings": readings(answers, asked, task.grading)}
    tables.write_json(result | {"provenance": made_by}, output)
    accuracy = result["accuracy"]
    say(
        f"accuracy {accuracy['value']:.1%} (95 % interval {accuracy['low']:.1%} to {accuracy['high']:.1%}),"
        f" {result['tokens']['mean']:.0f} tokens on average"
    )


if __name__ == "__main__":
    cli.run(main)
