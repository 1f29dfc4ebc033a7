"""A finished run of the embedded default, created once for all workflow tests."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.workflow.warm import warmed

PROJECT = Path(__file__).parents[2]
TINY = PROJECT / ".test/config/config.yaml"
WARM: dict[str, str] = {}
"""Variables that lead stages to the server of `warm`, while it runs."""


class Job(NamedTuple):
    """A job of a dry run."""

    rule: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...] = ()


def command(directory: Path, *arguments: str, config: dict[str, Any] | None = None) -> list[str]:
    """Write the config into the directory and give the command that runs the workflow there."""
    given = directory / "tiny.yaml"
    given.write_text(yaml.safe_dump(config) if config else TINY.read_text())
    return [
        sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "Snakefile"), "--directory", str(directory),
        "--profile", str(PROJECT / "profiles/local"), "--configfile", str(given), "--cores", "2", *arguments,
    ]  # fmt: skip


def snakemake(
    directory: Path, *arguments: str, config: dict[str, Any] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the workflow in a directory, its stages as forks of a process that has imported their libraries.

    What is killed is started with `command` instead: there, each stage is a process of its own.
    """
    return subprocess.run(
        command(directory, *arguments, config=config), capture_output=True, text=True, timeout=2400,
        env=environment() | WARM,
    )  # fmt: skip


def environment() -> dict[str, str]:
    """Return an environment as it is where nobody activated the one of the Python that runs the tests."""
    own = Path(sys.executable).parent
    others = [folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder) != own]
    return os.environ | {"PATH": os.pathsep.join(others)}


def planned(directory: Path, *targets: str, config: dict[str, Any] | None = None) -> list[Job]:
    """List what a dry run would do, the targets' own rules left out."""
    told = snakemake(directory, "--dry-run", *targets, config=config)
    assert told.returncode == 0, told.stdout + told.stderr
    return jobs_of(told.stdout + told.stderr)


def jobs_of(said: str) -> list[Job]:
    """Read the jobs from what a dry run says."""
    blocks = re.findall(r"^(?:local)?rule (\S+):\n((?:    .*\n)+)", said, re.MULTILINE)
    jobs = [Job(rule, _listed("output", body), _listed("input", body)) for rule, body in blocks]
    return [job for job in jobs if job.outputs]


def _listed(what: str, body: str) -> tuple[str, ...]:
    listed = re.search(rf"^    {what}: (.*)$", body, re.MULTILINE)
    return tuple(listed[1].split(", ")) if listed else ()


@pytest.fixture(scope="session", autouse=True)
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let `snakemake` run stages as forks."""
    with warmed(tmp_path_factory.mktemp("warm")) as variables:
        WARM.update(variables)
        yield
        WARM.clear()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with two finished rounds; tests must not change it."""
    directory = tmp_path_factory.mktemp("finished")
    told = snakemake(directory, "two-rounds")
    logs = "\n".join(f"--- {log}\n{log.read_text()}" for log in directory.glob("logs/**/*.log"))
    assert told.returncode == 0, told.stdout + told.stderr + logs
    return directory


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished run that a test may change."""
    shutil.copytree(finished, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


@pytest.fixture
def tiny() -> dict[str, Any]:
    """Return the config of the finished run, to change."""
    config: dict[str, Any] = yaml.safe_load(TINY.read_text())
    return config
