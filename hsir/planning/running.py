"""Running jobs: those that Snakemake marks as started, here or in a queue, and the last lines of their logs."""

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
"""Bytes read from the end of a log."""
SLACK = 2.0
"""Seconds: Snakemake marks a job just after it has started it."""


class Running(NamedTuple):
    """A started job: its subject, its last output (None: still waiting), and how many seconds ago that was."""

    rule: str
    of: str
    said: str | None = None
    silent: float = 0.0


def alive(state: Path = STATE) -> bool:
    """Return whether a run is active in this folder: Snakemake locks it, and marks started jobs."""
    return any((state / "locks").glob("*")) or bool(_begun(state))


def outputs(state: Path = STATE) -> list[str]:
    """Return the outputs being written, or that a killed run was writing."""
    return sorted(_begun(state))


def steps(state: Path = STATE) -> tuple[int, int] | None:
    """Return (finished, total) jobs of the newest run, from Snakemake's own log; None before the first is finished."""
    logs = sorted((state / "log").glob("*.snakemake.log"))
    found = STEPS.findall(_tail(logs[-1])) if logs else []
    return (int(found[-1][0]), int(found[-1][1])) if found else None


def running(jobs: Sequence[Job], state: Path = STATE) -> list[Running]:
    """Return the started jobs; those in `jobs` with the last lines of their logs."""
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
    if written < began - SLACK:  # there is none yet, or it is from an earlier attempt
        return Running(job.rule, of)
    said = SAID.findall(_tail(log))
    return Running(job.rule, of, _printable(said[-1]) if said else "", max(time.time() - written, 0.0))


def _printable(text: str) -> str:
    """Remove terminal control sequences: an error may quote model output."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def _begun(state: Path) -> dict[str, float]:
    """Return the outputs in progress, each with the time when its job started or was queued."""
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
