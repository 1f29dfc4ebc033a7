"""Running jobs, from Snakemake's own markers: `hsir status --watch`, while a real Snakemake runs a job that waits."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hsir.cli import watch
from hsir.planning.running import Running, alive, running, steps
from hsir.planning.workflow import Job

OUTPUT = f"results/a/b/seed0/sft-initial/{'k' * 250}/0-of-2.parquet"
"""Long enough for a mark that is more than one file name."""
SAID = "sampling 120/640 samples, 18 %, 2,310 tokens/s, 0:00:41 left, [red]"
SNAKEFILE = f"""
rule all:
    input: "quick.txt", "{OUTPUT}"
rule quick:
    output: "quick.txt"
    shell: "touch {{output}}"
rule slow:
    input: "quick.txt"
    output: "{OUTPUT}"
    log: "logs/slow.log"
    shell: "(echo 'hsir: loading'; echo 'hsir: {SAID}') > {{log}};"
        " while [ ! -e go ]; do sleep 0.1; done; touch {{output}}"
"""
WILDCARDS = {"model": "a", "task": "b", "seed": "0", "policy": "sft-initial", "shard": "0-of-2"}
SLOW = Job("slow", 1, {}, wildcards=WILDCARDS, outputs=(OUTPUT,), log="logs/slow.log")
WATCH = f"from hsir.cli.watch import watch; from hsir.planning.workflow import Job; watch([{SLOW!r}], 0.1)".replace(
    "mappingproxy", ""
)


@pytest.fixture
def underway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder in which Snakemake runs the slow job until a file `go` is there."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    monkeypatch.chdir(tmp_path)
    with subprocess.Popen([sys.executable, "-m", "snakemake", "--cores", "1"], stderr=subprocess.DEVNULL) as started:
        log = tmp_path / "logs/slow.log"
        while started.poll() is None and not (log.is_file() and SAID in log.read_text()):
            time.sleep(0.05)
        yield tmp_path
        (tmp_path / "go").touch()


def test_a_job_runs_from_its_mark_to_its_end(underway: Path) -> None:
    (one,) = running([SLOW])
    assert one._replace(silent=0.0) == Running("slow", "sft-initial, 0-of-2 (a/b/seed0)", SAID)
    assert one.silent >= 0 and alive() and steps() == (1, 3)
    (unknown,) = running([])
    assert unknown == Running("", OUTPUT), "begun by another config than the one that is watched"
    (underway / "go").touch()
    while alive():
        time.sleep(0.05)
    assert running([SLOW]) == [] and steps() == (3, 3)


@pytest.mark.parametrize("terminal", [False, True], ids=["log", "terminal"])
def test_it_is_shown_until_nothing_runs(underway: Path, root: Path, terminal: bool) -> None:
    (underway / "watch.py").write_text(WATCH)
    command = [sys.executable, "watch.py"]
    wrapped = ["script", "-qefc", " ".join(command), "/dev/null"] if terminal else command
    wide = {"PYTHONPATH": str(root), "COLUMNS": "160", "TERM": "xterm", "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(wrapped, stdout=subprocess.PIPE, text=True, env=wide) as shown:
        assert shown.stdout is not None
        line = ""
        while SAID not in line:
            before, line = line, next(shown.stdout)
        (underway / "go").touch()
        *_, last = shown.stdout
    assert "sft-initial, 0-of-2 (a/b/seed0)" in before + line and last.strip().endswith("no job is running")
    assert ("━" in line and "\x1b" in line) is terminal


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (Running("train", "base", None), "train: base: queued, or starting"),
        (Running("verify", "base", ""), "verify: base: running"),
        (Running("train", "base", "training", 9.0), "train: base: training"),
        (Running("train", "base", "training", 3600.0), "train: base: training (last output 1:00:00 ago)"),
    ],
)
def test_what_waits_and_what_fell_silent_is_reported(one: Running, line: str) -> None:
    assert watch.lines([one], None) == ["1 running", f"  {line}"]


def test_what_a_model_wrote_does_not_act_on_the_terminal(underway: Path) -> None:
    (underway / "logs/slow.log").write_text("hsir: error: \x1b[2J\n")
    assert [one.said for one in running([SLOW])] == ["error: \ufffd[2J"]


def test_a_log_of_an_earlier_try_says_nothing_of_this_one(underway: Path) -> None:
    log = underway / "logs/slow.log"
    marked = next(path for path in (underway / ".snakemake/incomplete").rglob("*") if path.is_file()).stat().st_mtime
    os.utime(log, (marked - 60, marked - 60))
    assert running([SLOW]) == [Running("slow", "sft-initial, 0-of-2 (a/b/seed0)", None)]
