"""A failed stage shows HSIR's own message on the terminal, however the command was run."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import ROOT, clean_copy

GIVEN = re.compile(r"snakemake --profile profiles/local[^\n`#|\\]*")
CONFIGS = re.compile(r"(--configfile)(?: \S+\.yaml)+")
SAID = "hsir: error: broken.jsonl, line 1: "
FAILING = {
    "run": "demo",
    "runs": {"demo": {"models": ["embedded"], "tasks": ["broken"], "methods": ["restem"], "iterations": 1}},
    "tasks": {"broken": {"task": {"kind": "jsonl", **dict.fromkeys(("seed", "unlabelled", "test"), "broken.jsonl")}}},
}


def documented() -> list[str]:
    """Return the command lines of Makefile and pages that run the workflow, those of dry runs without their `-n`."""
    makefile = (ROOT / "Makefile").read_text().replace("$(SNAKEMAKE)", "snakemake --profile profiles/local")
    pages = [ROOT / page for page in ("README.md", "docs/quickstart.md", "docs/tutorial.md")]
    found = GIVEN.findall("\n".join([makefile, *(page.read_text() for page in pages)]))
    run = [line for line in found if "--report" not in line and "bench-" not in line and "$" not in line]
    return sorted({CONFIGS.sub(r"\1 given.yaml", line.replace(" -n", "")).strip() for line in run})


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project whose first stage refuses its questions."""
    project = clean_copy(tmp_path_factory.mktemp("failing") / "hsir")
    (project / "config/config.yaml").write_text(yaml.safe_dump(FAILING))
    (project / "given.yaml").write_text("run: demo\n")
    (project / "broken.jsonl").write_text('{"id": "one"}\n')
    return project


def test_command_lines_are_found() -> None:
    assert len(documented()) >= 5 and any(line.endswith("-- demo") for line in documented())


@pytest.mark.parametrize("line", documented())
def test_a_stage_that_fails_says_why_on_the_terminal(line: str, failing: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    told = subprocess.run(
        shlex.split(line), cwd=failing, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=600
    )
    assert told.returncode == 1
    assert SAID in told.stdout + told.stderr
    assert "logs/embedded/benchmarks/broken.log" in told.stdout + told.stderr
    assert "Finished work is kept" in told.stdout + told.stderr
