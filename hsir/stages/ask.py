"""Stage ask: the prompts of a pool with its own template or varying sample counts."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from hsir.config.pools import AdaptivePool, DrawnPool, GuidePool, HintPool, Pool, SamplePool
from hsir.errors import InputError
from hsir.progress import say
from hsir.sampling.asked import adaptive, check_fits, guided, hinted, parted, queued
from hsir.stages import cli
from hsir.storage import belonging, tables
from hsir.storage.chat import check_chat_template
from hsir.storage.models import load_tokenizer, positions
from hsir.tasks import Task
from hsir.tasks.base import BaseTask


def main(
    questions: Annotated[Path, typer.Option(help="Table of questions.")],
    pool: Annotated[DrawnPool, cli.json_option(Pool, "The pool, as JSON.")],
    task: Annotated[BaseTask, cli.json_option(Task, "The task, as JSON.")],
    model: Annotated[str, typer.Option(help="Base model, for its tokenizer and chat template.")],
    output: Annotated[Path, cli.file_option("--out", "Table of prompts.", *tables.SUFFIXES)],
    samples: Annotated[list[Path], typer.Option(help="Shards of the source pool.")] = [],
    verified: Annotated[Path | None, typer.Option(help="The source pool's verdicts.")] = None,
    part: Annotated[int, typer.Option(help="Number of the part of the questions, from 0, if the pool has parts.")] = 0,
    earlier: Annotated[
        list[str],
        typer.Option(help="POLICY=TABLE of an earlier policy's prompts, oldest first, for an adaptive order."),
    ] = [],
    earlier_samples: Annotated[
        list[str], typer.Option(help="POLICY=SHARD of its samples of the pool; repeat it.")
    ] = [],
    earlier_verified: Annotated[list[str], typer.Option(help="POLICY=TABLE of their verdicts; repeat it.")] = [],
    chat_template: Annotated[Path | None, typer.Option(help="Jinja file that replaces the model's template.")] = None,
) -> None:
    """Write the prompts of a pool, and the number of samples for each."""
    belonging.check_pool(samples, [verified] if verified else [], questions)
    asked = {row["question_id"]: row for row in tables.read("questions", questions)}
    if isinstance(pool, AdaptivePool):
        rows = list(adaptive(asked, pool, *judged(samples, verified)))
    elif isinstance(pool, SamplePool) and pool.parts is not None:
        before = list(shares_right(earlier, earlier_samples, earlier_verified))
        rows = list(queued(asked, pool, before) if pool.order == "adaptive" else parted(asked, pool, part))
        if not rows:
            raise InputError(f"{questions}: has {len(asked)} questions, too few for {pool.parts} parts; lower parts")
    else:
        tokenizer = load_tokenizer(model, chat_template)
        check_chat_template(tokenizer)
        if isinstance(pool, HintPool):
            right, _ = judged(samples, verified)
            rows = list(hinted(asked, pool, task, tokenizer, right))
        elif isinstance(pool, GuidePool):
            rows = list(guided(asked, pool, task, tokenizer, tables.read("samples", samples), positions(model)))
        else:
            raise InputError(f"a pool of kind {pool.kind} uses the plain questions as its prompts; omit ask")  # type: ignore[attr-defined]
        check_fits(rows, pool, positions(model))
    read = [questions, *samples, *([verified] if verified else [])]
    read += [path for _, path in cli.named([*earlier, *earlier_samples, *earlier_verified], "earlier")]
    made_by = tables.provenance("ask", read, pool=pool, task=task, model=model, **({"part": part} if part else {}))
    tables.write("asked", rows, output, made_by | tables.opening(tables.opening_ids(questions)))
    say(f"{len(rows)} prompts of {len(asked)} questions, {sum(row['draws'] for row in rows)} samples")


def shares_right(asked: list[str], samples: list[str], verified: list[str]) -> Iterator[dict[str, float]]:
    """Yield for each earlier policy, oldest first, the share of correct samples of the questions that it was asked."""
    shards, judged_by = cli.named(samples, "earlier-samples"), dict(cli.named(verified, "earlier-verified"))
    for policy, path in cli.named(asked, "earlier"):
        drawn = [shard for of, shard in shards if of == policy]
        belonging.check_pool(drawn, [judged_by[policy]] if policy in judged_by else [])
        right, failed = judged(drawn, judged_by.get(policy))
        names = dict.fromkeys(row["question_id"] for row in tables.read("asked", path, ["question_id"]))
        yield {name: right[name] / (right[name] + failed[name] or 1) for name in names}


def judged(samples: list[Path], verified: Path | None) -> tuple[Counter[str], Counter[str]]:
    """Count the correct and the failed solutions of each question."""
    if verified is None:
        raise InputError("the pool needs the verdicts of its source pool; give its --samples and --verified")
    verdicts = {row["sample_id"]: row["verdict"] for row in tables.read("verified", verified)}
    right, failed = Counter[str](), Counter[str]()
    for row in tables.read("samples", samples, ["sample_id", "question_id"]):
        (right if verdicts[row["sample_id"]] == "right" else failed)[row["question_id"]] += 1
    return right, failed


if __name__ == "__main__":
    cli.run(main)
