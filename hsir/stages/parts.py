"""Work in parts: finished parts are saved immediately, and a killed stage resumes after them."""

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from hsir.errors import InputError
from hsir.progress import say
from hsir.storage import tables
from hsir.storage.hardware import computing

Batch = TypeVar("Batch")
COUNTED = ("prefill_tokens", "cached_tokens")
"""Counts that an engine reports per batch; a table's cost file contains the sums."""


class Parts(Generic[Batch]):
    """The parts of an unfinished table: a hidden folder next to it, with one file per batch.

    The time taken goes to a separate file, `cost`, so that a table is byte-identical however it was made.
    """

    def __init__(self, kind: str, output: Path, made_by: tables.Row, cost: Path | None = None) -> None:
        self.kind, self.output, self.made_by, self.cost = kind, output, made_by, cost
        self.folder = output.with_name(f".{output.name}.parts")
        self._since, self._planned = time.monotonic(), 0

    def finished(self) -> bool:
        """Return whether the table exists with the same provenance: another process may just have written it."""
        return self.output.is_file() and self._mine(self.output)

    def missing(self, planned: Sequence[Batch]) -> list[tuple[int, Batch]]:
        """Return the (number, batch) pairs without a part of the same provenance."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._planned = len(planned)
        for part in self.folder.iterdir():
            if part.suffix != ".parquet" or not self._mine(part):
                part.unlink()
        missing = [(n, batch) for n, batch in enumerate(planned) if not self._path(n).is_file()]
        if missing and len(missing) < len(planned):
            say(f"resuming: {len(planned) - len(missing)} of {len(planned)} batches are finished")
        return missing

    def write(self, number: int, rows: list[tables.Row], noted: tables.Row | None = None) -> None:
        """Write the rows of a batch, and the time since the previous one; `noted` is stored with it."""
        now = time.monotonic()
        took = {"seconds": now - self._since, **computing(), **(noted or {})}
        self._since = now
        tables.write(self.kind, rows, self._path(number), {**self.made_by, "took": took})

    def join(self) -> None:
        """Join the parts into the table, ordered by sample id, and delete them."""
        lost = sum(not self._path(number).is_file() for number in range(self._planned))
        if lost:
            raise InputError(f"{self.folder}: {lost} of {self._planned} finished batches are missing; rerun")
        rows = sorted(self._rows(), key=lambda row: row["sample_id"])
        if len({row["sample_id"] for row in rows}) != len(rows):
            raise InputError(f"{self.folder}: a sample occurs twice; delete the folder and rerun")
        if self.cost is not None:
            tables.write_json(self._took(), self.cost)
        tables.write(self.kind, rows, self.output, self.made_by)
        shutil.rmtree(self.folder)

    def _mine(self, path: Path) -> bool:
        return tables.same_making(tables.metadata(path), {"table": self.kind, **self.made_by})

    def _took(self) -> tables.Row:
        """Sum the time of all parts, including those before a kill."""
        noted = [tables.metadata(part).get("took", {}) for part in sorted(self.folder.glob("*.parquet"))]
        lowered = [one["lowered"] for one in noted if "lowered" in one]
        engines = [one["engine"] for one in noted if "engine" in one]
        counted = [name for name in COUNTED if any(name in one for one in noted)]
        return {
            "seconds": round(sum(one.get("seconds", 0.0) for one in noted), 1),
            "devices": max((one.get("devices", 0) for one in noted), default=0),
            "device": ", ".join(sorted({one["device"] for one in noted if "device" in one})),
            **{name: sum(one.get(name, 0) for one in noted) for name in counted},
            **({"engine": engines[-1]} if engines else {}),
            **({"lowered": [step for n, step in enumerate(lowered) if step not in lowered[:n]]} if lowered else {}),
        }

    def _rows(self) -> Iterator[tables.Row]:
        for part in sorted(self.folder.glob("*.parquet")):
            yield from tables.read(self.kind, part)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.parquet"
