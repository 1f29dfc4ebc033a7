"""What a person is shown: a bar on a terminal, now and then a line in a log; errors in one line."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

from hsir.errors import HsirError

T = TypeVar("T")
SECONDS_BETWEEN_LINES = 10.0


def track(items: Iterable[T], what: str, total: int, done: int = 0) -> Iterator[T]:
    """Yield the items, showing how many of `total` are finished; `done` were finished before."""
    if sys.stderr.isatty():
        yield from _bar(items, what, total, done)
    else:
        yield from _lines(items, what, total, done)


def say(message: str) -> None:
    """Write one line for whoever reads the log."""
    print(f"hsir: {message}", file=sys.stderr, flush=True)


@contextmanager
def reported() -> Iterator[None]:
    """Print an error that a user can fix as one line, without a traceback, and exit with code 1."""
    try:
        yield
    except HsirError as error:
        _end(str(error))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        if error.filename is None:
            raise
        _end(f"{error.filename}: {error.strerror}")


def _end(message: str) -> NoReturn:
    say(f"error: {message}")
    sys.exit(1)


def _bar(items: Iterable[T], what: str, total: int, done: int) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total, completed=done)
        for item in items:
            yield item
            progress.advance(task)


def _lines(items: Iterable[T], what: str, total: int, done: int) -> Iterator[T]:
    started = said = time.monotonic()
    for done, item in enumerate(items, start=done + 1):  # noqa: B020 - counts on from what was done
        yield item
        now = time.monotonic()
        if now - said >= SECONDS_BETWEEN_LINES or done == total:
            say(f"{what} {done}/{total}, {now - started:.0f} s")
            said = now
