"""How large and slow is the report at the paper's scale?

Creates results of the size that a config in config/paper plans, from a finished run of every method on the embedded
default: its rows under new names, with longer texts, for every model, task, policy and pool. Then builds the report.

PYTHONPATH=. python benchmarks/report_scale.py results config/paper/table1.yaml > benchmarks/report_scale.md
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.machine import described
from hsir.planning import workflow

TEST, UNLABELLED = 3, 28
"""Numbers of copies: 420 test questions become 1,260, and 250 unlabelled ones 7,000, as many as in GSM8K."""
LONGER = 10
"""Texts of 150 tokens become as long as the paper's."""
NAMES = {"id", "question_id", "sample_id", "parent_id", "loser_id"}
RULE = re.compile(r"^(?:local)?rule report:\n    input: (.+)$", re.MULTILINE)
CELL = re.compile(r"results/[^/]+/[^/]+/seed\d+/(.+)")
POOL = re.compile(r"[^/.]+\.\d+/(?!eval/)([^/]+/)")
SHARD = re.compile(r"(\d+)-of-\d+")


def snakemake(folder: Path, config: Path, *options: str) -> str:
    """Run Snakemake in a folder, and return its output."""
    command = [sys.executable, "-m", "snakemake", "-s", str(workflow.HOME / "Snakefile"), *options]
    told = subprocess.run(
        [*command, "--configfile", str(config)], cwd=folder, check=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return told.stdout


def template(path: str, results: Path) -> Path:
    """Return the file of the finished run that replaces one of the large run; later iterations use that of the
    first."""
    if "/benchmarks/" in path:
        return results / "embedded/benchmarks/chains.parquet"
    rest = CELL.fullmatch(path)[1]  # type: ignore[index]
    rest = re.sub(r"eval/[^/.]+", "eval/chains", POOL.sub(r"sft-initial/\1", rest))
    rest = re.sub(r"^([^/.]+)\.\d+/", r"\1.1/", rest)
    one = "0-of-1" if "/eval/" in rest else None
    rest = SHARD.sub(lambda shard: one or f"{int(shard[1]) % 2}-of-2", rest)
    return results / "embedded/chains/seed0" / rest


def copies(path: str) -> range:
    """Return the numbers of the copies in a file: the shards of a pool contain different ones."""
    if "/eval/" in path or "/benchmarks/" in path:
        return range(TEST)
    shard = re.search(r"(\d+)-of-(\d+)", path)
    number, pairs = (int(shard[1]) // 2, -(-int(shard[2]) // 2)) if shard else (0, 1)
    return range(number * UNLABELLED // pairs, (number + 1) * UNLABELLED // pairs)


def enlarged(source: Path, target: Path, numbers: range) -> None:
    """Write a table with all rows of another one several times, under new names, and with longer texts."""
    table = pq.read_table(source)
    parts = [renamed(table, f"~{n}") for n in numbers]
    pq.write_table(pa.concat_tables(parts).replace_schema_metadata(table.schema.metadata), target, compression="zstd")


def renamed(table: pa.Table, ending: str) -> pa.Table:
    """Add a suffix to every name, and set every solution's length."""
    for at, field in enumerate(table.schema):
        column = table.column(at)
        if field.name in NAMES:
            column = pc.binary_join_element_wise(column, ending, "")
        elif field.name == "completion":
            column = pc.binary_repeat(column, LONGER)
        elif field.name in {"n_tokens", "n_generated"}:
            column = pc.multiply(column, pa.scalar(LONGER, field.type))
        table = table.set_column(at, field, column)
    return table


def lay_down(folder: Path, paths: Sequence[str], results: Path) -> None:
    """Link every file that the report reads to a copy made from its template."""
    made: dict[tuple[Path, range], Path] = {}
    for path in paths:
        key = source, numbers = template(path, results), copies(path)
        if key not in made:
            made[key] = folder / "made" / f"{len(made)}{source.suffix}"
            made[key].parent.mkdir(exist_ok=True)
            if source.suffix == ".parquet":
                enlarged(source, made[key], numbers)
            else:
                made[key].write_bytes(source.read_bytes())
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(made[key], target)


def main() -> None:
    """Print the number of files, the time of the report, and its size."""
    results, config = (Path(given).resolve() for given in sys.argv[1:3])
    plan = workflow.opened([config])
    (run,) = plan.built_by_default()
    with tempfile.TemporaryDirectory(dir=results.parent) as name:
        folder = Path(name)
        paths = RULE.search(snakemake(folder, config, "-n", "--forceall"))[1].split(", ")  # type: ignore[index]
        lay_down(folder, paths, results)
        rows = sum(pq.read_metadata(folder / path).num_rows for path in paths if path.endswith(".parquet"))
        given = plan.alone(run).model_dump_json(exclude_unset=True, exclude={"track"})
        stage = [sys.executable, "-m", "hsir.stages.report", "--config", given, "--out", f"results/runs/{run}"]
        began = time.perf_counter()
        given_path = os.environ | {"PYTHONPATH": str(workflow.HOME)}
        subprocess.run(stage, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=given_path)
        staged, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        snakemake(folder, config, "--touch", "--cores", "1")
        began = time.perf_counter()
        snakemake(folder, config, "--report", "report.html")
        bound = time.perf_counter() - began
        print(f"# The report of {run}\n\n{described()}\n")
        print("| files read | rows | stage `report` | memory | `snakemake --report` | report.html |")
        print("|---:|---:|---:|---:|---:|---:|")
        size = (folder / "report.html").stat().st_size / 2**20
        print(f"| {len(paths):,} | {rows:,} | {staged:.0f} s | {peak:.1f} GiB | {bound:.0f} s | {size:.1f} MiB |")


if __name__ == "__main__":
    main()
