"""The columns of a pool's samples that are kept in memory: all but prompts, tokens and texts."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from hsir.browse.library import Library, read
from hsir.browse.places import Pool
from hsir.errors import InputError
from hsir.storage.lookup import Lookup
from hsir.storage.tables import SCHEMAS, Row

KEPT = ["sample_id", "question_id", "n_tokens", "n_generated", "finish", "parent_id", "cut_step"]
JUDGED = ["verdict", "extracted", "why"]
REPEATED = ("question_id", "finish", "verdict", "why")
"""Columns with few different values, which are stored once."""


@dataclass(frozen=True)
class Tally:
    """The verdicts on the samples of one question."""

    right: int = 0
    graded: int = 0
    samples: int = 0
    verdicts: frozenset[str] = frozenset()

    @property
    def share(self) -> float | None:
        """The share of correct samples, from 0 to 1; None if none is graded."""
        return self.right / self.graded if self.graded else None

    def __add__(self, other: "Tally") -> "Tally":
        counts = (self.right + other.right, self.graded + other.graded, self.samples + other.samples)
        return Tally(*counts, self.verdicts | other.verdicts)


@dataclass(frozen=True)
class Samples:
    """The samples of a pool, without their texts, in the order of its shards."""

    pool: Pool
    table: pa.Table
    """One row per sample: KEPT and JUDGED; the verdict is null if there is none yet."""
    shards: tuple[tuple[int, Lookup], ...]
    """The readable shards, each with the number of its first row."""
    kind: str = "sample"
    source: str | None = None
    """The kind of its pool, and the pool that it is derived from, if any."""
    places: dict[str, list[int]] = field(default_factory=dict)
    """The numbers of each question's rows."""
    tallies: dict[str, Tally] = field(default_factory=dict)

    @cached_property
    def right(self) -> list[tuple[str, str, int]]:
        """The correct samples: sample id, question id, tokens."""
        table = self.table.filter(pc.equal(self.table["verdict"], "right"))
        return list(zip(*(table[name].to_pylist() for name in ("sample_id", "question_id", "n_tokens")), strict=True))

    def rows(self, question: str) -> list[Row]:
        """Return the rows of a question, each with its number as `place`."""
        places = self.places.get(question, [])
        found: list[Row] = self.table.take(pa.array(places, pa.int64())).to_pylist()
        return [row | {"place": place} for row, place in zip(found, places, strict=True)]

    def completions(self, places: Iterable[int]) -> dict[int, str]:
        """Read the completions of some rows, by row number."""
        starts, by_shard = [start for start, _ in self.shards], defaultdict[int, list[int]](list)
        for place in sorted(places):
            by_shard[bisect_right(starts, place) - 1].append(place)
        return {
            place: row["completion"]
            for number, wanted in by_shard.items()
            for place, row in zip(wanted, self._texts(number, wanted), strict=True)
        }

    def containing(self, text: str) -> set[str]:
        """Return the questions with a completion that contains a text, regardless of case; reads all completions, a few
        at a time."""
        found: set[str] = set()
        for _, shard in self.shards:
            for batch in shard.batches(["question_id", "completion"]):
                hits = pc.match_substring(batch["completion"], text, ignore_case=True)
                found.update(batch["question_id"].filter(hits).to_pylist())
        return found

    def _texts(self, number: int, wanted: Sequence[int]) -> list[Row]:
        start, shard = self.shards[number]
        return shard.rows([place - start for place in wanted], ["completion"])


def load(library: Library, pool: Pool) -> Samples:
    """Read the columns of a pool; missing and damaged tables are noted, and left out."""
    found = [(shard, part) for _, shard in read(library, "samples", pool.shards) if (part := _columns(library, shard))]
    drawn = pa.concat_tables([part for _, part in found]) if found else _empty()
    table = _encoded(_judged(library, pool.verified, drawn))
    starts = accumulate((part.num_rows for _, part in found), initial=0)
    options: Row = next((shard.made.get("options", {}).get("pool", {}) for shard, _ in found), {})
    return Samples(
        pool, table, tuple((start, shard) for start, (shard, _) in zip(starts, found, strict=False)),
        options.get("kind", "sample"), options.get("of"), _places(table), _tallies(table),
    )  # fmt: skip


def files(pool: Pool) -> tuple[Path, ...]:
    """Return the tables that `load` reads."""
    return (*pool.shards, pool.verified)


def _columns(library: Library, shard: Lookup) -> pa.Table | None:
    try:
        return shard.columns(KEPT)
    except (InputError, OSError) as error:  # the file was replaced in between, or has no checksum and is damaged
        library.damaged(shard.path, error)
        return None


def _empty() -> pa.Table:
    return pa.schema([SCHEMAS["samples"].field(name) for name in KEPT]).empty_table()


def _judged(library: Library, path: Path, drawn: pa.Table) -> pa.Table:
    """Add the verdicts; null for samples without one."""
    table = library.table("verified", path)
    verdicts = _columns_of(library, table) if table else None
    for name in JUDGED:
        if verdicts is None:
            column = pa.nulls(drawn.num_rows, pa.string())
        else:
            at = pc.index_in(drawn["sample_id"], verdicts["sample_id"].combine_chunks())
            column = verdicts[name].take(at)
        drawn = drawn.append_column(name, column)
    return drawn


def _columns_of(library: Library, table: Lookup) -> pa.Table | None:
    try:
        return table.columns(["sample_id", *JUDGED])
    except (InputError, OSError) as error:
        library.damaged(table.path, error)
        return None


def _encoded(table: pa.Table) -> pa.Table:
    for name in REPEATED:
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].combine_chunks().dictionary_encode())
    return table


def _places(table: pa.Table) -> dict[str, list[int]]:
    found = defaultdict[str, list[int]](list)
    for place, name in enumerate(table["question_id"].to_pylist()):
        found[name].append(place)
    return dict(found)


def _tallies(table: pa.Table) -> dict[str, Tally]:
    counts = table.select(["question_id", "verdict", "sample_id"]).group_by(["question_id", "verdict"])
    found = defaultdict[str, Tally](Tally)
    for row in counts.aggregate([("sample_id", "count")]).to_pylist():
        verdict, count = row["verdict"], row["sample_id_count"]
        graded = count if verdict else 0
        found[row["question_id"]] += Tally(
            count if verdict == "right" else 0, graded, count, frozenset([verdict] if verdict else [])
        )
    return dict(found)
