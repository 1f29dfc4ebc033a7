"""Export the answers of an evaluation as a sample log of another harness."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from hsir.config.plan import test_set
from hsir.errors import InputError
from hsir.evaluation.harness import inspect, lighteval, lm_eval
from hsir.evaluation.harness.answered import Answered, answered
from hsir.progress import say
from hsir.storage import belonging, rows, tables
from hsir.storage.files import atomic

Format = Literal["lm-eval", "lighteval", "inspect"]
NAMES = {"lm-eval": "samples_{}.jsonl", "lighteval": "details_{}.parquet", "inspect": "{}.json"}
"""Names of the files, from that of the evaluation; their suffixes are those that the harnesses expect."""


def main(
    evaluation: Annotated[
        Path, typer.Argument(help="Folder of an evaluation, such as results/qwen/gsm8k/seed0/hsir-sft.2/eval/gsm8k.")
    ],
    output: Annotated[
        Path | None, typer.Option("--out", help="File to write; if none, one named after it here.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="lm-evaluation-harness, lighteval, or Inspect.")] = "lm-eval",
) -> None:
    """Write samples and verdicts as another harness logs them, for its viewers and scripts."""
    shards = sorted((evaluation / "samples").glob("*.parquet"))
    if not shards or len(evaluation.resolve().parts) < 6:
        raise InputError(f"{evaluation}: not an evaluation; name results/MODEL/TASK/seedN/POLICY/eval/BENCHMARK")
    folder = evaluation.resolve()
    path = output or Path(NAMES[form].format(folder.name))
    suffix = Path(NAMES[form]).suffix
    if path.suffix != suffix:
        raise InputError(f"--out {path}: the suffix must be {suffix} with --format {form}")
    entries = list(_entries(folder, shards))
    _write(entries, folder, path, form)
    say(f"{len(entries):,} questions: {path}")


def _entries(folder: Path, shards: list[Path]) -> Iterator[Answered]:
    questions = folder.parents[4] / "benchmarks" / f"{test_set(folder.name)}.parquet"
    verified = folder / "verified.parquet"
    belonging.check_pool(shards, [verified])
    verdicts = {row["sample_id"]: row for row in tables.read("verified", verified)}
    columns = ["sample_id", "question_id", "prompt_ids", "completion", "completion_ids", "n_tokens", "finish"]
    return answered(tables.read("samples", shards, columns), verdicts, tables.read("questions", questions))


def _write(entries: list[Answered], folder: Path, path: Path, form: Format) -> None:
    if form == "inspect":
        model, policy = folder.parents[4].name, folder.parents[1].name
        log = inspect.exported(entries, folder.name, f"{model}/{policy}", (folder / "verified.parquet").stat().st_mtime)
        with atomic(path) as temporary:
            temporary.write_text(json.dumps(log), encoding="ascii")
    elif form == "lighteval":
        rows.write([*lighteval.exported(entries, folder.name)], path)
    else:
        rows.write([*lm_eval.exported(entries)], path)
