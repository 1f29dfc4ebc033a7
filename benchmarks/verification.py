"""Time the verification of files: bytes per second, and its share of a finished run.

    PYTHONPATH=. python benchmarks/verification.py results

Each job of a run reads its inputs once and loads its policy once. So the cost per job is bounded by hashing all inputs
recorded in the job's tables, and the files that it reads; the share is relative to the seconds of the jobs
(`benchmarks/runs/*.tsv`).
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.machine import described
from hsir.storage import manifest, seal
from hsir.storage.files import file_hash, read_json

SIZE = 1 << 30
"""Size in bytes of the file that represents weights."""
SEVEN_B = 7.6e9 * 2
"""Size in bytes of a 7B checkpoint in bfloat16."""


def seconds(call: Callable[[], Any]) -> float:
    """Time one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def rates(folder: Path) -> dict[str, float]:
    """Return bytes per second of hashing weights, and of checking a table's seal."""
    path = folder / "model.safetensors"
    block = os.urandom(64 << 20)
    with path.open("wb") as file:
        for _ in range(SIZE // len(block)):
            file.write(block)
    sealed = seal.KEY.encode() + b"\x18\x20" + block
    return {
        "manifest of a checkpoint": SIZE / min(seconds(lambda: manifest.digest(path)) for _ in range(3)),
        "seal of a table": len(sealed) / min(seconds(lambda: seal.damaged(sealed)) for _ in range(3)),
    }


def verified(results: Path) -> float:
    """Verify each file of a run as often as its jobs do, when it is read and as a recorded input; return the
    seconds."""
    took = 0.0
    for path in sorted(path for path in results.rglob("*.parquet") if not path.name.startswith(".")):
        content = path.read_bytes()
        took += seconds(partial(seal.damaged, content)) + hashed(seal.stamped(content).get("inputs", {}))
    for path in results.rglob("train.json"):
        took += seconds(partial(read_json, path)) + hashed(read_json(path)["provenance"]["inputs"])
    for folder in results.rglob("checkpoint"):
        if (folder / manifest.NAME).is_file():
            jobs = [*folder.parent.rglob("samples/*.parquet"), *folder.parent.rglob("*-scores.parquet")]
            took += len(jobs) * seconds(partial(manifest.faults, folder))
    return took


def hashed(inputs: Iterable[str]) -> float:
    """Time the hashes of a job's inputs."""
    return sum(seconds(partial(file_hash, Path(path))) for path in inputs if Path(path).exists())


def spent(times: Path) -> float:
    """Sum the seconds of all jobs."""
    found = 0.0
    for path in times.rglob("*.tsv"):
        header, values = path.read_text().splitlines()[:2]
        found += float(dict(zip(header.split("\t"), values.split("\t"), strict=False))["s"])
    return found


def main() -> None:
    """Print the rates, and the share of a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--times", type=Path, default=Path("benchmarks/runs"))
    given = parser.parse_args()
    print(described())
    with tempfile.TemporaryDirectory() as folder:
        found = rates(Path(folder))
    for what, rate in found.items():
        print(f"{what}: {rate / 1e9:.2f} GB/s")
    whole_model = SEVEN_B / found["manifest of a checkpoint"]
    print(f"a 7B checkpoint in bfloat16 ({SEVEN_B / 1e9:.1f} GB): {whole_model:.0f} s, once per job")
    took, whole = verified(given.results), spent(given.times)
    print(f"verification in {given.results}: {took:.2f} s of {whole:.0f} s of jobs: {took / whole:.2%}")


if __name__ == "__main__":
    main()
