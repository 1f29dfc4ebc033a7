"""The tables between the stages: their schemas, written whole or not at all, read with checks."""

import hashlib
import json
import os
import subprocess
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

import hsir
from hsir.errors import InputError

Row = dict[str, Any]
_MIB = 1 << 20
_IDS = pa.list_(pa.int32())


def _schema(**columns: pa.DataType) -> pa.Schema:
    """Columns are required, but those whose name ends in an underscore, which may be null."""
    return pa.schema([pa.field(name.rstrip("_"), kind, nullable=name.endswith("_")) for name, kind in columns.items()])


SCHEMAS: dict[str, pa.Schema] = {
    "questions": _schema(
        question_id=pa.string(), question=pa.string(), gold=pa.string(), difficulty_=pa.int32(),
        options_=pa.map_(pa.string(), pa.string()), prompt_ids=_IDS, trace_=pa.string(), trace_ids_=_IDS,
    ),
    "samples": _schema(
        sample_id=pa.string(), question_id=pa.string(), prompt_ids=_IDS, completion=pa.string(),
        completion_ids=_IDS, n_tokens=pa.int32(), n_generated=pa.int32(), finish=pa.string(), seed=pa.int64(),
        parent_id_=pa.string(), cut_step_=pa.int32(),
    ),
    "verified": _schema(sample_id=pa.string(), extracted_=pa.string(), verdict=pa.string(), why=pa.string()),
    "veriexit": _schema(
        parent_id=pa.string(), question_id=pa.string(), prompt_ids=_IDS, cut_step_=pa.int32(), prefix_ids_=_IDS,
    ),
    "judged": _schema(sample_id=pa.string(), step=pa.int32(), concluded=pa.bool_(), reply=pa.string()),
    "asked": _schema(
        question_id=pa.string(), parent_id_=pa.string(), prompt_ids=_IDS, draws=pa.int32(), first=pa.int32(),
    ),
    "indiv-scores": _schema(
        sample_id=pa.string(), m=pa.int32(), d=pa.int32(), logdet=pa.float64(), sum_log_attention=pa.float64(),
        variance=pa.float64(), indiv=pa.float64(),
    ),
    "div": _schema(id=pa.string(), steps=pa.int32(), kept=pa.int32(), div_=pa.float64()),
    "filtered": _schema(
        sample_id=pa.string(), question_id=pa.string(), source=pa.string(), difficulty_=pa.int32(), score_=pa.float64(),
        prompt_ids=_IDS, completion_ids_=_IDS, loser_id_=pa.string(), loser_ids_=_IDS,
    ),
}  # fmt: skip
"""samples.completion_ids end with the stop token where finish is `stop`; n_tokens counts all of them,
n_generated those that were not given as a recycled prefix. filtered.score is what the InDiv filter compared
with tau; filtered.source is the pool, or `seed`, `gold` or
`questions`; the last have no completion. asked.draws counts the samples
of a prompt, which are numbered from `first`. div.div is null where a text has no step."""


def write(kind: str, rows: Sequence[Row], path: Path, made_by: Row) -> None:
    """Write a table atomically; `made_by` (see `provenance`) goes into the file's metadata."""
    schema = SCHEMAS[kind].with_metadata({"hsir": json.dumps({"table": kind, **made_by}, sort_keys=True)})
    table = pa.Table.from_pylist(list(rows), schema=schema)
    for field in schema:  # pyarrow itself lets null lists pass
        if not field.nullable and table[field.name].null_count:
            raise pa.ArrowInvalid(f"Column '{field.name}' is declared non-nullable but contains nulls")
    with atomic(path) as temporary:
        pq.write_table(table, temporary)


def read(kind: str, paths: Path | Iterable[Path], columns: Sequence[str] | None = None) -> list[Row]:
    """Read a table, or its shards one after another, as rows.

    Raises InputError naming the file where one is missing, cut short, or of another kind.
    """
    rows: list[Row] = []
    for path in [paths] if isinstance(paths, Path) else paths:
        rows += _read_one(kind, path, columns or SCHEMAS[kind].names).to_pylist()
    return rows


