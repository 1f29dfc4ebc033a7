"""A run killed at any moment resumes and ends as if nothing had happened."""

import os
import random
import signal
import subprocess
from pathlib import Path

from tests.workflow.conftest import command, environment, snakemake

KILLS = 10
COMPARED = (".parquet", ".json", ".safetensors")
TIMES = (".cost.json", "ledger.json")


def kill_after(directory: Path, seconds: float) -> bool:
    """Start the run, kill its whole process group after some seconds; tell whether it was still running."""
    run = subprocess.Popen(
        command(directory, "one-round"), env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        run.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return True


def results(directory: Path) -> dict[str, bytes]:
    """Return the bytes of every table, result and weight of the first round; what tells of time is left out."""
    root = directory / "results/embedded"
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.suffix in COMPARED
        and not path.name.endswith(TIMES)
        and not any(part.endswith(".2") for part in path.parts)
    }


def of_first_round(kept: dict[str, bytes], reference: dict[str, bytes]) -> dict[str, bytes]:
    """Leave out what only the second round of the reference needed (pools of the first round's policies)."""
    return {name: content for name, content in reference.items() if name in kept or ".1/k4" not in name}


def test_a_run_killed_ten_times_ends_with_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    moments = random.Random(0)
    killed = 0
    for _ in range(KILLS):
        killed += kill_after(tmp_path, moments.uniform(3.5, 8.5))
        assert snakemake(tmp_path, "--unlock", "one-round").returncode == 0
    assert killed >= KILLS - 1, "the run was over before it could be killed; kill earlier"
    last = snakemake(tmp_path, "one-round")
    assert last.returncode == 0, last.stdout + last.stderr
    kept = results(tmp_path)
    assert of_first_round(kept, results(finished)) == kept
    unfinished = [path for path in tmp_path.glob("results/**/.*") if path.suffix in (".parts", ".state")]
    assert unfinished == []
