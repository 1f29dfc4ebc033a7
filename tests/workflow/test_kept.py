"""Finished results are kept after a failed rerun, after a kill, and in another clone."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.docs.pages import clean_copy
from tests.workflow.conftest import command, environment, planned, snakemake
from tests.workflow.test_reruns import HSIR, changed_method

FILTERED = "results/embedded/few/seed0/hsir-sft.1/filtered.parquet"
POLICY = "results/embedded/few/seed0/sft-initial/checkpoint"


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the bytes and the time of all results, those that are hidden too."""
    files = [path for path in (folder / "results").rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def with_tau(tiny: dict[str, Any], tau: float) -> dict[str, Any]:
    select = [{"kind": "right"}, {"kind": "indiv", "threshold": tau}, HSIR["select"][2]]
    return changed_method(tiny, HSIR | {"select": select})


def test_a_rerun_that_failed_or_was_killed_loses_nothing(copied: Path, tiny: dict[str, Any]) -> None:
    broken, before = with_tau(tiny, 50.0), state(copied)
    failed = snakemake(copied, "two-rounds", config=broken)
    assert failed.returncode != 0 and "no solution is left for training" in failed.stdout + failed.stderr
    assert state(copied) == before
    assert planned(copied, "two-rounds") == []
    assert "filter" in {job.rule for job in planned(copied, "two-rounds", config=broken)}
    run = subprocess.Popen(
        command(copied, "two-rounds", config=with_tau(tiny, -1.0)), env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while (copied / FILTERED).exists() and run.poll() is None:
        time.sleep(0.001)
    os.killpg(run.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    assert snakemake(copied, "--unlock", "two-rounds").returncode == 0
    assert planned(copied, "two-rounds") == []
    assert state(copied) == before


def test_results_copied_to_another_clone_are_finished_there(tmp_path: Path) -> None:
    """A clone's own files are as old as the clone."""
    first, second = clean_copy(tmp_path / "first"), clean_copy(tmp_path / "second")
    given = ["snakemake", "--profile", "profiles/local", "--configfile", ".test.yaml", "--cores", "2", POLICY]
    tiny = Path(__file__).parents[2] / ".test/config/config.yaml"
    for clone in (first, second):
        shutil.copy(tiny, clone / ".test.yaml")
    done = subprocess.run(given, cwd=first, env=os.environ, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    newer = time.time() + 60
    for path in second.rglob("*"):
        os.utime(path, (newer, newer))
    for with_records in (False, True):
        for folder in ("results", *([".snakemake"] if with_records else [])):
            shutil.copytree(first / folder, second / folder, dirs_exist_ok=True)
        told = subprocess.run([*given, "--dry-run"], cwd=second, capture_output=True, text=True, timeout=600)
        assert "Nothing to be done" in told.stdout + told.stderr
