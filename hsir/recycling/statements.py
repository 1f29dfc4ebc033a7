"""Check whether failed solutions state an answer at all, and in steps; otherwise VeriExit cannot cut them."""

FEW = 0.05
"""Share of failed solutions with a statement below which a warning is shown."""
MOST = 0.9
"""Share of traces with one step above which a warning is shown."""


def few_state(stating: int, failed: int) -> bool:
    """Return whether so few failed solutions state an answer that VeriExit has almost nothing to recycle."""
    return failed > 0 and stating / failed < FEW


def unstated(stating: int, failed: int) -> str:
    """Word the warning, with a suggested fix."""
    return (
        f"{stating:,} of {failed:,} failed solutions state an answer in a step, so VeriExit has almost nothing to"
        " recycle;"
        ' seed traces must state their answer at the end of their reasoning ("The answer is 42.")'
    )


def mostly_whole(whole: int, traces: int) -> bool:
    """Return whether nearly all traces have one step, so that their steps are probably separated differently."""
    return traces > 0 and whole / traces > MOST


def one_step(whole: int, traces: int) -> str:
    """Word the warning, with a suggested fix."""
    return (
        f"{whole / traces:.0%} of {traces:,} traces have one step: they are not split as `steps` expects; set `traces:"
        " {steps: line}` (or `sentence`) in the settings of the model or the task"
    )
