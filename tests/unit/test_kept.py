"""Finished outputs that are recreated are replaced only on success."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hsir.storage.kept import Kept, Output, beside

OLD = 1_000_000_000


def output(folder: Path, name: str) -> Output:
    return Output(folder / name, folder / f"records/{name}", folder / f"marks/{name}")


@pytest.fixture
def job(tmp_path: Path) -> list[Output]:
    """Return the outputs of a finished job: a file, and a folder with a file."""
    made = [output(tmp_path, "filtered.parquet"), output(tmp_path, "checkpoint")]
    made[1].path.mkdir()
    for place in (made[0].path, made[1].path / "weights"):
        place.write_text("old")
        os.utime(place, (OLD, OLD))
    os.utime(made[1].path, (OLD, OLD))
    for one in made:
        for place in (one.record, one.mark):
            place.parent.mkdir(exist_ok=True)
        one.record.write_text("old options")
    return made


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "journal")


def begin(job: list[Output], mark: bool = True) -> None:
    """Do what Snakemake does before a job."""
    job[0].path.unlink()
    (job[1].path / "weights").unlink()
    job[1].path.rmdir()
    for one in job if mark else []:
        one.mark.write_text("{}")


def fail(job: list[Output]) -> None:
    """Do what Snakemake does after a job that failed."""
    for one in job:
        one.record.write_text("new options")
        one.mark.unlink(missing_ok=True)


def assert_old(job: list[Output], tmp_path: Path) -> None:
    for place in (job[0].path, job[1].path / "weights"):
        assert place.read_text() == "old" and place.stat().st_mtime == OLD
    assert job[1].path.stat().st_mtime == OLD
    assert {one.record.read_text() for one in job} == {"old options"}
    assert_tidy(tmp_path)


def assert_tidy(tmp_path: Path) -> None:
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".kept") or path.parent.name == "journal"]


def test_a_job_that_failed_restores_bytes_times_and_records(job: list[Output], kept: Kept, tmp_path: Path) -> None:
    kept.keep(job)
    begin(job)
    fail(job)
    assert kept.put_back(job) == [one.path for one in job]
    assert_old(job, tmp_path)


def test_kept_outputs_take_no_space(job: list[Output], kept: Kept) -> None:
    kept.keep(job)
    assert job[0].path.stat().st_nlink == (job[1].path / "weights").stat().st_nlink == 2


def test_without_hard_links_outputs_are_copied(
    job: list[Output], kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    kept.keep(job)
    begin(job)
    fail(job)
    kept.put_back(job)
    assert_old(job, tmp_path)


def test_success_replaces_them(job: list[Output], kept: Kept, tmp_path: Path) -> None:
    kept.keep(job)
    begin(job)
    job[0].path.write_text("new")
    kept.drop(job)
    assert job[0].path.read_text() == "new"
    assert_tidy(tmp_path)
    assert kept.put_back(job) == []


def test_a_second_try_restores_what_was_there_before_the_first(job: list[Output], kept: Kept, tmp_path: Path) -> None:
    kept.keep(job)
    begin(job)
    job[0].path.write_text("half of the first try")
    kept.keep(job)
    job[0].path.unlink()
    fail(job)
    kept.put_back(job)
    assert_old(job, tmp_path)


@pytest.mark.parametrize("written", [False, True])
def test_after_a_kill_the_next_start_restores_them(
    written: bool, job: list[Output], kept: Kept, tmp_path: Path
) -> None:
    kept.keep(job)
    begin(job)
    if written:  # one of two outputs, just before the kill
        job[0].path.write_text("new")
    assert kept.recover() == [one.path for one in job]
    assert_old(job, tmp_path)
    assert not [one for one in job if one.mark.exists()]


def test_after_a_kill_a_job_that_failed_before_is_given_back(job: list[Output], kept: Kept, tmp_path: Path) -> None:
    kept.keep(job)
    begin(job)
    fail(job)
    kept.recover()
    assert_old(job, tmp_path)


def test_after_a_kill_new_outputs_that_are_finished_stay(job: list[Output], kept: Kept, tmp_path: Path) -> None:
    kept.keep(job)
    begin(job, mark=False)
    job[0].path.write_text("new")
    assert kept.recover() == []
    assert job[0].path.read_text() == "new"
    assert_tidy(tmp_path)


def test_what_a_living_stage_or_another_host_may_make_is_left_alone(
    job: list[Output], kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.keep(job)
    begin(job)
    code = "import time; time.sleep(60)"
    command = [sys.executable, "-c", code, "hsir.stages.filter", "--out", str(job[0].path)]
    orphan = subprocess.Popen(command)
    try:
        while b"hsir" not in Path(f"/proc/{orphan.pid}/cmdline").read_bytes():
            time.sleep(0.01)
        assert kept.recover() == [] and beside(job[0].path).is_file() and job[0].mark.is_file()
    finally:
        orphan.kill()
        orphan.wait()
    monkeypatch.setattr("socket.gethostname", lambda: "another")
    assert kept.recover() == [] and beside(job[0].path).is_file()
    monkeypatch.undo()
    assert kept.recover() == [one.path for one in job]


def test_what_a_kill_left_while_it_was_being_kept_is_recreated(job: list[Output], kept: Kept, tmp_path: Path) -> None:
    beside(job[0].path).write_text("half")
    beside(job[1].path).mkdir()
    kept.keep(job)
    begin(job)
    fail(job)
    kept.put_back(job)
    assert_old(job, tmp_path)
