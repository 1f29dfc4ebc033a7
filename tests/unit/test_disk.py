"""File system errors are reported in one line: which file, what is wrong, a suggested fix."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from hsir import disk
from hsir.errors import InputError
from hsir.progress import reported
from hsir.storage import tables
from hsir.storage.files import read_json, write_json

CODE = "from pathlib import Path\nfrom hsir.stages import cli\ndef stage(output: Path) -> None:\n{body}cli.run(stage)\n"
WRITE = "    from hsir.storage.files import write_json\n    write_json({{'a': 'b' * 9000}}, output)\n"
FULL = "No space left on device"


def line(error: Exception, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a command says of an error."""
    with pytest.raises(SystemExit) as ended, reported():
        raise error
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


@pytest.mark.parametrize("number", sorted(disk.WAYS_OUT))
def test_each_error_is_one_line_with_file_reason_and_a_fix(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    said = line(OSError(number, os.strerror(number), "results/a.parquet"), capsys)
    assert said.startswith("hsir: error: results/a.parquet: ") and os.strerror(number)[1:] in said
    assert "finished work is kept" in said and disk.WAYS_OUT[number] in said


def refused_by(number: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))  # as write() does: without a name

    return refuse


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE, errno.EIO])
def test_what_is_written_is_named_and_what_was_there_stays(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "told.json"
    write_json({"a": 1}, path)
    monkeypatch.setattr(os, "fsync", refused_by(number))
    with pytest.raises(OSError, match=os.strerror(number)) as error:
        write_json({"a": 2}, path)
    monkeypatch.undo()
    assert (error.value.errno, error.value.filename) == (number, str(path))
    assert read_json(path) == {"a": 1} and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO])
def test_a_file_that_cannot_be_read_is_not_taken_for_a_damaged_one(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged file is to be deleted, and a batch of another making is; one that cannot be read may well be whole."""
    path = tmp_path / "judged.parquet"
    tables.write("judged", [], path, {})
    monkeypatch.setattr(Path, "read_bytes", refused_by(number))
    monkeypatch.setattr(Path, "read_text", refused_by(number))
    for read in (lambda: tables.read("judged", path), lambda: tables.metadata(path), lambda: read_json(path)):
        with pytest.raises(OSError, match=os.strerror(number)) as error:
            read()
        assert error.value.filename == str(path)


def test_libraries_that_have_their_own_errors_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    """What safetensors, Arrow and torch said on a full disk."""
    quoted = [
        SafetensorError(f"Error while serializing: I/O error: {FULL} (os error 28)"),
        OSError(errno.ENOSPC, f"Error writing bytes to file. Detail: [errno 28] {FULL}"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
    ]
    for error in quoted:
        with pytest.raises(OSError, match=FULL) as named, disk.naming(Path("state")):
            raise error
        assert "state: no space left on device" in line(named.value, capsys)


def test_other_errors_are_left_as_they_are() -> None:
    for error in (
        ValueError("(os error 2)"),
        RuntimeError("shape"),
        OSError("not a number"),
        InputError("(os error 28)"),
    ):
        assert disk.told(error) is None
        with pytest.raises(type(error)) as same, disk.naming(Path("a")):
            raise error
        assert same.value is error


def test_a_file_that_an_error_names_itself_is_kept() -> None:
    with pytest.raises(OSError, match="own") as error, disk.naming(Path("other")):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "own")
    assert error.value.filename == "own"


def test_a_log_that_is_full_stops_nothing(root: Path) -> None:
    code = "from hsir.progress import say; say('at work'); say('still at work'); print('finished')"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=full, text=True, cwd=root)
    assert (done.returncode, done.stdout) == (0, "finished\n")


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounting takes root on Linux")
@pytest.mark.parametrize(("options", "said"), [("size=4k", "no space left on device"), ("ro", "read-only file system")])
def test_a_stage_on_a_real_full_or_read_only_disk_says_so_in_one_line(
    options: str, said: str, root: Path, tmp_path: Path
) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        code = CODE.format(body=WRITE.format())
        command = [sys.executable, "-c", code, str(tmp_path / "out.json")]
        done = subprocess.run(command, capture_output=True, text=True, cwd=root)
        weights = {"a": torch.zeros(10_000)}
        with pytest.raises(OSError, match=said[1:]) as error, disk.naming(tmp_path):
            save_file(weights, tmp_path / "model.safetensors")
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert done.returncode == 1 and error.value.filename is not None
    assert done.stderr.count("\n") == 1 and f"out.json: {said}; finished work is kept" in done.stderr
