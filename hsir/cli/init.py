"""Command init: create a project folder for the installed workflow."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from hsir.config.home import HOME
from hsir.errors import InputError

TEMPLATES = Path(__file__).with_name("project")
FILES = {"Snakefile": TEMPLATES / "Snakefile", "config/config.yaml": TEMPLATES / "config.yaml"}


def main(folder: Annotated[Path, typer.Argument(help="The folder; it is created if it does not exist.")]) -> None:
    """Start a project: a Snakefile, a small config to change, and profiles."""
    profiles = {f"profiles/{path.relative_to(HOME / 'profiles')}": path for path in _profiles()}
    files = FILES | profiles
    if taken := [name for name in files if (folder / name).exists()]:
        raise InputError(f"{folder / taken[0]}: exists already, and init overwrites no file; choose another folder")
    for name, source in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / name)
    print(
        f"{folder}: {', '.join(files)}\n"
        f"next: cd {folder}; `hsir plan` estimates the run, `snakemake --profile profiles/local` runs it"
    )


def _profiles() -> list[Path]:
    return sorted(path for path in (HOME / "profiles").rglob("*") if path.is_file())
