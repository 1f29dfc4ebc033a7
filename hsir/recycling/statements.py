"""Do failed solutions state an answer at all? Where they do not, VeriExit has nothing to cut at."""

FEW = 0.05
"""Share of failed solutions with a statement below which a warning is due."""
WARNING = "warning"


def few_state(stating: int, failed: int) -> bool:
    """Tell whether so few failed solutions state an answer that VeriExit has next to nothing to do."""
    return failed > 0 and stating / failed < FEW


def unstated(stating: int, failed: int) -> str:
    """Say it, and the way out."""
    return (
        f"{stating:,} of {failed:,} failed solutions state an answer in a step, so that VeriExit has next to nothing to"
        ' recycle; seed traces must state their answer before they end their reasoning ("The answer is 42.")'
    )
