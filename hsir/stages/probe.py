"""Stage probe: the prefixes of failed solutions after which the policy is prompted for an answer."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hsir.config.pools import ProbePool
from hsir.grading.base import Grader
from hsir.grading.verdicts import has_gold
from hsir.progress import say
from hsir.recycling.mentions import mentions
from hsir.recycling.veriexit import Cut, boundaries, prefix_ids
from hsir.splitting import Layout
from hsir.stages import cli
from hsir.storage import belonging, tables
from hsir.storage.models import load_tokenizer
from hsir.tasks import Task
from hsir.tasks.base import BaseTask


def main(
    samples: Annotated[list[Path], typer.Option(help="Sample shards of the pool; repeat the option for each shard.")],
    verified: Annotated[Path, typer.Option(help="The pool's verdicts.")],
    questions: Annotated[Path, typer.Option(help="Table of questions, for the gold answers.")],
    task: Annotated[BaseTask, cli.json_option(Task, "The task, as JSON.")],
    pool: Annotated[ProbePool, cli.json_option(ProbePool, "The pool of probes, as JSON.")],
    tokenizer: Annotated[str, typer.Option(help="Model folder, for its tokenizer.")],
    output: Annotated[Path, cli.file_option("--out", "Table of prefixes, one row per probed step.", *tables.SUFFIXES)],
    steps: Annotated[Layout, typer.Option(help="Step separator of a trace.")] = "blank_line",
) -> None:
    """Write, for each failed solution, its prefixes up to the probed steps, each with the exit prompt."""
    belonging.check_pool(samples, [verified], questions)
    asked = {row["question_id"]: row for row in tables.read("questions", questions, ["question_id", "gold", "options"])}
    right = {row["sample_id"] for row in tables.read("verified", verified) if row["verdict"] == "right"}
    drawn = sorted(tables.read("samples", samples), key=lambda row: str(row["sample_id"]))
    solved = {row["question_id"] for row in drawn if row["sample_id"] in right} if pool.unsolved else set()
    failed = [
        row
        for row in drawn
        if row["sample_id"] not in right and row["question_id"] not in solved and has_gold(row, asked)
    ]
    encoder = load_tokenizer(tokenizer)
    rows = [
        {
            "parent_id": row["sample_id"], "question_id": row["question_id"], "prompt_ids": row["prompt_ids"],
            "cut_step": cut.step, "prefix_ids": prefix_ids(encoder, row["completion_ids"], cut.end),
        }
        for row, cuts in probed(failed, asked, pool, task.grading, steps) for cut in cuts
    ]  # fmt: skip
    made_by = tables.provenance("probe", [*samples, verified, questions], pool=pool, grading=task.grading, steps=steps)
    tables.write("veriexit", rows, output, made_by)
    solutions = len({row["parent_id"] for row in rows})
    say(f"{len(rows)} steps of {solutions} of {len(drawn) - len(right)} failed solutions are probed")


def probed(
    failed: list[tables.Row], questions: Mapping[str, tables.Row], pool: ProbePool, grader: Grader, layout: Layout
) -> Iterator[tuple[tables.Row, list[Cut]]]:
    """Select the solutions to probe, and the steps of each."""
    taken: Counter[str] = Counter()
    for row in failed:
        name = row["question_id"]
        if pool.per_question is not None and taken[name] == pool.per_question:
            continue
        question = questions[name]
        options = dict(question["options"]) if question["options"] else None
        holds = partial(mentions, gold=question["gold"], grader=grader, options=options) if pool.mentions else None
        if cuts := boundaries(row["completion"], pool.most, holds, layout):
            taken[name] += 1
            yield row, cuts


if __name__ == "__main__":
    cli.run(main)
