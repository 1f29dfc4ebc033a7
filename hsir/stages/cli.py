"""What every stage's command line shares: options as JSON, locks, and errors that are one line."""

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import typer
from filelock import FileLock, Timeout
from pydantic import BaseModel, TypeAdapter, ValidationError

from hsir.errors import HsirError, InputError
from hsir.progress import say
from hsir.stopping import stop_when_told

Parsed = TypeVar("Parsed", bound=BaseModel)


def json_option(kind: Any, what: str, variable: str | None = None) -> Any:
    """Make a typer option that takes an Options object as JSON, or, where it is not given, an environment variable."""
    adapter = TypeAdapter(kind)

    def parse(text: Any) -> Any:
        try:
            return text if isinstance(text, BaseModel | list | tuple) else adapter.validate_json(text)
        except ValidationError as error:
            raise typer.BadParameter(str(error)) from error

    parse.__name__ = "JSON"
    return typer.Option(parser=parse, help=what, envvar=variable)


def json_rows(path: Path, needed: Sequence[str] = ()) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, object) of a JSONL file; raises InputError naming the file, the line and the way out."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _object(f"{path}, line {number}", line, needed)


def _object(where: str, line: bytes, needed: Sequence[str]) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not UTF-8 text (byte {error.start} of the line); convert the file") from error
    except ValueError as error:
        raise InputError(f"{where}: not JSON ({error}); the file needs one object a line") from error
    if not isinstance(row, dict):
        raise InputError(
            f"{where}: a {type(row).__name__}, not an object with {' and '.join(needed) or 'named values'}"
        )
    absent = [name for name in needed if name not in row]
    if absent:
        raise InputError(f"{where}: no {' and no '.join(map(repr, absent))}; the row has {', '.join(row)}")
    return row


def run(stage: Callable[..., None]) -> None:
    """Run a stage's command line; what a user can mend is told in one line, with exit code 1.

    Told to stop (SIGTERM), it ends with exit code 143.
    """
    stop_when_told()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # libraries ask there whether they may do what nobody is here to grant
    try:
        typer.run(stage)
    except HsirError as error:
        say(f"error: {error}")
        sys.exit(1)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        say(f"error: {error.filename or 'output'}: {error.strerror}; nothing finished is lost: free space, run again")
        sys.exit(1)
    except RuntimeError as error:
        if "inline_container" not in str(error):  # where torch cannot write all of a file, it names its own source
            raise
        say("error: a checkpoint could not be written whole; the last one is kept: if the disk is full, free space")
        sys.exit(1)


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """Hold the lock of an output: a second process that would write it waits until the first is done.

    The lock is the kernel's, so that it ends with its holder, however that dies.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(output.with_name(f".{output.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"{output}: another process is making it; waiting for that one to end")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
