"""Rows as CSV files, the storage format of the report's tables, for people and for other programs."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from hsir.errors import InputError
from hsir.storage import tables

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")


def write_csv(rows: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, with its columns as the first line even if there is no row."""
    with tables.atomic(path) as temporary:
        rows.to_csv(temporary, index=False, lineterminator="\n")


def write(kind: type[R], rows: Sequence[R], path: Path) -> None:
    """Write records as CSV, for `read` to read."""
    write_csv(pd.DataFrame(rows, columns=None if rows else [field.name for field in fields(kind)]), path)


def read(kind: type[R], path: Path) -> list[R]:
    """Read records written by `write`; raises InputError if the file is missing or has different columns."""
    kinds = {field.name: field.type for field in fields(kind)}
    try:
        rows = pd.read_csv(path, usecols=list(kinds), dtype=kinds, keep_default_na=False)[list(kinds)]
        return [kind(*row) for row in rows.itertuples(index=False, name=None)]
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; create it with `snakemake {path}`") from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: not a table with one {kind.__name__.lower()} per row; delete it and rerun"
        ) from error
