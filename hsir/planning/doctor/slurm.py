"""Would the queue accept the jobs? Each distinct request is tested with `sbatch --test-only`, which submits nothing."""

import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hsir.planning.doctor.command import answer
from hsir.planning.doctor.finding import Finding, ok, problem, skipped
from hsir.planning.workflow import Job

FLAGS = {
    "slurm_account": "--account", "slurm_partition": "--partition", "clusters": "--clusters", "runtime": "--time",
    "constraint": "--constraint", "qos": "--qos", "mem_mb_per_cpu": "--mem-per-cpu", "mem_mb": "--mem",
    "nodes": "--nodes", "gres": "--gres", "gpu": "--gpus",
}  # fmt: skip
"""How the SLURM plugin translates a job's resources."""
ANSWERS_IN = 60
"""Timeout in seconds; a controller that needs longer is considered down."""
LISTING = "nvidia-smi -L"


def blanks(profile: Mapping[str, Any]) -> Iterator[Finding]:
    """Find the placeholders left in a profile."""
    given = profile.get("default-resources") or {}
    pairs = given.items() if isinstance(given, Mapping) else (str(pair).partition("=")[::2] for pair in given)
    for name, value in pairs:
        if str(value).startswith("FILL-IN"):
            yield problem(f"profile, {name}", f"{value}: not filled in", "fill it in, at the top of the profile")


def requests(jobs: Iterable[Job]) -> dict[tuple[str, ...], list[str]]:
    """Group rules by their resource requests, as sbatch options; jobs of a Snakemake group request their sum."""
    found: dict[tuple[str, ...], dict[str, None]] = {}
    for job in (job for job in jobs if not job.local):
        found.setdefault(options(job), {})[job.rule] = None
    return {asked: list(rules) for asked, rules in found.items()}


def options(job: Job) -> tuple[str, ...]:
    """Format a job's resources as sbatch options."""
    given = [f"{flag}={job.resources[name]}" for name, flag in FLAGS.items() if _asked(job, name)]
    return (*given, f"--cpus-per-task={job.threads}", *shlex.split(job.resources.get("slurm_extra", "")))


def queue(jobs: Iterable[Job]) -> Iterator[Finding]:
    """Test with sbatch whether it would accept each kind of job."""
    if shutil.which("sbatch") is None:
        yield skipped("queue", "no sbatch here", "run doctor on the login node, where jobs are submitted")
        return
    for asked, rules in requests(jobs).items():
        what = f"queue, {', '.join(rules[:3])}{', ...' if len(rules) > 3 else ''}"
        code, said = answer(["sbatch", "--test-only", *asked, "--wrap", "true"], ANSWERS_IN)
        if code == 0:
            yield ok(what, said)
        else:
            yield problem(what, f"{said} (command: {shlex.join(asked)})", f"fix {_blamed(said)} in the profile")


def probe(jobs: Iterable[Job], seconds: int) -> Finding:
    """Run `nvidia-smi` in a short job with the resources of the first job that requests a GPU."""
    what = "GPU in a job"
    asked = next((options(job) for job in jobs if _asked(job, "gpu") or _asked(job, "gres")), None)
    if asked is None:
        return skipped(what, "no job requests a GPU")
    if shutil.which("srun") is None:
        return skipped(what, "no srun here", "run doctor on the login node")
    short = [option for option in asked if not option.startswith(("--time", "--mem"))]
    code, said = answer(["srun", *short, "--time=5", "--mem=1000", *LISTING.split()], seconds)
    if code == 0 and "GPU" in said:
        return ok(what, said)
    return problem(what, said, "check that GPUs are requested as this cluster expects: `gpu: 1` or `gres: gpu:1`")


def here() -> Finding:
    """Look for a GPU on this machine."""
    if shutil.which("nvidia-smi") is None:
        return skipped("GPU", "no nvidia-smi here: models run on the CPU")
    code, said = answer(LISTING.split(), ANSWERS_IN)
    return ok("GPU", said) if code == 0 else problem("GPU", said, "fix the driver, or hide the GPU")


def _asked(job: Job, name: str) -> bool:
    """Return whether a job requests a resource; 0 counts as no request, as in the plugin."""
    return job.resources.get(name, "0") not in ("", "0")


def _blamed(said: str) -> str:
    """Return the resources that sbatch's message refers to."""
    words = {
        "partition": "`slurm_partition`", "account": "`slurm_account`", "gres": "`gpu` or `gres`", "qos": "`qos`",
        "memory": "`mem_mb`", "time": "`runtime`",
    }  # fmt: skip
    return " and ".join(name for word, name in words.items() if word in said.lower()) or "the resources"
