"""Columns, or a few rows, of tables that are too large to be read at once."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hsir import disk
from hsir.errors import InputError
from hsir.storage import seal, tables

Version = tuple[int, int, int]
"""Identifies a version of a file: its inode, size in bytes, and time of change in nanoseconds."""
BATCH = 256
"""Rows that are decoded at a time."""


class Lookup:
    """A table on disk. All of its bytes are verified once, and again only if it is replaced; then columns or rows are
    decoded when they are asked for.

    Without a kind, a table of any kind is read. Every method raises InputError if the table is missing, damaged or of
    another kind.
    """

    def __init__(self, kind: str | None, path: Path) -> None:
        self.kind, self.path = kind, path
        self.version: Version | None = None
        self.made: tables.Row = {}
        """The table's metadata, once it is verified."""
        self.verify()

    def verify(self) -> Version:
        """Verify the current version of the table, if that has not been done; return its version."""
        with self._opened():
            pass
        if self.version is None:
            raise InputError(f"{self.path}: not verified")
        return self.version

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Decode whole columns."""
        with self._opened() as file:
            return file.read(columns=list(names), use_threads=False)

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Decode columns, a few rows at a time."""
        with self._opened() as file:
            yield from file.iter_batches(BATCH, columns=list(names), use_threads=False)

    def rows(self, places: Sequence[int], names: Sequence[str]) -> list[tables.Row]:
        """Decode the rows with the given numbers, in ascending order, from the row groups that contain them."""
        wanted = sorted(places)
        with self._opened() as file:
            found, start = list[tables.Row](), 0
            for group in range(file.num_row_groups):
                end = start + file.metadata.row_group(group).num_rows
                inside = [place - start for place in wanted if start <= place < end]
                if inside:
                    found += _within(file.iter_batches(BATCH, [group], list(names), use_threads=False), inside)
                start = end
        return found

    @contextmanager
    def _opened(self) -> Iterator[pq.ParquetFile]:
        """Open the file, which is verified first if it is another version than before."""
        if not self.path.is_file():
            raise InputError(f"{self.path}: no such table; create it with `snakemake {self.path}`")
        with tables.whole(self.path), disk.naming(self.path), self.path.open("rb") as content:
            known = version(content.fileno())
            if known != self.version:
                if seal.damaged_in(content):
                    raise ValueError("its content does not match its checksum")
                content.seek(0)
                self.made = tables.check_kind(self.kind, self.path, pq.read_schema(content))
                self.version = known
                content.seek(0)
            with pq.ParquetFile(content, page_checksum_verification=True) as file:
                yield file


def version(path: Path | int) -> Version | None:
    """Return which version of a file, or of an open one, is on disk; None if it is missing."""
    try:
        found = path.stat() if isinstance(path, Path) else os.fstat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _within(batches: Iterator[pa.RecordBatch], places: Sequence[int]) -> list[tables.Row]:
    """Return the rows of a row group with the given numbers; decoding ends with the last of them."""
    found, start = list[tables.Row](), 0
    for batch in batches:
        inside = [place - start for place in places if start <= place < start + batch.num_rows]
        found += batch.take(pa.array(inside, pa.int64())).to_pylist(maps_as_pydicts="strict") if inside else []
        start += batch.num_rows
        if start > places[-1]:
            break
    return found
