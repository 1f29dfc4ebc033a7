"""Stage sample: complete every prompt of a pool, one shard of it, batch by batch.

A finished batch is on disk at once. Killed at any moment, the next start goes on behind the last of them,
and the final table is the same.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from hsir.config.engines import BaseEngine, Engine, TransformersEngine, VllmEngine
from hsir.config.pools import BasePool, Pool, ProbePool, VeriExitPool
from hsir.progress import say, track
from hsir.sampling.engines.base import Completion, Prompt, batches, library
from hsir.sampling.engines.base import Engine as Runner
from hsir.sampling.engines.seeds import sample_seed
from hsir.stages import cli
from hsir.stages.parts import Parts
from hsir.storage import tables


def main(
    model: Annotated[str, typer.Option(help="The policy: a model folder.")],
    prompts: Annotated[
        Path, typer.Option(help="Table of questions, of prompts made of them, or of recycled prefixes.")
    ],
    pool: Annotated[BasePool, cli.json_option(Pool, "The pool, as JSON.")],
    name: Annotated[str, typer.Option(help="The pool's name, for sample ids.")],
    output: Annotated[Path, typer.Option(help="Table of samples.")],
    engine: Annotated[BaseEngine, cli.json_option(Engine, "What generates, as JSON.")] = TransformersEngine(),
    seed: Annotated[int, typer.Option(help="The run's seed.")] = 0,
    shard: Annotated[int, typer.Option(help="Which shard, from 0.")] = 0,
    shards: Annotated[int, typer.Option(help="Of how many.")] = 1,
    cost: Annotated[Path | None, typer.Option(help="JSON: how long it took.")] = None,
) -> None:
    """Draw the samples of one shard of a pool."""
    todo = expander(pool)(prompts, name, pool.samples, seed)[shard::shards]
    made_by = tables.provenance(
        "sample", [prompts, Path(model)], pool=pool, engine=engine, library=library(engine.kind), seed=seed,
        shard=shard, shards=shards,
    )  # fmt: skip
    parts: Parts[list[Prompt]] = Parts("samples", output, made_by, cost)
    with cli.locked(output):
        if parts.finished():
            say(f"{output}: another process has just made it")
            return
        missing = parts.missing(list(batches(todo, engine.batch_size)))
        if missing:
            draw(missing, parts, started(model, pool, engine, todo))
        parts.join()


def expander(pool: BasePool) -> Callable[[Path, str, int, int], list[Prompt]]:
    """Choose how a pool's table of prompts is read."""
    if isinstance(pool, ProbePool):
        return probe_prompts
    if isinstance(pool, VeriExitPool):
        return recycled_prompts
    return asked_prompts if pool.asked else question_prompts


def question_prompts(path: Path, name: str, samples: int, seed: int) -> list[Prompt]:
    """Ask each question `samples` times."""
    opening = tables.opening_ids(path)
    return [
        Prompt(f"{row['question_id']}-{name}-{n:04d}", row["question_id"], row["prompt_ids"],
               sample_seed(seed, row["question_id"], n), opening)
        for row in tables.read("questions", path, ["question_id", "prompt_ids"])
        for n in range(samples)
    ]  # fmt: skip


def asked_prompts(path: Path, name: str, samples: int, seed: int) -> list[Prompt]:
    """Draw from each prompt as often as the stage ask says; of one that quotes a sample, seeds go by that sample."""
    opening = tables.opening_ids(path)
    return [
        Prompt(f"{row['question_id']}-{name}-{_number(row['parent_id']) * samples + n:04d}", row["question_id"],
               row["prompt_ids"], sample_seed(seed, row["parent_id"] or row["question_id"], n), opening,
               row["parent_id"])
        for row in tables.read("asked", path)
        for n in range(row["first"], row["first"] + row["draws"])
    ]  # fmt: skip


def _number(sample_id: str | None) -> int:
    """Give the number of a sample among those of its question."""
    return int(sample_id.rsplit("-", 1)[1]) if sample_id else 0


def recycled_prompts(path: Path, name: str, samples: int, seed: int) -> list[Prompt]:
    """Continue each recyclable prefix `samples` times."""
    rows = [row for row in tables.read("veriexit", path) if row["cut_step"] is not None]
    return [
        Prompt(f"{row['question_id']}-{name}-{_number(row['parent_id']) * samples + n:04d}",
               row["question_id"], row["prompt_ids"], sample_seed(seed, row["parent_id"], n),
               row["prefix_ids"], row["parent_id"], row["cut_step"])
        for row in rows
        for n in range(samples)
    ]  # fmt: skip


def probe_prompts(path: Path, name: str, samples: int, seed: int) -> list[Prompt]:
    """Answer `samples` times after each probed step; the seed goes by the solution, the step and the number."""
    return [
        Prompt(f"{row['parent_id']}-{name}-{row['cut_step']:03d}-{n:02d}", row["question_id"], row["prompt_ids"],
               sample_seed(seed, f"{row['parent_id']}\0{row['cut_step']}", n), row["prefix_ids"], row["parent_id"],
               row["cut_step"])
        for row in tables.read("veriexit", path)
        for n in range(samples)
    ]  # fmt: skip


def started(model: str, pool: BasePool, options: BaseEngine, prompts: list[Prompt]) -> Runner:
    """Load the policy into an engine, and no other engine's library."""
    if isinstance(options, VllmEngine):
        from hsir.sampling.engines.vllm import VllmRunner

        return VllmRunner(model, pool, options, prompts)
    if isinstance(options, TransformersEngine):
        from hsir.sampling.engines.transformers import TransformersRunner

        return TransformersRunner(model, pool, options, prompts)
    raise TypeError(f"{options!r} is no engine")


def draw(missing: list[tuple[int, list[Prompt]]], parts: Parts[list[Prompt]], runner: Runner) -> None:
    """Complete the batches, each written as soon as it is finished."""
    for number, batch in track(iter(missing), "sampling, batches", len(missing)):
        rows = [sample_row(completion) for completion in runner.complete(batch)]
        parts.write(number, rows, runner.noted())


def sample_row(completion: Completion) -> tables.Row:
    """Write a completion as a row of the samples table."""
    prompt = completion.prompt
    n_tokens = len(completion.completion_ids)
    return {
        "sample_id": prompt.sample_id, "question_id": prompt.question_id, "prompt_ids": prompt.prompt_ids,
        "completion": completion.text, "completion_ids": completion.completion_ids, "n_tokens": n_tokens,
        "n_generated": n_tokens - len(prompt.prefix_ids), "finish": completion.finish, "seed": prompt.seed,
        "parent_id": prompt.parent_id, "cut_step": prompt.cut_step,
    }  # fmt: skip


if __name__ == "__main__":
    cli.run(main)
