"""Rows as CSV files: what the report's tables are kept in, for people and for other programs."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hsir.errors import InputError
from hsir.storage import tables

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")


def write_csv(rows: Sequence[tables.Row], columns: Sequence[str], path: Path) -> None:
    """Write rows as CSV, with the columns as its first line even where there is no row."""
    with tables.atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write(kind: type[R], rows: Sequence[R], path: Path) -> None:
    """Write records as CSV, for `read` to read."""
    write_csv([asdict(row) for row in rows], [field.name for field in fields(kind)], path)


def read(kind: type[R], path: Path) -> list[R]:
    """Read what `write` wrote of a kind of record; raises InputError where it is missing or of other columns."""
    kinds: dict[str, Any] = {field.name: field.type for field in fields(kind)}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [kind(**{name: kinds[name](text) for name, text in row.items()}) for row in rows]
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; make it with `snakemake {path}`") from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a table of a {kind.__name__.lower()} a row; delete it and run again") from error
