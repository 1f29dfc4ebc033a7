"""Stage sample: complete every prompt of a pool, one shard of it, batch by batch.

A finished batch is on disk at once. Killed at any moment, the next start goes on behind the last of them,
and the final table is the same.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pyarrow.parquet as pq
import typer

from hsir import tables
from hsir.config.settings import BasePool, Pool, TransformersEngine, VeriExitPool
from hsir.engines.base import Completion, Engine, Prompt, batches
from hsir.engines.seeds import sample_seed
from hsir.errors import InputError
from hsir.progress import say, track
from hsir.stages import cli


def main(
    model: Annotated[str, typer.Option(help="The policy: a model folder.")],
    prompts: Annotated[Path, typer.Option(help="Table of questions, or of recycled prefixes.")],
    pool: Annotated[BasePool, cli.json_option(Pool, "The pool, as JSON.")],
    name: Annotated[str, typer.Option(help="The pool's name, for sample ids.")],
    output: Annotated[Path, typer.Option(help="Table of samples.")],
    engine: Annotated[TransformersEngine, cli.json_option(TransformersEngine, "As JSON.")] = TransformersEngine(),
    seed: Annotated[int, typer.Option(help="The run's seed.")] = 0,
    shard: Annotated[int, typer.Option(help="Which shard, from 0.")] = 0,
    shards: Annotated[int, typer.Option(help="Of how many.")] = 1,
) -> None:
    """Draw the samples of one shard of a pool."""
    expand = recycled_prompts if isinstance(pool, VeriExitPool) else question_prompts
    todo = expand(prompts, name, pool.samples, seed)[shard::shards]
    made_by = tables.provenance(
        "sample", [prompts, Path(model)], pool=pool, engine=engine, seed=seed, shard=shard, shards=shards
    )
    with cli.locked(output):
        if output.is_file() and tables.same_making(tables.metadata(output), {"table": "samples", **made_by}):
            say(f"{output}: another process has just made it")
            return
        parts = output.with_name(f".{output.name}.parts")
        missing = remaining(list(batches(todo, engine.batch_size)), parts, made_by)
        if missing:
            draw(missing, parts, made_by, model, pool, engine)
        finish(parts, output, made_by)


def question_prompts(path: Path, name: str, samples: int, seed: int) -> list[Prompt]:
    """Ask each question `samples` times."""
    return [
        Prompt(f"{row['question_id']}-{name}-{n:04d}", row["question_id"], row["prompt_ids"],
               sample_seed(seed, row["question_id"], n))
        for row in tables.read("questions", path, ["question_id", "prompt_ids"])
        for n in range(samples)
    ]  # fmt: skip


def recycled_prompts(path: Path, name: str, samples: int, seed: int) -> list[Prompt]:
    """Continue each recyclable prefix `samples` times."""
    rows = [row for row in tables.read("veriexit", path) if row["cut_step"] is not None]
    return [
        Prompt(f"{row['question_id']}-{name}-{int(row['parent_id'].rsplit('-', 1)[1]) * samples + n:04d}",
               row["question_id"], row["prompt_ids"], sample_seed(seed, row["parent_id"], n),
               row["prefix_ids"], row["parent_id"], row["cut_step"])
        for row in rows
        for n in range(samples)
    ]  # fmt: skip


def remaining(planned: list[list[Prompt]], parts: Path, made_by: tables.Row) -> list[tuple[int, list[Prompt]]]:
    """Give the (number, batch) pairs that no part of the same making holds."""
    parts.mkdir(parents=True, exist_ok=True)
    for part in parts.iterdir():
        if part.suffix != ".parquet" or not tables.same_making(tables.metadata(part), {"table": "samples", **made_by}):
            part.unlink()
    missing = [(n, batch) for n, batch in enumerate(planned) if not _part(parts, n).is_file()]
    if missing and len(missing) < len(planned):
        say(f"resuming: {len(planned) - len(missing)} of {len(planned)} batches are finished")
    return missing


def draw(
    missing: list[tuple[int, list[Prompt]]], parts: Path, made_by: tables.Row, model: str,
    pool: BasePool, options: TransformersEngine,
) -> None:  # fmt: skip
    """Complete the batches, each written as soon as it is finished."""
    from hsir.engines.transformers import TransformersRunner

    engine: Engine = TransformersRunner(model, pool, options)
    for number, batch in track(iter(missing), "sampling, batches", len(missing)):
        rows = [sample_row(completion) for completion in engine.complete(batch)]
        tables.write("samples", rows, _part(parts, number), made_by)


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


def finish(parts: Path, output: Path, made_by: tables.Row) -> None:
    """Join the parts into the shard, ordered by sample id, and take them away."""
    rows = sorted(_rows(parts), key=lambda row: row["sample_id"])
    if len({row["sample_id"] for row in rows}) != len(rows):
        raise InputError(f"{parts}: a sample stands there twice; delete the folder and run again")
    tables.write("samples", rows, output, made_by)
    shutil.rmtree(parts)


def _rows(parts: Path) -> Iterator[tables.Row]:
    for part in sorted(parts.glob("*.parquet")):
        yield from pq.read_table(part).to_pylist()


def _part(parts: Path, number: int) -> Path:
    return parts / f"{number:05d}.parquet"


if __name__ == "__main__":
    cli.run(main)
