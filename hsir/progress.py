"""Progress and messages for users: a bar on a terminal, regular lines in a log; errors in one line."""

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, NoReturn, Self, TypeVar

from hsir import disk
from hsir.errors import HsirError

T = TypeVar("T")
WARNING = "warning: "
SECONDS_TO_FIRST_LINE = 3.0
SECONDS_BETWEEN_LINES = 10.0
PLAIN = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)
"""Errors whose message is sufficient without a traceback."""


class Progress:
    """The progress of a stage: a bar on a terminal, else lines with rate and time left, and a final line.

    `total` is the total number of `unit`, and `done` how many were finished before. If the number of tokens is known,
    `tokens`, the time left is derived from it. A thread writes the lines, so they are on time however long a step
    takes.
    """

    def __init__(self, what: str, unit: str, total: int, done: int = 0, tokens: int = 0) -> None:
        self.what, self.unit, self.total, self.done = what, unit, total, done
        self._before, self._planned, self._began = done, tokens, time.monotonic()
        self._finished, self._begun, self._remark, self._doing = 0, (0.0, 0), "", ""
        self._ended, self._bar = threading.Event(), _bar() if sys.stderr.isatty() else None
        self._writer = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        _shown.append(self)
        if self._bar is None:
            self._writer.start()
        else:
            self._bar.start()
            self._bar.add_task(self.what, total=self.total, completed=self.done)
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._ended.set()
        _shown.remove(self)
        if self._bar is not None:
            self._bar.stop()
            return
        self._writer.join()
        if error is None:
            say(self.line())

    def advance(self, count: int = 1, tokens: int = 0, remark: str = "") -> None:
        """Count finished items and their tokens; a remark is shown at the end of the line."""
        self.done, self._finished, self._remark = self.done + count, self._finished + tokens, remark
        self.doing("")
        self.within(0.0, 0)

    def within(self, share: float, tokens: int) -> None:
        """Record the progress of the current batch: its finished share, in units, and its tokens so far."""
        self._begun = (share, tokens)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self.done + share)

    def doing(self, what: str) -> None:
        """Record the activity within the current step; it is shown at the very end of the line."""
        self._doing = what
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=f"{self.what}: {what}" if what else self.what)

    def line(self) -> str:
        """Return the progress line: `sampling 120/640 samples, 18 %, 2,310 tokens/s, 0:00:41 left`."""
        (begun, drawn), seconds = self._begun, max(time.monotonic() - self._began, 1e-6)
        tokens, made = self._finished + drawn, self.done + begun - self._before
        parts = [f"{self.what} {self.done:,}/{self.total:,} {self.unit}"]
        parts.append(f"{int(100 * (self.done + begun) / self.total) if self.total else 100} %")
        if made > 0:
            share = tokens / self._planned if self._planned else made / (self.total - self._before)
            parts.append(f"{tokens / seconds:,.0f} tokens/s" if tokens else f"{made / seconds:,.3g} {self.unit}/s")
            parts.append(f"{_clock(seconds * (1 / share - 1))} left" if share < 1 else f"took {_clock(seconds)}")
        return ", ".join([*parts, *filter(None, (self._remark, self._doing))])

    def _write(self) -> None:
        wait = SECONDS_TO_FIRST_LINE
        while not self._ended.wait(wait):
            say(self.line())
            wait = SECONDS_BETWEEN_LINES


_shown: list[Progress] = []


def doing(what: str) -> None:
    """Set the activity shown by the innermost current progress; does nothing if there is none.

    For code that takes minutes deep within a step, and does not know the caller's progress.
    """
    if _shown:
        _shown[-1].doing(what)


def track(items: Iterable[T], what: str, unit: str, total: int, done: int = 0) -> Iterator[T]:
    """Yield the items, and show how many of `total` are finished; `done` were finished before."""
    with Progress(what, unit, total, done) as progress:
        for item in items:
            yield item
            progress.advance()


def say(message: str) -> None:
    """Write one line to the log; an unwritable log does not stop the work."""
    with suppress(OSError):
        print(f"hsir: {message}", file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """Print a warning that `hsir status` repeats for the run."""
    say(f"{WARNING}{text}")


@contextmanager
def reported() -> Iterator[None]:
    """Print an error that a user can fix as one line, without a traceback, and exit with code 1."""
    try:
        yield
    except HsirError as error:
        _end(str(error))
    except Exception as error:
        if refused := disk.told(error):
            _end(refused)
        if not isinstance(error, PLAIN) or error.filename is None:
            raise
        _end(f"{error.filename}: {error.strerror}")


def _end(message: str) -> NoReturn:
    say(f"error: {message}")
    sys.exit(1)


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import Progress as Bar

    return Bar(console=Console(stderr=True))


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
