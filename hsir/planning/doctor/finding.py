"""What was found of one thing."""

from typing import Literal, NamedTuple

State = Literal["ok", "skipped", "problem"]


class Finding(NamedTuple):
    """What was looked at, how it is, and of a problem, what to do."""

    state: State
    what: str
    told: str
    remedy: str = ""


def ok(what: str, told: str) -> Finding:
    """Say that a thing is in order."""
    return Finding("ok", what, told)


def skipped(what: str, told: str, remedy: str = "") -> Finding:
    """Say that a thing was not checked, and why."""
    return Finding("skipped", what, told, remedy)


def problem(what: str, told: str, remedy: str) -> Finding:
    """Say what is wrong, and the way out."""
    return Finding("problem", what, told, remedy)
