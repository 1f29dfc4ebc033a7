"""Shared by all stages' command lines: options as JSON, file formats by suffix, locks, and one-line errors."""

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import typer
from filelock import FileLock, Timeout
from pydantic import BaseModel, TypeAdapter, ValidationError

from hsir import jsontext
from hsir.config import explain
from hsir.errors import InputError
from hsir.progress import reported, say
from hsir.stopping import stop_when_told
from hsir.storage import tables

SUFFIXES = (".jsonl", ".csv", ".parquet")
"""Formats of people's own files."""
SHOWN, WIDTH = 3, 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
Parsed = TypeVar("Parsed", bound=BaseModel)


def json_option(kind: Any, what: str, variable: str | None = None) -> Any:
    """Return a typer option that takes an Options object as JSON, by default from an environment variable."""

    def parse(text: Any) -> Any:
        try:
            return text if isinstance(text, BaseModel | list | tuple) else parsed(kind, text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    parse.__name__ = "JSON"
    return typer.Option(parser=parse, help=what, envvar=variable)


def parsed(kind: Any, text: str) -> Any:
    """Parse a value from JSON; raises ValueError naming every invalid key."""
    try:
        raw = jsontext.parse(text)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        raise ValueError(explain.faults(kind, raw, error)) from None


def named(entries: Sequence[str], what: str) -> list[tuple[str, Path]]:
    """Split the NAME=FILE entries of a repeated option; raises InputError for one without a name."""
    for entry in entries:
        if not all(entry.partition("=")[::2]):
            raise InputError(f"--{what} {entry}: must be NAME=FILE")
    return [(name, Path(path)) for name, _, path in (entry.partition("=") for entry in entries)]


def file_option(flag: str, what: str, *suffixes: str) -> Any:
    """Return a typer option that takes a file with one of `suffixes`, which determines its format."""

    def check(path: Path | None) -> Path | None:
        if path is not None and path.suffix not in suffixes:
            raise typer.BadParameter(f"{path}: the suffix must be {' or '.join(suffixes)}")
        return path

    return typer.Option(flag, help=what, callback=check)


def checked(kind: type[Parsed], values: Any) -> Parsed:
    """Validate options that a command line gives one by one; raises InputError that names each at fault."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise InputError(explain.faults(kind, values, error)) from None


def check_columns(place: str, row: Mapping[str, Any], columns: Mapping[str, str]) -> None:
    """Raise InputError for a column that a row lacks; `columns` are named by the option that sets each."""
    for option, column in columns.items():
        if column not in row:
            raise InputError(f"{place}: no column {column!r}; set it with --{option} (columns: {', '.join(row)})")


def show(path: Path, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], total: int | None = None) -> None:
    """Print the columns that are read of the first rows, so a mistake is seen before a long run.

    Control characters are left out: a text of a model may hold the escape sequences of a terminal.
    """
    say(f"{path}: {f'{total:,} rows; ' if total else ''}the first:")
    for number, row in enumerate(islice(rows, SHOWN), start=1):
        for option, column in columns.items():
            text = _CONTROL.sub(" ", str(row[column]))
            say(f"  {number}  {option:<10}  {text[:WIDTH]}{'...' if len(text) > WIDTH else ''}")


def rows(path: Path, needed: Sequence[str] = ()) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield (place, number, row) of a JSONL, CSV or Parquet file; the place, such as `a.jsonl, line 3`, is for errors.

    Raises InputError naming the place and a fix.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    read = {".parquet": _records, ".csv": _cells}.get(path.suffix)
    for place, number, row in _lines(path, needed) if read is None else read(path):
        absent = [name for name in needed if name not in row]
        if absent:
            raise InputError(f"{place}: no {' and no '.join(map(repr, absent))}; the row has {', '.join(row)}")
        yield place, number, row


def _records(path: Path) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for number, row in enumerate(tables.records(path), start=1):
        yield f"{path}, row {number}", number, row


def _cells(path: Path) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield the rows of a CSV file with a header; cells are text."""
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, strict=True)
        place = f"{path}, line 1"
        try:
            header = list(reader.fieldnames or ())
            if len(set(header)) < len(header):
                raise InputError(f"{place}: a column occurs twice in the header: {', '.join(header)}")
            for number, row in enumerate(reader, start=1):
                place = f"{path}, line {reader.line_num}"
                if None in row or None in row.values():
                    raise InputError(f"{place}: not {len(header)} cells, as the header has; quote text with commas")
                yield place, number, row
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{place}: not a CSV file in UTF-8: {error}; fix the file") from error


def _lines(path: Path, needed: Sequence[str]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                place = f"{path}, line {number}"
                yield place, number, _object(place, line, needed)


def _object(where: str, line: bytes, needed: Sequence[str]) -> dict[str, Any]:
    try:
        row = jsontext.parse(line.decode("utf-8"))
        row = _without_halves(row) if b"\\ud" in line.lower() else row
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not UTF-8 text (byte {error.start} of the line); convert the file") from error
    except ValueError as error:
        raise InputError(f"{where}: not JSON ({error}); the file needs one object per line") from error
    if not isinstance(row, dict):
        raise InputError(
            f"{where}: a {type(row).__name__}, not an object with {' and '.join(needed) or 'named values'}"
        )
    return row


def _without_halves(value: Any) -> Any:
    """Replace lone surrogates, which JSON can express but no file can store, by U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_without_halves(key): _without_halves(inner) for key, inner in value.items()}
    return [_without_halves(inner) for inner in value] if isinstance(value, list) else value


def run(stage: Callable[..., None], name: str | None = None) -> None:
    """Run a stage's command line; user-fixable errors are printed as one line, with exit code 1.

    `name` is its name in the help. On SIGTERM it exits with code 143.
    """
    stop_when_told()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # libraries prompt there, and nobody answers
    app = typer.Typer(add_completion=False)
    app.command()(stage)
    with reported():
        app(prog_name=name)


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """Hold the lock of an output: a second process that wants to write it waits until the first is done.

    It is a kernel lock, so it ends with its holder, however that dies. The holder deletes the lock file before
    releasing it: FileLock reopens the file at each attempt, and gives up a lock on a deleted file.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(output.with_name(f".{output.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"{output}: locked by another process that is writing it; waiting")
        lock.acquire()
    while not Path(lock.lock_file).exists():  # deleted, but still open on NFS
        lock.release()
        lock.acquire()
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
