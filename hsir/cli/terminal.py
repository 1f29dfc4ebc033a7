"""Output of the commands: rich on a terminal, plain and wide in a log; and their working folder."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hsir.errors import InputError

WIDTH_OF_LOGS = 120


def console() -> Console:
    """Return a console for stdout; rich itself respects NO_COLOR."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_OF_LOGS, highlight=False)


def enter(folder: Path | None) -> None:
    """Change to a folder; raises InputError if it does not exist."""
    if folder is not None and not folder.is_dir():
        raise InputError(f"{folder}: no such folder; --directory expects the folder of a project")
    if folder is not None:
        os.chdir(folder)


Directory = Annotated[
    Path | None,
    typer.Option(callback=enter, is_eager=True, help="Folder of the project to work in."),
]
Profile = Annotated[Path, typer.Option(help="Folder of the profile to run with, here or in the installed project.")]
