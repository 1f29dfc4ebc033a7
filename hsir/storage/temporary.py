"""Temporary files: their names contain the writing process, so that leftovers of killed ones can be found and
deleted."""

import hashlib
import os
import re
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

from hsir.progress import say

_NAME = re.compile(r"^\.(?P<name>.+)\.(?P<pid>\d+)(?:-(?P<machine>[0-9a-f]{8}))?\.tmp$")
"""A name without a machine was written by an older version."""


def temporary(path: Path) -> Path:
    """Return the hidden temporary name, next to a file, under which this process writes it."""
    return path.with_name(f".{path.name}.{os.getpid()}-{machine()}.tmp")


def sweep(path: Path) -> None:
    """Delete temporary files of killed processes on this machine; those of other machines stay, as they may be in
    use."""
    for found in path.parent.glob(f".{_escaped(path.name)}.*.tmp"):
        told = _NAME.match(found.name)
        if told and told["name"] == path.name and abandoned(found):
            with suppress(OSError):
                found.unlink()
                say(f"{found}: left by a killed process; deleted")


def abandoned(path: Path) -> bool:
    """Return whether the process that wrote a temporary file has ended; unknown for other machines."""
    told = _NAME.match(path.name)
    return told is not None and told["machine"] == machine() and not _alive(int(told["pid"]))


def is_temporary(name: str) -> bool:
    """Return whether a file's name is that of a temporary file."""
    return _NAME.match(name) is not None


@cache
def machine() -> str:
    """Return the scope in which process ids are unique: this host and, if any, its container."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return hashlib.blake2b(f"{socket.gethostname()} {space}".encode(), digest_size=4).hexdigest()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # belongs to another user
        return True
    return True


def _escaped(name: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", name)
