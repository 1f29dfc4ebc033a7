"""Write rows with any columns to a file: JSONL, CSV or Parquet."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hsir.errors import InputError
from hsir.storage.files import atomic

Row = dict[str, Any]


def write(rows: Sequence[Row], path: Path) -> None:
    """Write rows atomically as JSONL, CSV or Parquet; a column that a row lacks is null there."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with atomic(path) as temporary:
        if path.suffix == ".jsonl":
            temporary.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="ascii")
        elif path.suffix == ".csv":
            with temporary.open("w", encoding="utf-8", newline="") as out:
                writer = csv.writer(out, lineterminator="\n")
                writer.writerows([columns, *([_cell(row.get(name)) for name in columns] for row in rows)])
        else:
            pq.write_table(_table(rows, columns, path), temporary)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _table(rows: Sequence[Row], columns: Sequence[str], path: Path) -> pa.Table:
    try:
        return pa.Table.from_pylist([{name: row.get(name) for name in columns} for row in rows])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"{path}: a column has values of several types ({error}); write .jsonl instead") from error
