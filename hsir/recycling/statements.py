"""Do failed solutions state an answer at all, and in steps? Where they do not, VeriExit has nothing to cut at."""

FEW = 0.05
"""Share of failed solutions with a statement below which a warning is due."""
MOST = 0.9
"""Share of traces with one step above which a warning is due."""


def few_state(stating: int, failed: int) -> bool:
    """Tell whether so few failed solutions state an answer that VeriExit has next to nothing to do."""
    return failed > 0 and stating / failed < FEW


def unstated(stating: int, failed: int) -> str:
    """Say it, and the way out."""
    return (
        f"{stating:,} of {failed:,} failed solutions state an answer in a step, so that VeriExit has next to nothing to"
        ' recycle; seed traces must state their answer before they end their reasoning ("The answer is 42.")'
    )


def mostly_whole(whole: int, traces: int) -> bool:
    """Tell whether nearly all traces have one step, so that they are parted in another way than was thought."""
    return traces > 0 and whole / traces > MOST


def one_step(whole: int, traces: int) -> str:
    """Say it, and the way out."""
    return (
        f"{whole / traces:.0%} of {traces:,} traces have one step: they are not parted as `steps` says; set `traces:"
        " {steps: line}`, or sentence, in the settings of the model or the task"
    )
