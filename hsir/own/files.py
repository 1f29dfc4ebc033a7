"""Rows of a file of your own, and the columns that are read."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from hsir.config.home import found
from hsir.errors import InputError
from hsir.stages import cli
from hsir.storage.tables import Row


def model_option(what: str) -> Any:
    """Return a typer option that takes a model: a folder here or in the project, or a name on the hub."""
    return typer.Option(help=what, callback=located)


def located(model: str) -> str:
    """Return the folder of a model, if it is one of the project: `hsir/embedded/model` is found from any folder."""
    folder = found(model)
    return str(folder) if folder.is_dir() and not Path(model).is_dir() else model


def read(path: Path, columns: Mapping[str, str], added: Sequence[str] = ()) -> list[Row]:
    """Read all rows of a file that has some columns, by the option that names each; show the first three.

    `added` are the columns that will be written. Raises InputError for a column that is missing, or there already.
    """
    rows = []
    for place, _, row in cli.rows(path):
        cli.check_columns(place, row, columns)
        if taken := [name for name in added if name in row]:
            raise InputError(f"{place}: there is a column {taken[0]!r} already, which this command writes; rename it")
        rows.append(row)
    if not rows:
        raise InputError(f"{path}: no rows")
    cli.show(path, rows, columns, len(rows))
    return rows


def text(row: Row, column: str, where: str) -> str:
    """Return a cell that must be a text with something in it; numbers are written as they are in JSON."""
    value = row[column]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: the column {column!r} must be text, not {value!r:.60}; fix or remove the row")
    return value


def names(rows: Sequence[Row], column: str | None, path: Path) -> list[str]:
    """Return the ids of rows: those of a column, else of the column `id` if they are unique, else row numbers.

    Raises InputError for a column that is missing or has an id twice.
    """
    if column is None:
        found = [str(row.get("id")) for row in rows]
        return found if len(set(found)) == len(rows) else [str(number) for number in range(1, len(rows) + 1)]
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        cli.check_columns(f"{path}, row {number}", row, {"id": column})
        if (first := seen.setdefault(str(row[column]), number)) != number:
            raise InputError(f"{path}, row {number}: the id {row[column]!r} is that of row {first}; ids must be unique")
    return list(seen)


@contextmanager
def workplace(output: Path) -> Iterator[Path]:
    """Give the hidden folder of the tables of a command; it is kept if the command does not finish, to resume."""
    folder = output.with_name(f".{output.name}.work")
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    shutil.rmtree(folder)
