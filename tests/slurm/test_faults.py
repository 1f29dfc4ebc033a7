"""Cluster faults: the final results are those of an uninterrupted run, and nothing else is left."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, ask, wait_until
from tests.slurm.run import SEED, Run, since

Record = Callable[[str, object], None]
TRAINED = f"{SEED}/sft-initial/train.json"
RESUMED = "resuming at checkpoint-"


def recovered(run: Run, reference: Run, began: float, record: Record) -> None:
    """Wait for the end, which must be that of an uninterrupted run, and record how long it took."""
    run.finish()
    record("seconds", since(began))
    same_and_nothing_left(run, reference)


def same_and_nothing_left(run: Run, reference: Run) -> None:
    """Assert that all results are those of an uninterrupted run, and nothing partial, locked or running is left."""
    wait_until(lambda: run.left() == [], f"nothing is left of the run, but there was {run.left()}")
    made, wanted = run.results(), reference.results()
    assert "sft-initial/train.json" in made
    assert made == {name: wanted[name] for name in made}


def states(since_job: str) -> list[str]:
    """Return how the jobs ended, from a job on."""
    lines = ask("sacct", "--noheader", "--allocations", "--parsable2", "--format=JobIDRaw,State").split("\n")
    ended = [line.split("|") for line in lines if line]
    return [state.split()[0] for job, state in ended if int(job) >= int(since_job)]


@pytest.mark.core
def test_a_node_dies_in_mid_training(begun: Run, reference: Run, cluster: Cluster, record_property: Record) -> None:
    begun.start(TRAINED)
    job = begun.in_training()
    node = ask("squeue", "--noheader", f"--job={job}", "--format=%N").strip()
    cluster.kill_node(node)
    began = time.monotonic()
    recovered(begun, reference, began, record_property)
    assert RESUMED in begun.train_log()


@pytest.mark.core
def test_a_job_is_cancelled(begun: Run, reference: Run, record_property: Record) -> None:
    begun.start(TRAINED)
    job = begun.in_training()
    ask("scancel", job)
    recovered(begun, reference, time.monotonic(), record_property)
    assert states(job) == ["CANCELLED", "COMPLETED"]
    assert RESUMED in begun.train_log()


def test_a_job_is_out_of_time(begun: Run, reference: Run, cluster: Cluster, record_property: Record) -> None:
    begun.start(TRAINED, stages={"train": {"gpu": 1, "mem_mb": 4000, "runtime": "1 * attempt"}})
    job = begun.in_training()
    held = stage_process(cluster)
    os.kill(held, signal.SIGSTOP)  # SLURM lets it go on when its time is over, and tells it to stop
    wait_until(lambda: job not in cluster.jobs(), "the time is over", 150)
    recovered(begun, reference, time.monotonic(), record_property)
    assert states(job) == ["TIMEOUT", "COMPLETED"]
    assert RESUMED in begun.train_log()


def test_a_job_is_out_of_memory(begun: Run, reference: Run, record_property: Record) -> None:
    began = time.monotonic()
    begun.start(TRAINED, stages={"train": {"gpu": 1, "mem_mb": "500 * attempt * attempt", "runtime": 60}})
    recovered(begun, reference, began, record_property)
    assert "Trying to restart" in begun.told()


@pytest.mark.core
def test_a_job_is_preempted_and_saves_what_it_has(begun: Run, reference: Run, record_property: Record) -> None:
    begun.start(TRAINED)
    job = begun.in_training()
    urgent = preempt(job)
    began = time.monotonic()
    begun.finish()
    record_property("seconds", since(began))
    assert states(job)[0] == "FAILED", "it ended by itself within the grace time"
    ask("scancel", urgent)
    same_and_nothing_left(begun, reference)
    assert RESUMED in begun.train_log()


def test_a_job_is_preempted_without_grace(begun: Run, reference: Run, record_property: Record) -> None:
    spot = begun.profile["default-resources"] | {"slurm_partition": "spot"}
    begun.start(TRAINED, default_resources=spot)
    job = begun.in_training()
    urgent = preempt(job)
    began = time.monotonic()
    begun.finish()
    record_property("seconds", since(began))
    assert states(job)[0] == "COMPLETED", "SLURM put the same job back into its queue"
    ask("scancel", urgent)
    same_and_nothing_left(begun, reference)
    assert RESUMED in begun.train_log()


@pytest.mark.core
def test_the_main_process_dies_and_is_started_again_while_its_job_runs(
    begun: Run, reference: Run, cluster: Cluster, record_property: Record
) -> None:
    begun.start(TRAINED)
    job = begun.in_training()
    held = stage_process(cluster)
    os.kill(held, signal.SIGSTOP)
    begun.end()
    began = time.monotonic()
    begun.unlock()
    begun.start(TRAINED)
    wait_until(lambda: "locked by another process" in begun.train_log(), "the second waits for the first", 120)
    os.kill(held, signal.SIGCONT)
    recovered(begun, reference, began, record_property)
    assert states(job) == ["COMPLETED", "COMPLETED"]
    assert "already written by another process" in begun.train_log()


def test_the_main_process_dies_and_what_it_left_is_cancelled(
    begun: Run, reference: Run, cluster: Cluster, record_property: Record
) -> None:
    begun.start(TRAINED)
    job = begun.in_training()
    begun.end()
    began = time.monotonic()
    subprocess.run(LEFTOVERS, shell=True, check=True, cwd=begun.folder, timeout=30)  # noqa: S602 - the README's line
    wait_until(lambda: not cluster.jobs(), "what was left is cancelled")
    begun.unlock()
    begun.start(TRAINED)
    recovered(begun, reference, began, record_property)
    assert states(job) == ["CANCELLED", "COMPLETED"]
    assert RESUMED in begun.train_log()


def test_the_disk_is_full(begun: Run, reference: Run, record_property: Record) -> None:
    with small_disk(begun.folder / SEED / "sft-initial", begun.folder / "kept", "16m") as grow:
        begun.start(TRAINED, retries=0)
        assert begun.wait() != 0
        assert "free space" in begun.train_log()
        grow("200m")
        began = time.monotonic()
        begun.start(TRAINED)
        recovered(begun, reference, began, record_property)


def test_sbatch_rejects_a_job(begun: Run, reference: Run, record_property: Record) -> None:
    ask("scontrol", "update", "PartitionName=gpu", "State=DRAIN")
    try:
        begun.start(TRAINED)
        assert begun.wait() != 0
        assert "SLURM sbatch failed" in begun.told() and "drain" in begun.told()
    finally:
        ask("scontrol", "update", "PartitionName=gpu", "State=UP")
    began = time.monotonic()
    begun.start(TRAINED)
    recovered(begun, reference, began, record_property)


@pytest.mark.parametrize("patience", [60, 1], ids=["as shipped", "with latency-wait 1"])
def test_the_file_system_shows_files_late(patience: int, begun: Run, reference: Run, record_property: Record) -> None:
    late = threading.Thread(target=hide_for, args=(begun.folder / TRAINED, 12.0), daemon=True)
    late.start()
    began = time.monotonic()
    begun.start(TRAINED, latency_wait=patience)
    recovered(begun, reference, began, record_property)
    late.join()
    # Without the patience that the profile has, a finished job counts as failed, and is made again.
    assert ("Trying to restart" in begun.told()) == (patience == 1)


def stage_process(cluster: Cluster) -> int:
    """Return the process of the training that runs."""
    found = [
        pid for pid in cluster.processes()
        if Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:3] == [b"-m", b"hsir.stages.train"]
    ]  # fmt: skip
    assert len(found) == 1, found
    return found[0]


def preempt(job: str) -> str:
    """Submit a job that goes before another, on its node; return its id."""
    node = ask("squeue", "--noheader", f"--job={job}", "--format=%N").strip()
    wanted = ["--partition=urgent", f"--nodelist={node}", "--exclusive", "--output=/dev/null", "--wrap=sleep 10"]
    return ask("sbatch", "--parsable", *wanted).strip()


def hide_for(path: Path, seconds: float) -> None:
    """Hide a file as soon as it is there, and show it again later."""
    while not path.exists():
        time.sleep(0.005)
    aside = path.with_name("late")
    path.rename(aside)
    time.sleep(seconds)
    aside.rename(path)


@contextmanager
def small_disk(folder: Path, kept: Path, size: str) -> Iterator[Callable[[str], object]]:
    """Lay a small disk over a folder, with what the folder holds, kept aside; yield what makes it larger."""
    folder.rename(kept)
    folder.mkdir()
    ask("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        ask("cp", "--archive", f"{kept}/.", str(folder))
        yield lambda larger: ask("mount", "-o", f"remount,size={larger}", str(folder))
    finally:
        ask("umount", "--lazy", str(folder))


LEFTOVERS = next(
    line.strip() for line in Path(__file__).parents[2].joinpath("profiles/README.md").read_text().splitlines()
    if line.strip().startswith("squeue --me")
)  # fmt: skip
