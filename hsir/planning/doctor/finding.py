"""The result of one check."""

from typing import Literal, NamedTuple

State = Literal["ok", "skipped", "problem"]


class Finding(NamedTuple):
    """What was checked, its state, and a remedy if it is a problem."""

    state: State
    what: str
    told: str
    remedy: str = ""


def ok(what: str, told: str) -> Finding:
    """Report that a check passed."""
    return Finding("ok", what, told)


def skipped(what: str, told: str, remedy: str = "") -> Finding:
    """Report that something was not checked, and why."""
    return Finding("skipped", what, told, remedy)


def problem(what: str, told: str, remedy: str) -> Finding:
    """Report a problem and a remedy."""
    return Finding("problem", what, told, remedy)
