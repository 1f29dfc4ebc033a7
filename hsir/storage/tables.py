"""The tables between the stages: atomic writes, and checked reads."""

import json
import math
import subprocess
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel

import hsir
from hsir import disk, jsontext
from hsir.errors import InputError
from hsir.storage import seal
from hsir.storage.files import atomic as atomic
from hsir.storage.files import file_hash as file_hash
from hsir.storage.files import write_json as write_json
from hsir.storage.schemas import SCHEMAS as SCHEMAS

Row = dict[str, Any]
SUFFIXES = (".parquet", ".jsonl")
"""The formats of tables. JSONL cannot store the provenance."""
STATING = "stating"
WHOLE = "whole"
"""In the metadata of a table `veriexit`: how many of its failed solutions state an answer, correct or incorrect."""
GROUP = 1_000
"""Rows per row group of a file, so that a few rows can be read without decoding the others."""


def write(kind: str, rows: Sequence[Row], path: Path, made_by: Row) -> None:
    """Write a table atomically, as JSONL or Parquet by its suffix; raises InputError for another suffix.

    `made_by` (see `provenance`) goes into the metadata of a Parquet file, and so does a checksum.
    """
    schema = SCHEMAS[kind].with_metadata({"hsir": json.dumps({"table": kind, **made_by}, sort_keys=True)})
    table = pa.Table.from_pylist(list(rows), schema=schema)
    _check_nulls(table)
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: a table must end in {' or '.join(SUFFIXES)}")
    with atomic(path) as temporary:
        if path.suffix == ".jsonl":
            lines = (json.dumps(row) + "\n" for row in table.to_pylist(maps_as_pydicts="strict"))
            temporary.write_text("".join(lines), encoding="ascii")
        else:
            with pq.ParquetWriter(temporary, schema, write_page_checksum=True) as writer:
                writer.write_table(table, row_group_size=GROUP)
                writer.add_key_value_metadata({seal.KEY: seal.BLANK})
            seal.seal(temporary)


def records(path: Path) -> Iterator[Row]:
    """Yield the rows of any Parquet file, in chunks; raises InputError if it is not one."""
    try:
        for batch in pq.ParquetFile(path).iter_batches(use_threads=False):
            yield from batch.to_pylist(maps_as_pydicts="strict")
    except (pa.ArrowInvalid, OSError) as error:
        if disk.refused(error):
            raise
        raise InputError(f"{path}: not a Parquet file: {error}") from error


def read(kind: str, paths: Path | Iterable[Path], columns: Sequence[str] | None = None) -> list[Row]:
    """Read a table, or its shards in order, as rows. Raises InputError with the file's name if one is missing, damaged,
    or of another kind.
    """
    rows: list[Row] = []
    for path in [paths] if isinstance(paths, Path) else paths:
        rows += _read_one(kind, path, columns or SCHEMAS[kind].names).to_pylist()
    return rows


def tuples(
    kind: str, paths: Path | Iterable[Path], columns: Sequence[str], only: Collection[str] | None = None
) -> Iterator[tuple[Any, ...]]:
    """Yield rows as tuples of the given columns; for large tables, this takes a third of the time and memory of `read`.

    With `only`, yield only the rows whose first column is one of these.
    """
    for path in [paths] if isinstance(paths, Path) else paths:
        table = _read_one(kind, path, columns, only)
        yield from zip(*(table[name].to_pylist() for name in columns), strict=True)


def arrow(kind: str, paths: Path | Iterable[Path], columns: Sequence[str]) -> pa.Table:
    """Read columns of a table, or of its shards in order, as an Arrow table.

    Raises InputError as `read` does. `.to_pandas()` converts it to a data frame.
    """
    parts = [_read_one(kind, path, columns) for path in ([paths] if isinstance(paths, Path) else paths)]
    return pa.concat_tables(parts).select(columns)


def scores(path: Path) -> Iterator[tuple[str, float]]:
    """Yield (sample id, raw score) of a score set of any kind. A solution without a step has no Div and counts as 0.
    Raises InputError if a score is not finite.
    """
    if metadata(path).get("table") == "div":
        found = ((name, score or 0.0) for name, score in tuples("div", path, ["id", "div"]))
    else:
        found = ((name, score) for name, score in tuples("indiv-scores", path, ["sample_id", "indiv"]))
    for name, score in found:
        if not math.isfinite(score):
            raise InputError(f"{path}: the score of {name!r} is {score}; delete the table and rescore")
        yield name, score


def opening(ids: Sequence[int]) -> Row:
    """Return the metadata of a table of prompts whose completions start with the given tokens."""
    return {"opening_ids": list(ids)} if ids else {}


def opening_ids(path: Path) -> list[int]:
    """Return the tokens with which the completions of a table's prompts start; usually none."""
    ids: list[int] = metadata(path).get("opening_ids", [])
    return ids


def metadata(path: Path) -> Row:
    """Return the metadata that `write` stored in a table; empty if the file is not a complete table. Raises OSError if
    the file system fails, since the table may be complete.
    """
    try:
        stamped: Row = json.loads((pq.read_schema(_sound(path)).metadata or {}).get(b"hsir", b"{}"))
    except (pa.ArrowException, OSError, ValueError) as error:
        if disk.refused(error):
            raise
        return {}
    return stamped


