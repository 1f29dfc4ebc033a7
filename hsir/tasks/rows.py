"""Raw rows of a source: a data set on the Hugging Face hub, or a file in one of the usual layouts.

`.jsonl`: one object per line. `.json`: a list of objects, an object of columns ({column: {"0": ...}}, as pandas writes
it), or JSON lines. `.csv` and `.tsv`: a header and rows. All UTF-8.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from hsir import jsontext
from hsir.errors import InputError

Fields = dict[str, Any]
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


class Row(NamedTuple):
    """A row with its location, which errors name."""

    where: str
    number: int
    """Its line, counted from 1; in formats without lines its index, counted from 0."""
    fields: Fields

    def value(self, *columns: str) -> Any:
        """Return the first of these columns that is not empty; raises InputError if all are."""
        for column in columns:
            if self.fields.get(column) not in (None, ""):
                return self.fields[column]
        there = ", ".join(map(str, self.fields))
        raise self.fault(f"no {' or '.join(columns)} (its columns: {there}); is this the correct source?")

    def text(self, *columns: str) -> str:
        """Return a column that must be text, without surrounding white space."""
        value = self.value(*columns)
        if not isinstance(value, str) or not value.strip():
            raise self.fault(f"{' or '.join(columns)} is {value!r:.80}, not text; fix or remove the row")
        return value.strip()

    def inner(self, value: object) -> "Row":
        """Return a value that must be an object, as a row with the same location."""
        if not isinstance(value, dict):
            raise self.fault(f"{value!r:.80} is not an object; fix or remove the row")
        return Row(self.where, self.number, value)

    def list(self, *columns: str) -> list[Any]:
        """Return a column that must be a list."""
        value = self.value(*columns)
        if not isinstance(value, list | tuple):
            raise self.fault(f"{' or '.join(columns)} is {value!r:.80}, not a list; fix or remove the row")
        return [*value]

    def fault(self, what: object) -> InputError:
        """Return the error for a fault of this row."""
        return InputError(f"{self.where}: {what}")


def from_hub(hub: str, config: str | None, split: str, revision: str | None = None) -> list[Row]:
    """Read a split of a data set on the hub; raises InputError saying how to use a local copy."""
    from datasets import load_dataset

    try:
        rows = load_dataset(hub, config, split=split, revision=revision)
    except Exception as error:  # the hub, its client and the file readers each raise their own errors
        name = f"{hub}, {config}" if config else hub
        raise InputError(
            f"{name}: the split {split!r} cannot be loaded from the hub ({type(error).__name__}: {error});"
            " set `path:` to a local copy, or log in if it is gated"
        ) from error
    return [Row(f"{hub} {split}, row {number}", number, dict(fields)) for number, fields in enumerate(rows)]


def from_file(path: Path, what: str = "question file") -> list[Row]:
    """Read a file by its suffix; raises InputError naming the file, the row and a fix."""
    text = _text(path, what)
    if path.suffix.lower() in _DELIMITERS:
        return _table(path, text)
    return _json(path, text) if path.suffix.lower() == ".json" else list(_lines(path, text))


def count(path: Path) -> int:
    """Count the rows of a file; lines are not parsed, and the same file is counted once."""
    stat = path.stat()
    return _counted(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _counted(path: Path, size: int, changed: int) -> int:
    if path.suffix.lower() in (*_DELIMITERS, ".json"):
        return len(from_file(path))
    with path.open("rb") as lines:
        return sum(1 for line in lines if line.strip())


def _text(path: Path, what: str) -> str:
    if not path.is_file():
        raise InputError(f"{path}: no such {what}")
    try:
        return path.read_bytes().decode("utf-8-sig")  # with or without a byte order mark
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}); convert it") from error


def _lines(path: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"{path}, line {number}"
            try:
                fields = jsontext.parse(line)
            except json.JSONDecodeError as error:
                what = f"not JSON ({error.msg} at column {error.colno}); one object per line"
                raise InputError(f"{where}: {what}") from error
            except ValueError as error:
                raise InputError(f"{where}: {error}") from error
            yield _row(where, number, fields)


def _json(path: Path, text: str) -> list[Row]:
    try:
        rows = jsontext.parse(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # one object per line
            return list(_lines(path, text))
        raise InputError(f"{path}, line {error.lineno}: not JSON ({error.msg} at column {error.colno})") from error
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    if isinstance(rows, dict):
        rows = _columns(path, rows)
    if not isinstance(rows, list):
        raise InputError(f"{path}: a {type(rows).__name__}, not a list of objects")
    return [_row(f"{path}, row {number}", number, fields) for number, fields in enumerate(rows)]


def _columns(path: Path, columns: Fields) -> list[Fields]:
    """Turn {column: {row: cell}} into rows."""
    cells = list(columns.values())
    if not all(isinstance(column, dict) for column in cells) or any(list(c) != list(cells[0]) for c in cells[1:]):
        raise InputError(f"{path}: an object, but its columns have different lengths; make it a list of objects")
    return [{name: column[key] for name, column in columns.items()} for key in (cells[0] if cells else ())]


def _table(path: Path, text: str) -> list[Row]:
    delimiter = _DELIMITERS[path.suffix.lower()]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = _header(path, next(reader, []), delimiter)
        filled = (cells for cells in reader if cells)
        return [Row(*_cells(path, number, header, cells)) for number, cells in enumerate(filled)]
    except csv.Error as error:
        kind = path.suffix[1:].upper()
        raise InputError(f"{path}, line {reader.line_num}: not {kind} ({error})") from error


def _header(path: Path, names: Sequence[str], delimiter: str) -> Sequence[str]:
    """Check the names of columns; raises InputError if the delimiter does not match the suffix."""
    if not any(name.strip() for name in names):
        raise InputError(f"{path}, line 1: no header; the first line must name the columns")
    found = next((other for other in _NAMES if other != delimiter and len(names) == 1 and other in names[0]), None)
    if found:
        raise InputError(
            f"{path}, line 1: its columns are separated by {_NAMES[found]}, not {_NAMES[delimiter]}; convert it"
        )
    if twice := next((name for name, number in Counter(names).items() if number > 1), None):
        raise InputError(f"{path}, line 1: two columns have the name {twice!r}; rename one")
    return names


def _cells(path: Path, number: int, header: Sequence[str], cells: Sequence[str]) -> tuple[str, int, Fields]:
    where = f"{path}, row {number}"
    if len(cells) != len(header):
        raise InputError(
            f"{where}: {len(cells)} cells for {len(header)} columns; quote cells that contain a delimiter or a line"
            " break"
        )
    return where, number, dict(zip(header, cells, strict=True))


def _row(where: str, number: int, fields: object) -> Row:
    if not isinstance(fields, dict):
        raise InputError(f"{where}: a {type(fields).__name__}, not an object with question and answer")
    return Row(where, number, fields)
