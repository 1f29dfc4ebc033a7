"""Leftovers of a kill are deleted if nobody can be writing them, and listed if the user must decide."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hsir.cli.status import human, show_leftovers
from hsir.planning.leftovers import DAY, leftovers
from hsir.stages import cli
from hsir.storage import tables, temporary
from hsir.storage.files import read_json, write_json
from tests.trained import lay_down, stage
from tests.unit.test_resume import KINDS

OTHER = "0" * 8


@pytest.fixture
def alive() -> Iterator[int]:
    """Return the number of a process that lives."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


@pytest.fixture
def dead() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_next_write_deletes_what_a_kill_left_and_nothing_of_others(alive: int, dead: int, tmp_path: Path) -> None:
    here = temporary.machine()
    names = {
        f".a.json.{dead}-{here}.tmp": False, f".a.json.{alive}-{here}.tmp": True,
        f".a.json.{dead}-{OTHER}.tmp": True, f".a.json.{dead}.tmp": True, f".b.json.{dead}-{here}.tmp": True,
        f".a.json.b.json.{dead}-{here}.tmp": True,
    }  # fmt: skip
    for name in names:
        (tmp_path / name).write_text("half")
    write_json({"a": 1}, tmp_path / "a.json")
    assert {name: (tmp_path / name).exists() for name in names} == names
    assert read_json(tmp_path / "a.json") == {"a": 1}


def test_a_stage_that_was_killed_while_it_wrote_is_swept_by_the_next(root: Path, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from hsir.storage import tables\n"
        "with tables.atomic(Path(sys.argv[1])) as half:\n"
        "    half.write_text('half')\n"
        "    if len(sys.argv) > 2: os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "out")]
    assert subprocess.run([*command, "killed"], cwd=root).returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    assert subprocess.run(command, cwd=root).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def folder(path: Path, size: int = 5000) -> None:
    path.mkdir(parents=True)
    (path / "optimizer.pt").write_bytes(b"0" * size)


def test_leftovers_are_named_with_sizes_and_why(dead: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finished, begun, wanted, made_now, held = (tmp_path / name for name in ("fin", "begun", "wanted", "now", "held"))
    for policy in (finished, begun, wanted, made_now, held):
        folder(policy / ".checkpoint.state")
    (finished / "checkpoint").mkdir()
    killed = finished / f".v.parquet.{dead}-{temporary.machine()}.tmp"
    foreign, old = (finished / f".v.parquet.{n}-{OTHER}.tmp" for n in (1, 2))
    for path in (killed, foreign, old):
        path.write_bytes(b"0" * 100)
    os.utime(old, (time.time() - 2 * DAY,) * 2)
    (finished / "funnel.json").write_text("{}")
    os.link(finished / "funnel.json", finished / ".funnel.json.kept")
    outputs = [[str(policy / "checkpoint")] for policy in (wanted, made_now)]
    with cli.locked(held / "checkpoint"):
        found = {one.path: one for one in leftovers(tmp_path, *outputs)}
    assert found.keys() == {
        finished / ".checkpoint.state", begun / ".checkpoint.state", killed, old, finished / ".funnel.json.kept"
    }  # fmt: skip
    assert found[finished / ".checkpoint.state"].size == 5000 and found[finished / ".checkpoint.state"].given_up
    assert found[finished / ".funnel.json.kept"].size == 0, "its bytes are those of the output"
    assert not found[begun / ".checkpoint.state"].given_up
    show_leftovers(list(found.values()))
    said = capsys.readouterr().out
    assert "can be deleted: 5.2 kB" in said and f"rm -r {begun / '.checkpoint.state'}\n" in said
    assert f"5.0 kB  {finished / '.checkpoint.state'}: the state of a training, which is finished" in said


def test_without_leftovers_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables.write("judged", [], tmp_path / "judged.parquet", {})
    show_leftovers(leftovers(tmp_path, [], []))
    assert capsys.readouterr().out == ""


def test_sizes_are_written_for_people() -> None:
    assert [human(size) for size in (12, 3400, 56_000_000, 7_800_000_000)] == [
        "12 bytes",
        "3.4 kB",
        "56.0 MB",
        "7.8 GB",
    ]


def test_the_state_of_a_training_that_is_finished_is_swept_at_its_next_start(embedded: Path, tmp_path: Path) -> None:
    options = KINDS[0].model_copy(update={"epochs": 1})
    lay_down(tmp_path, options)
    assert stage(tmp_path, embedded, options, "policy", stderr=subprocess.DEVNULL).wait() == 0
    folder(tmp_path / ".policy.state/checkpoint-3")
    again = stage(tmp_path, embedded, options, "policy")
    assert "already written by another process" in again.communicate()[1] and again.returncode == 0
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