ADDED = frozenset({"true_gold"})
"""Columns that tables of older versions do not have; they are read as null. Any other missing column is an error."""


def _read_one(kind: str, path: Path, columns: Sequence[str], only: Collection[str] | None = None) -> pa.Table:
    """Read some columns of a file after verifying all of its bytes."""
    if not path.is_file():
        raise InputError(f"{path}: no such table; create it with `snakemake {path}`")
    if path.suffix == ".jsonl":
        return _read_lines(kind, path, columns, only)
    with whole(path):
        content = _sound(path)
        schema = pq.read_schema(content)
        absent = [name for name in columns if name in ADDED and name not in schema.names]
        there = [name for name in columns if name not in absent]
        check_kind(kind, path, schema, there)
        table = _decode(content, there, only)
        for field in map(SCHEMAS[kind].field, absent):
            table = table.append_column(field, pa.nulls(len(table), field.type))
        table.validate(full=True)
    return table


@contextmanager
def whole(path: Path) -> Iterator[None]:
    """Raise InputError with the file's name and a fix for what a damaged file raises."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        if disk.refused(error):
            raise
        raise InputError(
            f"{path}: not a complete Parquet file ({path.stat().st_size} bytes; it was truncated, for example by a"
            f" full disk or a broken copy, or damaged by a failing disk); delete it and rerun: {error}"
        ) from error


def check_kind(kind: str | None, path: Path, schema: pa.Schema, columns: Iterable[str] = ()) -> Row:
    """Return the metadata of a table; raises InputError if it is of another kind, or lacks a column."""
    stamped: Row = json.loads((schema.metadata or {}).get(b"hsir", b"{}"))
    if not set(columns) <= set(schema.names) or (kind and stamped.get("table", kind) != kind):
        raise InputError(f"{path}: not a table of kind {kind!r} (columns {', '.join(schema.names)}); delete it")
    return stamped


def _decode(content: pa.BufferReader, columns: Sequence[str], only: Collection[str] | None) -> pa.Table:
    """Decode columns in this thread.

    `pq.read_table` scans in threads that may outlive it. If one frees the bytes while Python shuts down, it aborts the
    process, and a stage that has written its table fails.
    """
    with pq.ParquetFile(content, page_checksum_verification=True) as file:
        if only is None:
            return file.read(columns=list(columns), use_threads=False)
        wanted = pa.array(sorted(only), pa.string())
        groups = (
            file.read_row_group(group, columns=list(columns), use_threads=False) for group in range(file.num_row_groups)
        )
        kept = [group.filter(pc.is_in(group[columns[0]], wanted)) for group in groups]
        return pa.concat_tables(kept) if kept else file.read(columns=list(columns), use_threads=False)


def _read_lines(kind: str, path: Path, columns: Sequence[str], only: Collection[str] | None) -> pa.Table:
    schema = pa.schema([SCHEMAS[kind].field(name) for name in columns])
    try:
        rows = [jsontext.parse(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
        chosen = [row for row in rows if only is None or row[columns[0]] in only]
        table = pa.Table.from_pylist([_with_maps(row, schema) for row in chosen], schema=schema)
        _check_nulls(table)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise InputError(f"{path}: not JSONL of a table of kind {kind!r}: {error}") from error
    return table


def _with_maps(row: Row, schema: pa.Schema) -> Row:
    """Convert objects to the pairs that make up a map column."""
    return {field.name: [*row[field.name].items()] if pa.types.is_map(field.type) and row.get(field.name) is not None
            else row.get(field.name) for field in schema}  # fmt: skip


def _check_nulls(table: pa.Table) -> None:
    """Raise ArrowInvalid for a null in a required column: pyarrow itself does not check lists."""
    for field in table.schema:
        if not field.nullable and table[field.name].null_count:
            raise pa.ArrowInvalid(f"Column '{field.name}' is declared non-nullable but contains nulls")


def write_text(text: str, path: Path) -> None:
    """Write a text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _sound(path: Path) -> pa.BufferReader:
    """Read a file once, so that the verified bytes are the ones used; raises ValueError if the checksum does not
    match."""
    with disk.naming(path):
        content = path.read_bytes()
    if seal.damaged(content):
        raise ValueError("its content does not match its checksum")
    return pa.BufferReader(content)


def provenance(stage: str, inputs: Iterable[Path], **options: BaseModel | str | int | None) -> Row:
    """Return a table's provenance: version, commit, stage, options, and a hash of each input file."""
    plain = {k: v.model_dump(mode="json") if isinstance(v, BaseModel) else v for k, v in options.items()}
    hashes = {path.as_posix(): file_hash(path) for path in inputs}
    return {"hsir": hsir.__version__, "commit": commit(), "stage": stage, "options": plain, "inputs": hashes}


def same_making(one: Row, other: Row) -> bool:
    """Whether two provenances are the same except for the commit and timings. An edited README must not discard hours
    of work.
    """
    aside = {"commit": None, "took": None}
    return {**one, **aside} == {**other, **aside}


@cache
def commit() -> str:
    """Return the commit of the running code, with a `+` if files have changed since."""
    here = Path(__file__).parent
    try:
        command = ["git", "-C", str(here), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
