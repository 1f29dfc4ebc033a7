"""Export the answers of an evaluation as a sample log of lm-evaluation-harness."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hsir.config.plan import test_set
from hsir.errors import InputError
from hsir.evaluation.harness import exported
from hsir.progress import say
from hsir.storage import belonging, tables
from hsir.storage.files import atomic


def main(
    evaluation: Annotated[
        Path, typer.Argument(help="Folder of an evaluation, such as results/qwen/gsm8k/seed0/hsir-sft.2/eval/gsm8k.")
    ],
    output: Annotated[
        Path | None, typer.Option("--out", help="JSONL file; if none, samples_BENCHMARK.jsonl here.")
    ] = None,
) -> None:
    """Write samples and verdicts as one JSON line per question, as `lm_eval --log_samples` does."""
    shards = sorted((evaluation / "samples").glob("*.parquet"))
    if not shards or len(evaluation.resolve().parts) < 6:
        raise InputError(f"{evaluation}: not an evaluation; name results/MODEL/TASK/seedN/POLICY/eval/BENCHMARK")
    folder = evaluation.resolve()
    questions = folder.parents[4] / "benchmarks" / f"{test_set(folder.name)}.parquet"
    verified = evaluation / "verified.parquet"
    belonging.check_pool(shards, [verified])
    verdicts = {row["sample_id"]: row for row in tables.read("verified", verified)}
    columns = ["sample_id", "question_id", "completion"]
    logged = exported(tables.read("samples", shards, columns), verdicts, tables.read("questions", questions))
    path = output or Path(f"samples_{folder.name}.jsonl")
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8") as out:
        count = sum(bool(out.write(json.dumps(row) + "\n")) for row in logged)
    say(f"{count:,} questions: {path}")
