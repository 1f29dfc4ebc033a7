"""Stage veriexit: cut failed solutions at the step that reaches the gold answer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer

from hsir import traces
from hsir.grading.base import Grader
from hsir.grading.verdicts import has_gold
from hsir.progress import say, warn
from hsir.recycling.matchers import BaseMatcher, Matcher
from hsir.recycling.statements import few_state, mostly_whole, one_step, unstated
from hsir.recycling.veriexit import Evidence, recycle, states_any
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
    matcher: Annotated[BaseMatcher, cli.json_option(Matcher, "The matcher, as JSON.")],
    tokenizer: Annotated[str, typer.Option(help="Model folder, for its tokenizer.")],
    output: Annotated[Path, cli.file_option("--out", "Output: failed samples and their cuts.", *tables.SUFFIXES)],
    probes: Annotated[
        list[str], typer.Option(help="POOL=SHARD of probes that the matcher reads; repeat the option for each shard.")
    ] = [],
    probed: Annotated[
        list[str], typer.Option(help="POOL=TABLE of that pool's verdicts; repeat the option for each pool.")
    ] = [],
    judged: Annotated[Path | None, typer.Option(help="Table of judgements that the matcher reads.")] = None,
    steps: Annotated[Layout, typer.Option(help="Step separator of a trace.")] = "blank_line",
) -> None:
    """Cut each failed solution after the first step that states the gold answer, and append the exit prompt."""
    belonging.check_pool(samples, [verified], questions)
    asked = {row["question_id"]: row for row in tables.read("questions", questions, ["question_id", "gold", "options"])}
    verdicts = {row["sample_id"]: row["verdict"] for row in tables.read("verified", verified)}
    drawn = tables.read("samples", samples)
    failed = [row for row in drawn if verdicts[row["sample_id"]] != "right" and has_gold(row, asked)]
    shards, verdict_tables = named_paths(probes), named_paths(probed)
    judgements = tables.read("judged", judged) if judged else []
    concluded = {row["sample_id"]: frozenset([row["step"]]) for row in judgements if row["concluded"]}
    evidence = Evidence(probe_shares(shards, verdict_tables), concluded)
    rows = recycle(failed, asked, matcher, task.grading, load_tokenizer(tokenizer), evidence, steps)
    read = [path for paths in (*shards.values(), *verdict_tables.values()) for path in paths]
    inputs = [*samples, verified, questions, *read, *([judged] if judged else [])]
    made_by = tables.provenance("veriexit", inputs, matcher=matcher, grading=task.grading, steps=steps)
    stating = count_stating(failed, asked, matcher, task.grading, steps)
    whole = sum(len(traces.steps(row["completion"], steps)) == 1 for row in failed)
    tables.write("veriexit", rows, output, {**made_by, tables.STATING: stating, tables.WHOLE: whole})
    recyclable = sum(row["cut_step"] is not None for row in rows)
    say(f"{recyclable} of {len(rows)} failed samples are recyclable")
    if few_state(stating, len(rows)):
        warn(unstated(stating, len(rows)))
    if mostly_whole(whole, len(rows)):
        warn(one_step(whole, len(rows)))


def count_stating(
    failed: Sequence[tables.Row], questions: Mapping[str, tables.Row], matcher: BaseMatcher, grader: Grader,
    layout: Layout,
) -> int:  # fmt: skip
    """Count the failed samples with a step that states any answer."""
    asked = [(row["completion"], questions[row["question_id"]]) for row in failed]
    return sum(
        states_any(text, of["gold"], matcher, grader, dict(of["options"]) if of["options"] else None, layout)
        for text, of in asked
    )


def named_paths(entries: Sequence[str]) -> dict[str, list[Path]]:
    """Parse POOL=PATH entries into the paths of each pool."""
    found: dict[str, list[Path]] = {}
    for name, _, path in (entry.partition("=") for entry in entries):
        found.setdefault(name, []).append(Path(path))
    return found


def probe_shares(
    shards: Mapping[str, Sequence[Path]], verdicts: Mapping[str, Sequence[Path]]
) -> dict[str, dict[str, dict[int, float]]]:
    """Return the share of correct answers by pool, solution and step."""
    shares = {}
    for pool, paths in shards.items():
        belonging.check_pool(paths, verdicts[pool])
        right = {row["sample_id"]: row["verdict"] == "right" for row in tables.read("verified", verdicts[pool])}
        answers: dict[str, dict[int, list[bool]]] = {}
        for name, parent, step in tables.tuples("samples", paths, ["sample_id", "parent_id", "cut_step"]):
            answers.setdefault(parent, {}).setdefault(step, []).append(right[name])
        shares[pool] = {parent: {step: fmean(of) for step, of in by.items()} for parent, by in answers.items()}
    return shares


if __name__ == "__main__":
    cli.run(main)
