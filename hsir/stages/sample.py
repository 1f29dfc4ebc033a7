"""Stage sample: complete the prompts of one shard of a pool, batch by batch.

A finished batch is saved immediately. After a kill at any moment, the next start resumes after the last batch, and the
final table is the same.
"""

from pathlib import Path
from typing import Annotated

import typer

from hsir.config.engines import BaseEngine, Engine, TransformersEngine, VllmEngine
from hsir.config.pools import DrawnPool, Pool, ProbePool, VeriExitPool
from hsir.progress import Progress, say
from hsir.sampling.engines.base import Engine as Runner
from hsir.sampling.engines.base import Prompt, batches, library, prefilled, room, share, token_limit
from hsir.sampling.samples import asked_prompts, probe_prompts, question_prompts, recycled_prompts, sample_row
from hsir.stages import cli
from hsir.stages.parts import Parts
from hsir.storage import tables
from hsir.storage.models import load_model, load_tokenizer, positions


def main(
    model: Annotated[str, typer.Option(help="The policy: a model folder.")],
    prompts: Annotated[Path, typer.Option(help="Table of questions, prompts, or recycled prefixes.")],
    pool: Annotated[DrawnPool, cli.json_option(Pool, "The pool, as JSON.")],
    name: Annotated[str, typer.Option(help="The pool's name, for sample ids.")],
    output: Annotated[Path, cli.file_option("--out", "Table of samples.", *tables.SUFFIXES)],
    engine: Annotated[BaseEngine, cli.json_option(Engine, "The engine, as JSON.")] = TransformersEngine(),
    seed: Annotated[int, typer.Option(help="The run's seed.")] = 0,
    shard: Annotated[int, typer.Option(help="Shard number, from 0.")] = 0,
    shards: Annotated[int, typer.Option(help="Number of shards.")] = 1,
    cost: Annotated[Path | None, typer.Option(help="JSON output: time and tokens.")] = None,
) -> None:
    """Generate the samples of one shard of a pool."""
    todo = share(planned(prompts, pool, name, seed), shard, shards)
    made_by = tables.provenance(
        "sample", [prompts, Path(model)], pool=pool, engine=engine, library=library(engine.kind), seed=seed,
        shard=shard, shards=shards, batches="by question",  # parts with a different batch size are discarded
    )  # fmt: skip
    parts: Parts[list[Prompt]] = Parts("samples", output, made_by, cost)
    with cli.locked(output):
        if parts.finished():
            say(f"{output}: already written by another process; skipping")
            return
        missing = parts.missing(list(batches(todo, engine.batch_size)))
        if missing:
            say(f"loading {model}")
            draw(missing, parts, started(model, pool, engine, todo), len(todo))
        parts.join()


def planned(path: Path, pool: DrawnPool, name: str, seed: int) -> list[Prompt]:
    """Read the pool's source, and return one prompt per sample."""
    opening = tables.opening_ids(path)
    if pool.asked:
        return asked_prompts(tables.read("asked", path), name, pool.samples, seed, opening)
    if isinstance(pool, ProbePool):
        return probe_prompts(tables.read("veriexit", path), name, pool.samples, seed)
    if isinstance(pool, VeriExitPool):
        return recycled_prompts(tables.read("veriexit", path), name, pool.samples, seed)
    rows = tables.read("questions", path, ["question_id", "prompt_ids"])
    return question_prompts(rows, name, pool.samples, seed, opening)


def started(model: str, pool: DrawnPool, options: BaseEngine, prompts: list[Prompt]) -> Runner:
    """Load the policy into an engine, without importing other engines."""
    limit = token_limit(pool)
    longest = room(prompts, limit, positions(model))
    if isinstance(options, VllmEngine):
        from hsir.sampling.engines.vllm import VllmRunner

        return VllmRunner(model, pool.temperature, limit, longest, options, pool.top_p)
    if isinstance(options, TransformersEngine):
        from hsir.sampling.engines.transformers import TransformersRunner

        policy = load_model(model, options.dtype)
        return TransformersRunner(policy, load_tokenizer(model), pool.temperature, limit, pool.top_p)
    raise TypeError(f"{options!r} is not a valid engine")


def draw(missing: list[tuple[int, list[Prompt]]], parts: Parts[list[Prompt]], runner: Runner, total: int) -> None:
    """Complete the batches, and write each as soon as it is finished."""
    done = total - sum(len(batch) for _, batch in missing)
    with Progress("sampling", "samples", total, done) as progress:
        numbers = [number for number, _ in missing]
        completed = runner.stream((batch for _, batch in missing), progress.within)
        for number, completions in zip(numbers, completed, strict=True):
            rows = [sample_row(completion) for completion in completions]
            parts.write(number, rows, {**runner.noted(), **prefilled(completions)})
            progress.advance(len(rows), sum(row["n_generated"] for row in rows))


if __name__ == "__main__":
    cli.run(main)
