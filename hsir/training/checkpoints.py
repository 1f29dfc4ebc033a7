"""A trainer's state on disk: which checkpoint can be resumed, and which are deleted."""

import shutil
from pathlib import Path

from hsir.progress import say
from hsir.storage import tables
from hsir.storage.files import read_json
from hsir.training import launch

WHOLE = "whole"
MADE_BY = "made-by.json"


def resumable(folder: Path, made_by: tables.Row) -> Path | None:
    """Return the newest complete checkpoint with the same provenance; delete everything else."""
    stamp = folder / MADE_BY
    if not stamp.is_file() or not tables.same_making(read_json(stamp), made_by):
        forget(folder)
        tables.write_json(made_by, stamp)
        return None
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    for broken in [path for path in found if not (path / WHOLE).is_file()]:
        shutil.rmtree(broken)
    whole = [path for path in found if path.is_dir()]
    if whole and launch.first():
        say(f"resuming at {whole[-1].name}")
    return whole[-1] if whole else None


def forget(folder: Path) -> None:
    """Delete the trainer's state, its stamp first, so that what a kill leaves of it is never resumed."""
    (folder / MADE_BY).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
