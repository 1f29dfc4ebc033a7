"""Told to stop (SIGTERM: preemption, a time limit, scancel), a stage ends at once, or when it has saved what it has."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from hsir.progress import say

CODE = 128 + signal.SIGTERM
"""The exit code of a stage that was told to stop, as a shell gives it: not a success, so that it is made again."""


def stop_when_told() -> None:
    """From now on, end in order when told to stop: temporary files are taken away, locks released."""
    signal.signal(signal.SIGTERM, _stop)


class Told(BaseException):
    """Work was broken off because the process was told to stop; no Exception, for it is nobody's fault."""


_breakable: list[threading.Event] = []
"""Of the blocks that may be broken off, what is set once the process is told to stop."""


def break_if_told() -> None:
    """Raise Told where the process was told to stop and is within a block that may be broken off (`breakable`).

    A loop that takes minutes (a rollout, token by token) calls this in each round; anywhere else it does nothing.
    """
    if _breakable and _breakable[-1].is_set():
        raise Told


@contextmanager
def breakable(told: threading.Event) -> Iterator[None]:
    """Let `break_if_told` end a block once `told` is set; who begins it catches Told."""
    _breakable.append(told)
    try:
        yield
    finally:
        _breakable.pop()


@contextmanager
def at_leisure(pass_on: Callable[[], object] | None = None) -> Iterator[threading.Event]:
    """Yield what is set once the process is told to stop; where it was, the process ends when the block does.

    `pass_on` is called too, to tell those that this process waits for.
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
