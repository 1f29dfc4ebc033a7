"""Stage evaluate: accuracy and tokens of a policy on a benchmark."""

from pathlib import Path
from typing import Annotated

import typer

from hsir.evaluation import statistics
from hsir.progress import say
from hsir.reducers import Reducers
from hsir.stages import cli
from hsir.storage import belonging, tables


def main(
    samples: Annotated[
        list[Path], typer.Option(help="Sample shards of the answers; repeat the option for each shard.")
    ],
    verified: Annotated[Path, typer.Option(help="Their verdicts.")],
    questions: Annotated[Path, typer.Option(help="Table of questions, to read their difficulty.")],
    output: Annotated[Path, cli.file_option("--out", "JSON of results.", ".json")],
    reducers: Annotated[
        Reducers | None,
        cli.json_option(Reducers, "Reducers, as JSON, if there are several answers per question."),
    ] = None,
) -> None:
    """Summarize the graded answers of a policy on one benchmark."""
    belonging.check_pool(samples, [verified], questions)
    columns = ["sample_id", "question_id", "n_tokens", "finish"]
    answers = statistics.graded(
        tables.read("samples", samples, columns), tables.read("verified", verified), tables.read("questions", questions)
    )
    options = {} if reducers is None else {"reducers": reducers}
    made_by = tables.provenance("evaluate", [*samples, verified, questions], **options)
    result = statistics.summary(answers) if reducers is None else statistics.sampled(answers, reducers.root)
    tables.write_json(result | {"provenance": made_by}, output)
    accuracy = result["accuracy"]
    say(
        f"accuracy {accuracy['value']:.1%} (95 % interval {accuracy['low']:.1%} to {accuracy['high']:.1%}),"
        f" {result['tokens']['mean']:.0f} tokens on average"
    )


if __name__ == "__main__":
    cli.run(main)
