"""The table of cluster faults, from what pytest recorded while tests/slurm ran: `make test-slurm-faults`.

Usage: PYTHONPATH=. python benchmarks/slurm.py slurm.xml > benchmarks/slurm.md; of several files, later ones override
earlier ones.
"""

import sys
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from benchmarks.machine import described

CLUSTER = """SLURM 22.05 of Debian 12 on one machine: accounting, three nodes with two fake GPUs each, `KillWait`
15 s, `SlurmdTimeout` 10 s. Snakemake polls the queue after 3 s (in the shipped profile 40 s, the plugin's default), and
waits 10 s longer each time that no job has ended. The faults hit a training job of 32 steps after its first checkpoint
(`tests/slurm/small.yaml`)."""

LIMITS = """For a late output, the test moves a file away and back on a local disk. This tests that Snakemake waits for
it, but not the other effects of a network file system (stale attributes, stale folders, partial files, locks). Not
tried:
cgroups, a newer SLURM, jobs of a user other than root, real GPUs."""


class Told(NamedTuple):
    """The record of a test."""

    passed: bool
    noted: dict[str, float]


FAULTS = {
    "test_a_node_dies_in_mid_training": (
        "the node's daemon and all its processes killed",
        "SLURM notices and requeues the job (after two minutes); it resumes from the checkpoint",
    ),
    "test_a_job_is_cancelled": (
        "`scancel`",
        "on SIGTERM, training saves a checkpoint; Snakemake retries the job, which resumes from it",
    ),
    "test_a_job_is_out_of_time": (
        "`runtime: 1 * attempt`, and a delayed training",
        "on SIGTERM, saves a checkpoint; retried with more time",
    ),
    "test_a_job_is_out_of_memory": ("`mem_mb: 500 * attempt * attempt`", "killed; retried with more memory"),
    "test_a_job_is_preempted_and_saves_what_it_has": (
        "preempted by an urgent job, grace time 15 s",
        "on SIGTERM, saves a checkpoint, ends as FAILED; retried",
    ),
    "test_a_job_is_preempted_without_grace": (
        "preempted by an urgent job, no grace time",
        "on SIGTERM, saves a checkpoint; SLURM requeues the same job (after two minutes)",
    ),
    "test_the_main_process_dies_and_is_started_again_while_its_job_runs": (
        "`kill -9` of Snakemake; unlocked and started again while its job runs",
        "the second job waits for the first and finds its output finished; trained once",
    ),
    "test_the_main_process_dies_and_what_it_left_is_cancelled": (
        "`kill -9` of Snakemake; its job cancelled with the command in the profiles' README, unlocked, restarted",
        "resumes from the checkpoint",
    ),
    "test_the_disk_is_full": (
        "16 MB for a policy",
        "fails; with more space, the same command resumes from the last complete checkpoint",
    ),
    "test_sbatch_rejects_a_job": (
        "a drained partition",
        "fails at once, retries included; once it is up, the same command resumes",
    ),
    "test_the_file_system_shows_files_late[as shipped]": (
        "a finished output that is hidden for 12 s",
        "waited for (`latency-wait: 60`), no retry",
    ),
    "test_the_file_system_shows_files_late[with latency-wait 1]": (
        "the same with `latency-wait: 1`",
        "counts as failed, and is retried",
    ),
}  # fmt: skip


def told(path: Path) -> dict[str, Told]:
    """Read pytest's output: by test, whether it passed, and its properties."""
    cases = ElementTree.parse(path).iter("testcase")  # noqa: S314 - our own file
    return {
        case.attrib["name"]: Told(
            not {child.tag for child in case} & {"failure", "error", "skipped"},
            {one.attrib["name"]: float(one.attrib["value"]) for one in case.iter("property")},
        )
        for case in cases
    }


def page(tests: dict[str, Told]) -> str:
    """Build the page."""
    lines = [
        "# Cluster faults", "", f"`make test-slurm-faults`, {described()}", "", CLUSTER, "",
        "*Seconds* are from the fault (or from the restart) to the end of the run. *Same*: every table, result and"
        " weight is byte-identical to that of an uninterrupted run on one machine, and no job, lock or partial file"
        " is left.", "",
        "| fault | result | seconds | same |", "|---|---|---|---|",
        *(row(*FAULTS[name], tests[name]) for name in FAULTS), "", LIMITS, "",
        "To test one fault: `pytest tests/slurm -k node`, or any other word in the name of its test in"
        " `tests/slurm/test_faults.py`.", "", "## The overhead of the cluster", "",
        overhead(tests["test_the_cluster_makes_what_one_machine_makes"]), "",
    ]  # fmt: skip
    return "\n".join(lines)


def overhead(whole: Told) -> str:
    """Compare the time of the whole pipeline on the cluster with the local profile."""
    if not whole.passed:
        return "Not measured: the test of the whole pipeline did not pass."
    noted = whole.noted
    jobs, more = noted["submitted"], noted["seconds"] - noted["local"]
    return (
        f"{jobs:.0f} of {noted['stages']:.0f} stages were submitted as jobs. The run took {noted['seconds']:.0f} s, and"
        f" {noted['local']:.0f} s with the local profile on two cores. That is {more / jobs:.0f} s per job in an empty"
        " queue: two starts of Snakemake, SLURM's own steps, and the time until Snakemake polls."
    )


def row(done: str, happened: str, one: Told) -> str:
    """Format a row."""
    return f"| {done} | {happened} | {one.noted.get('seconds', float('nan')):.0f} | {'yes' if one.passed else 'NO'} |"


if __name__ == "__main__":
    print(page({name: one for path in sys.argv[1:] for name, one in told(Path(path)).items()}), end="")