def tuples(
    kind: str, paths: Path | Iterable[Path], columns: Sequence[str], only: Collection[str] | None = None
) -> Iterator[tuple[Any, ...]]:
    """Yield rows as tuples of the columns asked for: of large tables, in a third of the time and memory of `read`.

    With `only`, just the rows whose first column is one of these.
    """
    for path in [paths] if isinstance(paths, Path) else paths:
        table = _read_one(kind, path, columns, only)
        yield from zip(*(table[name].to_pylist() for name in columns), strict=True)


def scores(path: Path) -> Iterator[tuple[str, float]]:
    """Yield (sample id, raw score) of a score set, whichever kind it is of.

    A solution without a step has no Div; it counts as 0, for it says nothing that is new.
    """
    if metadata(path).get("table") == "div":
        yield from ((name, score or 0.0) for name, score in tuples("div", path, ["id", "div"]))
    else:
        yield from ((name, score) for name, score in tuples("indiv-scores", path, ["sample_id", "indiv"]))


def opening(ids: Sequence[int]) -> Row:
    """Give what a table of prompts is stamped with where its completions are made to begin with some tokens."""
    return {"opening_ids": list(ids)} if ids else {}


def opening_ids(path: Path) -> list[int]:
    """Give the tokens that the completions of a table's prompts are made to begin with; most often none."""
    ids: list[int] = metadata(path).get("opening_ids", [])
    return ids


def metadata(path: Path) -> Row:
    """Give what `write` stamped into a table; nothing for what is no whole table."""
    try:
        stamped: Row = json.loads((pq.read_schema(path).metadata or {}).get(b"hsir", b"{}"))
    except (pa.ArrowInvalid, OSError):
        return {}
    return stamped


def _read_one(kind: str, path: Path, columns: Sequence[str], only: Collection[str] | None = None) -> pa.Table:
    """Read some columns of a file; the others, which may be most of it, stay where they are."""
    if not path.is_file():
        raise InputError(f"{path}: no such table; make it with `snakemake {path}`")
    try:
        names = pq.read_schema(path).names
        if not set(columns) <= set(names) or metadata(path).get("table", kind) != kind:
            raise InputError(f"{path}: not a table of kind {kind!r} (columns {', '.join(names)}); delete it")
        chosen = None if only is None else [(columns[0], "in", set(only))]
        return pq.read_table(path, columns=list(columns), filters=chosen)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            f"{path}: not a whole Parquet file ({path.stat().st_size} bytes; a full disk or a broken copy cuts files"
            f" short); delete it and run again: {error}"
        ) from error


def write_json(value: Any, path: Path) -> None:
    """Write JSON atomically."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path` that takes its place once it is whole and on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def provenance(stage: str, inputs: Iterable[Path], **options: BaseModel | str | int | None) -> Row:
    """Say what a table was made of: version, commit, stage, options, and a hash of each input file."""
    plain = {k: v.model_dump(mode="json") if isinstance(v, BaseModel) else v for k, v in options.items()}
    hashes = {path.as_posix(): file_hash(path) for path in inputs}
    return {"hsir": hsir.__version__, "commit": commit(), "stage": stage, "options": plain, "inputs": hashes}


def same_making(one: Row, other: Row) -> bool:
    """Tell whether two provenances differ in no more than the commit, and the time that a part took.

    An edited README must not void hours of work.
    """
    aside = {"commit": None, "took": None}
    return {**one, **aside} == {**other, **aside}


def file_hash(path: Path) -> str:
    """Hash a file, or all files below a folder but hidden ones, to 16 hex digits; of what is neither, the name.

    Of files over 64 MiB (weights) the size and both ends are hashed, for every shard of every pool asks.
    """
    digest = hashlib.blake2b(digest_size=8)
    if not path.exists():  # a model's name on a hub
        digest.update(path.as_posix().encode())
    inside = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
    for file in [path] if path.is_file() else inside:
        size = file.stat().st_size
        digest.update(f"{file.relative_to(path).as_posix()}:{size}:".encode())
        with file.open("rb") as content:
            if size <= 64 * _MIB:
                digest.update(content.read())
            else:
                digest.update(content.read(_MIB))
                content.seek(-_MIB, os.SEEK_END)
                digest.update(content.read())
    return digest.hexdigest()


@cache
def commit() -> str:
    """Give the commit of the code that runs, `+` behind it where files were changed since."""
    here = Path(__file__).parent
    try:
        command = ["git", "-C", str(here), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
