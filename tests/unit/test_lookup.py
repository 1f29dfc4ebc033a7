"""Columns and rows of tables: what is decoded, and that no damaged byte is used."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hsir.errors import InputError
from hsir.storage import seal, tables
from hsir.storage.lookup import BATCH, Lookup
from tests.browsed import sample

ROWS = 2 * tables.GROUP + 10


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lookup") / "t.parquet"
    tables.write("samples", [sample(f"s{n}", "q", f"text {n}") for n in range(ROWS)], path, {"stage": "sample"})
    return path


def test_a_table_is_written_in_row_groups(table: Path) -> None:
    assert pq.read_metadata(table).num_row_groups == 3


@pytest.mark.parametrize(
    "places", [[], [0], [ROWS - 1], [3, 4, BATCH, tables.GROUP - 1, tables.GROUP, 2 * tables.GROUP], [7, 5, 6]]
)
def test_rows_are_those_asked_for_in_order(places: list[int], table: Path) -> None:
    found = Lookup("samples", table).rows(places, ["sample_id", "completion"])
    assert found == [{"sample_id": f"s{n}", "completion": f"text {n}"} for n in sorted(places)]


def test_columns_and_batches_hold_every_row(table: Path) -> None:
    lookup = Lookup("samples", table)
    assert lookup.columns(["sample_id"])["sample_id"].to_pylist() == [f"s{n}" for n in range(ROWS)]
    parts = list(lookup.batches(["sample_id"]))
    assert max(part.num_rows for part in parts) <= BATCH and sum(part.num_rows for part in parts) == ROWS
    assert lookup.made == {"table": "samples", "stage": "sample"}


def test_a_table_is_verified_once_until_it_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, verified = tmp_path / "t.parquet", list[bool]()
    known = seal.damaged_in
    monkeypatch.setattr(seal, "damaged_in", lambda file: verified.append(known(file)) or verified[-1])
    tables.write("samples", [sample("a", "q", "old")], path, {})
    lookup = Lookup("samples", path)
    first = lookup.version
    assert lookup.rows([0], ["completion"]) == [{"completion": "old"}] and lookup.verify() == first
    assert verified == [False]
    tables.write("samples", [sample("a", "q", "new")], path, {})
    assert lookup.rows([0], ["completion"]) == [{"completion": "new"}]
    assert verified == [False, False] and lookup.version != first


@pytest.mark.parametrize("place", [5, 400, -6, -300])
def test_no_damaged_byte_is_used(place: int, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    tables.write("samples", [sample(f"s{n}", "q", f"text {n}") for n in range(50)], path, {})
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"t\.parquet: not a complete Parquet file"):
        Lookup("samples", path).rows([0], ["completion"])


def test_a_table_that_is_damaged_later_is_no_longer_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    tables.write("samples", [sample("a", "q", "the answer is 42")], path, {})
    lookup = Lookup("samples", path)
    path.write_bytes(path.read_bytes().replace(b"is 42", b"is 43"))
    with pytest.raises(InputError, match="does not match its checksum"):
        lookup.rows([0], ["completion"])


def test_missing_and_foreign_tables_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.parquet: no such table"):
        Lookup("samples", tmp_path / "none.parquet")
    tables.write("verified", [], tmp_path / "v.parquet", {})
    with pytest.raises(InputError, match=r"v\.parquet: not a table of kind 'samples'"):
        Lookup("samples", tmp_path / "v.parquet")
    (tmp_path / "empty.parquet").write_bytes(b"")
    with pytest.raises(InputError, match=r"empty\.parquet: not a complete Parquet file"):
        Lookup("samples", tmp_path / "empty.parquet")


@pytest.mark.parametrize("tail", [64, 1 << 22])
def test_a_checksum_is_found_in_pieces_as_in_the_whole(
    tail: int, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "_CHUNK", 1000)
    monkeypatch.setattr(seal, "_TAIL", max(tail, 4096))
    content = table.read_bytes()
    for place in (None, 0, 999, 1000, 1001, len(content) // 2, len(content) - 1):
        changed = bytearray(content)
        if place is not None:
            changed[place] ^= 128
        (tmp_path / "t").write_bytes(changed)
        with (tmp_path / "t").open("rb") as file:
            assert seal.damaged_in(file) == seal.damaged(bytes(changed)) == (place is not None), place
