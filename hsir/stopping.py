"""Handle SIGTERM (preemption, a time limit, scancel): a stage exits immediately, or after saving its state."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from hsir.progress import say

CODE = 128 + signal.SIGTERM
"""The exit code of a stage that received SIGTERM, as a shell reports it: not a success, so the job is rerun."""


def stop_when_told() -> None:
    """From now on, exit cleanly on SIGTERM: temporary files are deleted, and locks released."""
    signal.signal(signal.SIGTERM, _stop)


class Told(BaseException):
    """Work was interrupted because the process received SIGTERM; not an Exception, because it is not an error."""


_breakable: list[threading.Event] = []
"""The events of the interruptible blocks, which are set on SIGTERM."""


def break_if_told() -> None:
    """Raise Told if the process received SIGTERM and is within an interruptible block (`breakable`).

    A loop that takes minutes (a rollout, token by token) calls this in each iteration; elsewhere it does nothing.
    """
    if _breakable and _breakable[-1].is_set():
        raise Told


@contextmanager
def breakable(told: threading.Event) -> Iterator[None]:
    """Let `break_if_told` end a block once `told` is set; the caller catches Told."""
    _breakable.append(told)
    try:
        yield
    finally:
        _breakable.pop()


@contextmanager
def at_leisure(pass_on: Callable[[], object] | None = None) -> Iterator[threading.Event]:
    """Yield an event that SIGTERM sets; if it was set, the process exits at the end of the block.

    `pass_on` is also called, to notify the processes that this one waits for.
    """
    told = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        told.set()
        if pass_on is not None:
            pass_on()

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield told
    finally:
        signal.signal(signal.SIGTERM, before)
    if told.is_set():
        _stop()


def _stop(number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
    say("received SIGTERM; finished work is kept; rerun to resume")
    sys.exit(CODE)
