"""Keep finished outputs while they are being recreated, next to their place, until the new ones are finished.

Snakemake deletes the outputs of a job before it starts, and again after it fails. Before the start, `keep` links each
of them as `.{name}.kept`, which takes no space; after a failure, `put_back` renames them, so that bytes and timestamps
are as before. Snakemake's record of their options is restored as well: after a failed job, it contains the options that
failed. `recover` does the same for a Snakemake that was killed.
"""

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hsir.storage.files import atomic

SUFFIX = ".kept"
PROCESSES = Path("/proc")


class Output(NamedTuple):
    """An output, the file with Snakemake's record of it, and its marker file while it is being written."""

    path: Path
    record: Path
    mark: Path


class Kept:
    """Kept outputs of running jobs, tracked in a journal: a folder with one file per job."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal

    def keep(self, outputs: Sequence[Output]) -> None:
        """Keep the outputs that exist; those kept for an earlier attempt of the same job stay."""
        entry = self._entry(outputs)
        finished = [output for output in outputs if output.path.exists()]
        if entry.is_file() or not finished:
            return
        for output in finished:
            _remove(beside(output.path))
            _link(output.path, beside(output.path))
        noted = [(*map(str, output), _text(output.record)) for output in finished]
        everything = [tuple(map(str, output)) for output in outputs]
        with atomic(entry) as temporary:
            temporary.write_text(json.dumps({"host": socket.gethostname(), "kept": noted, "all": everything}))

    def put_back(self, outputs: Sequence[Output]) -> list[Path]:
        """Restore the missing outputs of a failed job; return the restored ones."""
        entry = self._entry(outputs)
        return self._put_back(entry, json.loads(entry.read_text())) if entry.is_file() else []

    def drop(self, outputs: Sequence[Output]) -> None:
        """Delete the kept outputs: the new ones are finished."""
        entry = self._entry(outputs)
        if entry.is_file():
            self._drop(entry, json.loads(entry.read_text()))

    def recover(self) -> list[Path]:
        """Restore the outputs of a killed Snakemake and return them; no other may be running in this folder.

        If a process may still be writing them (it is alive, or ran on another host), they are left to Snakemake, which
        recreates marked outputs.
        """
        found: list[Path] = []
        for entry in sorted(self._journal.glob("*.json")):
            try:
                noted = json.loads(entry.read_text())
                outputs = [Output(*map(Path, places)) for places in noted["all"]]
            except (ValueError, KeyError, TypeError):  # it was interrupted before anything was kept
                entry.unlink()
                continue
            marked = [output for output in outputs if output.mark.is_file()]
            if not marked and any(output.path.exists() for output in outputs):
                self._drop(entry, noted)
            elif not marked:
                found += self._put_back(entry, noted)
            elif noted["host"] == socket.gethostname() and not _made_now(output.path for output in outputs):
                for output in outputs:
                    _remove(output.path)
                found += self._put_back(entry, noted)
                for output in marked:
                    output.mark.unlink()
        return found

    def _put_back(self, entry: Path, noted: dict[str, Any]) -> list[Path]:
        found = []
        for place, record, _, text in noted["kept"]:
            if Path(place).exists() or not beside(Path(place)).exists():
                continue
            _write(Path(record), text)  # first: only an old record makes Snakemake rerun the job
            beside(Path(place)).rename(place)
            found.append(Path(place))
        self._drop(entry, noted)
        return found

    def _drop(self, entry: Path, noted: dict[str, Any]) -> None:
        for place, *_ in noted["kept"]:
            _remove(beside(Path(place)))
        entry.unlink()

    def _entry(self, outputs: Sequence[Output]) -> Path:
        name = hashlib.blake2b(str(outputs[0].path).encode(), digest_size=8).hexdigest()
        return self._journal / f"{name}.json"


def beside(path: Path) -> Path:
    """Return the path where an output is kept."""
    return path.with_name(f".{path.name}{SUFFIX}")


def _link(path: Path, place: Path) -> None:
    if path.is_dir():
        shutil.copytree(path, place, copy_function=_link_file, symlinks=True)
    else:
        _link_file(str(path), str(place))


def _link_file(source: str, place: str) -> None:
    try:
        os.link(source, place, follow_symlinks=False)
    except OSError:  # a file system without hard links
        shutil.copy2(source, place, follow_symlinks=False)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _write(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink(missing_ok=True)
        return
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _made_now(paths: Iterable[Path]) -> bool:
    """Return whether a stage on this host has one of these paths on its command line; without /proc, assume so."""
    if not PROCESSES.is_dir():
        return True
    wanted = [str(path).encode() for path in paths]
    for process in PROCESSES.glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes()
        except OSError:  # it has just ended
            continue
        if b"hsir" in line and b"stages" in line and any(path in line for path in wanted):
            return True
    return False
