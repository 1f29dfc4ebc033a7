"""Temporary files: their names say which process writes them, so that what a kill left can be told and swept."""

import hashlib
import os
import re
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

from hsir.progress import say

_NAME = re.compile(r"^\.(?P<name>.+)\.(?P<pid>\d+)(?:-(?P<machine>[0-9a-f]{8}))?\.tmp$")
"""Without a machine, the name is of an older version."""


def temporary(path: Path) -> Path:
    """Give the name under which this process writes a file: hidden, beside it."""
    return path.with_name(f".{path.name}.{os.getpid()}-{machine()}.tmp")


def sweep(path: Path) -> None:
    """Delete what killed processes of this machine left of a file; those of others may be alive, and stay."""
    for found in path.parent.glob(f".{_escaped(path.name)}.*.tmp"):
        told = _NAME.match(found.name)
        if told and told["name"] == path.name and abandoned(found):
            with suppress(OSError):
                found.unlink()
                say(f"{found}: left by a killed process; deleted")


def abandoned(path: Path) -> bool:
    """Tell whether the process that wrote a temporary file has ended; of one on another machine that is not known."""
    told = _NAME.match(path.name)
    return told is not None and told["machine"] == machine() and not _alive(int(told["pid"]))


def is_temporary(name: str) -> bool:
    """Tell whether a file is a temporary one by its name."""
    return _NAME.match(name) is not None


@cache
def machine() -> str:
    """Name what process numbers are unique in: this host, and where it has containers, this one."""
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
    except OSError:  # of another user
        return True
    return True


def _escaped(name: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", name)
