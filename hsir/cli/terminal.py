"""How commands speak: rich on a terminal; plain and wide in a log."""

import sys

from rich.console import Console

WIDTH_OF_LOGS = 120


def console() -> Console:
    """Give a console for stdout; NO_COLOR is respected by rich itself."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_OF_LOGS, highlight=False)
