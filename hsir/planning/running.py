"""What runs now: the jobs that Snakemake marks as begun, here or in a queue, and what their logs say last."""

import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hsir.planning.workflow import Job

STATE = Path(".snakemake")
SAID = re.compile(r"^hsir: (.+)$", re.MULTILINE)
STEPS = re.compile(r"^(\d+) of (\d+) steps", re.MULTILINE)
TAIL = 4096
"""Bytes of a log that are looked at."""
SLACK = 2.0
"""Seconds: Snakemake marks a job just after it has started it."""


class Running(NamedTuple):
    """A job that has begun: what it is of, what it said last (None: it still waits), and how many seconds ago."""

    rule: str
    of: str
    said: str | None = None
    silent: float = 0.0


def alive(state: Path = STATE) -> bool:
    """Tell whether a run holds this folder: Snakemake locks it, and marks what it has begun."""
    return any((state / "locks").glob("*")) or bool(_begun(state))


def outputs(state: Path = STATE) -> list[str]:
    """Give the outputs that are being made, or that a killed run was making."""
    return sorted(_begun(state))


def steps(state: Path = STATE) -> tuple[int, int] | None:
    """Give (finished, all) jobs of the newest run, by Snakemake's own log; None before the first is finished."""
    logs = sorted((state / "log").glob("*.snakemake.log"))
    found = STEPS.findall(_tail(logs[-1])) if logs else []
    return (int(found[-1][0]), int(found[-1][1])) if found else None


def running(jobs: Sequence[Job], state: Path = STATE) -> list[Running]:
    """Give the jobs that have begun, those of `jobs` with what their logs say."""
    known = {output: job for job in jobs for output in job.outputs}
    found: dict[str, Running] = {}
    for output, began in _begun(state).items():
        job = known.get(output)
        found.setdefault(job.outputs[0] if job else output, _now(job, began) if job else Running("", output))
    return [found[output] for output in sorted(found)]


def _now(job: Job, began: float) -> Running:
    cell = "/".join(job.wildcards[name] for name in ("model", "task") if name in job.wildcards)
    seed = f"/seed{job.wildcards['seed']}" if "seed" in job.wildcards else ""
    rest = [value for name, value in job.wildcards.items() if name not in ("model", "task", "seed")]
    of = " ".join([", ".join(rest), *([f"({cell}{seed})"] if cell else [])]).strip()
    log = Path(job.log)
    written = log.stat().st_mtime if job.log and log.is_file() else 0.0
    if written < began - SLACK:  # there is none yet, or it is that of an earlier try
        return Running(job.rule, of)
    said = SAID.findall(_tail(log))
    return Running(job.rule, of, _printable(said[-1]) if said else "", max(time.time() - written, 0.0))


def _printable(text: str) -> str:
    """Take out what would act on a terminal: an error may quote what a model wrote."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def _begun(state: Path) -> dict[str, float]:
    """Give the outputs in the making, each with the time when its job began, or was queued."""
    found: dict[str, float] = {}
    folder = state / "incomplete"
    for marker in folder.rglob("*"):
        try:
            code = "".join(part.removeprefix("@") for part in marker.relative_to(folder).parts)
            if marker.is_file():
                found[urlsafe_b64decode(code).decode()] = marker.stat().st_mtime
        except (FileNotFoundError, ValueError):  # just finished; or no marker
            continue
    return found


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(file.tell() - TAIL, 0))
        return file.read().decode("utf-8", errors="replace")
