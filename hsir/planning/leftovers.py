"""Leftovers of killed jobs and changed configs in the results: hidden files that no job needs, with their sizes."""

import fcntl
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from hsir.storage import temporary
from hsir.storage.kept import SUFFIX as KEPT

UNFINISHED = {".state": "a training", ".parts": "samples or scores"}
"""Folders of work in progress, by suffix, and what they belong to."""
DAY = 24 * 3600.0
"""Seconds after which another machine's temporary file counts as abandoned: tables are written in minutes."""


class Leftover(NamedTuple):
    """A file or folder that can be deleted, the bytes that this frees, and why.

    `given_up` is false if deleting it would lose work that could still be resumed.
    """

    path: Path
    size: int
    why: str
    given_up: bool = True


def leftovers(results: Path, to_make: Collection[str], under_way: Collection[str]) -> list[Leftover]:
    """Find leftovers, largest first; skips those of pending outputs, which their stage resumes or deletes."""
    busy = {Path(path) for path in (*to_make, *under_way)}
    found = (_leftover(path, busy) for path in _hidden(results))
    return sorted((one for one in found if one is not None), key=lambda one: -one.size)


def _hidden(folder: Path) -> Iterator[Path]:
    """Yield hidden files and folders, without descending into them or into checkpoints."""
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*folders, *files) if name.startswith("."))
        folders[:] = [name for name in folders if not name.startswith(".") and name != "checkpoint"]


def _leftover(path: Path, busy: Collection[Path]) -> Leftover | None:
    output = path.with_name(path.name.removeprefix(".").removesuffix(path.suffix))
    if temporary.is_temporary(path.name):
        old = time.time() - path.stat().st_mtime > DAY
        if temporary.abandoned(path) or old:
            return Leftover(path, _size(path), "written by a killed process")
    elif output in busy or _locked(output):
        return None
    elif path.suffix == KEPT and output.exists():
        return Leftover(path, _size(path), "an old output that has been recreated")
    elif path.suffix in UNFINISHED and path.is_dir():
        what = UNFINISHED[path.suffix]
        if output.exists():
            return Leftover(path, _size(path), f"the state of {what}, which is finished")
        return Leftover(path, _size(path), f"{what}, unfinished and not needed by a requested run", False)
    return None


def _locked(output: Path) -> bool:
    """Return whether a stage holds an output's lock, on any machine that shares the file system's locks."""
    try:
        with output.with_name(f".{output.name}.lock").open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _size(path: Path) -> int:
    """Return the bytes freed by deletion: files with other hard links are not freed."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    told = [one.lstat() for one in files]
    return sum(one.st_size for one in told if one.st_nlink == 1)
