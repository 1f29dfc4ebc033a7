"""Tables are read back as written, completely or not at all, with their provenance."""

import json
import os
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hsir.errors import InputError
from hsir.selection.filters import InDiv
from hsir.storage import tables
from hsir.storage.files import read_json

VALUES: dict[pa.DataType, Any] = {
    pa.string(): "naïve 😀\n", pa.bool_(): True, pa.int32(): -7, pa.int64(): 2**62 + 1, pa.float64(): 0.1,
    pa.list_(pa.int32()): [3, 1, 2], pa.map_(pa.string(), pa.string()): [("B", "b"), ("A", "a")],
}  # fmt: skip
MADE_BY = {"stage": "test", "options": {"x": [1, None]}}
VERDICT = {"sample_id": "a", "extracted": None, "verdict": "right", "why": "tags"}


def full_row(kind: str) -> tables.Row:
    """Make a row with every column filled."""
    return {field.name: VALUES[field.type] for field in tables.SCHEMAS[kind]}


@pytest.mark.parametrize("kind", tables.SCHEMAS)
def test_rows_are_read_as_they_were_written(kind: str, tmp_path: Path) -> None:
    rows = [full_row(kind), full_row(kind)]
    tables.write(kind, rows, tmp_path / "deep" / "t.parquet", MADE_BY)
    assert tables.read(kind, tmp_path / "deep" / "t.parquet") == rows
    assert tables.metadata(tmp_path / "deep" / "t.parquet") == {"table": kind, **MADE_BY}


@pytest.mark.parametrize("kind", tables.SCHEMAS)
def test_lines_of_json_hold_the_same_rows(kind: str, tmp_path: Path) -> None:
    rows = [full_row(kind), full_row(kind)]
    tables.write(kind, rows, tmp_path / "t.jsonl", MADE_BY)
    assert len((tmp_path / "t.jsonl").read_text().splitlines()) == 2
    assert tables.read(kind, tmp_path / "t.jsonl") == rows
    first = tables.SCHEMAS[kind].names[0]
    assert list(tables.tuples(kind, tmp_path / "t.jsonl", [first], {rows[0][first]})) == [(rows[0][first],)] * 2


@pytest.mark.parametrize(
    "line", ["{", "[1]", '{"sample_id": "a"}', '{"sample_id": 1, "verdict": "right", "why": "tags"}'], ids=repr
)
def test_lines_that_are_not_rows_of_the_table_are_rejected(line: str, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(line)
    with pytest.raises(InputError, match=r"t\.jsonl: not JSONL of a table of kind 'verified'"):
        tables.read("verified", tmp_path / "t.jsonl")


def test_a_suffix_that_is_not_a_format_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"t\.csv: a table must end in \.parquet or \.jsonl"):
        tables.write("verified", [VERDICT], tmp_path / "t.csv", {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", tables.SCHEMAS)
def test_an_empty_table_keeps_its_schema(kind: str, tmp_path: Path) -> None:
    tables.write(kind, [], tmp_path / "t.parquet", {})
    assert tables.read(kind, tmp_path / "t.parquet") == []
    assert pq.read_schema(tmp_path / "t.parquet").names == tables.SCHEMAS[kind].names


OPTIONAL = {
    "questions": {"gold", "true_gold", "difficulty", "options", "trace", "trace_ids"},
    "samples": {"parent_id", "cut_step"},
    "verified": {"extracted"},
    "verdicts": {"id", "extracted"},
    "veriexit": {"cut_step", "prefix_ids"},
    "indiv-scores": set(),
    "asked": {"parent_id"},
    "judged": set(),
    "div": {"div"},
    "filtered": {"difficulty", "score", "completion_ids", "loser_id", "loser_ids"},
}


@pytest.mark.parametrize(
    ("kind", "column"), [(kind, field.name) for kind, schema in tables.SCHEMAS.items() for field in schema]
)
def test_only_optional_columns_may_be_null(kind: str, column: str, tmp_path: Path) -> None:
    row = full_row(kind) | {column: None}
    if column in OPTIONAL[kind]:
        tables.write(kind, [row], tmp_path / "t.parquet", {})
        assert tables.read(kind, tmp_path / "t.parquet") == [row]
    else:
        with pytest.raises(pa.ArrowInvalid, match=f"'{column}' is declared non-nullable"):
            tables.write(kind, [row], tmp_path / "t.parquet", {})
        assert list(tmp_path.iterdir()) == []


def test_shards_are_read_one_after_another_and_columns_alone(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.parquet" for n in (1, 0)]
    for n, path in enumerate(paths):
        tables.write("verified", [VERDICT | {"sample_id": f"s{n}"}], path, {})
    assert tables.read("verified", paths, ["sample_id"]) == [{"sample_id": "s0"}, {"sample_id": "s1"}]
    assert tables.read("verified", []) == []


def test_tuples_are_of_the_columns_in_their_order_and_of_the_rows_asked_for(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.parquet" for n in (1, 0)]
    for n, path in enumerate(paths):
        tables.write("verified", [VERDICT | {"sample_id": f"s{n}"}, VERDICT | {"sample_id": f"t{n}"}], path, {})
    columns = ["sample_id", "verdict"]
    given = [(row["sample_id"], row["verdict"]) for row in tables.read("verified", paths)]
    assert list(tables.tuples("verified", paths, columns)) == given
    assert [name for name, _ in tables.tuples("verified", paths, columns, {"t0", "s1", "gone"})] == ["t0", "s1"]


def test_folder_names_of_the_form_key_equals_value_add_nothing(tmp_path: Path) -> None:
    path = tmp_path / "seed=1" / "verdict=2" / "t.parquet"
    tables.write("verified", [VERDICT], path, {})
    assert tables.read("verified", path) == [VERDICT]


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.parquet: no such table; create it with `snakemake .*gone.parquet`"):
        tables.read("verified", tmp_path / "gone.parquet")


@pytest.mark.parametrize("kept", [0, 3, 50, -1])
def test_a_truncated_table_is_named_with_a_fix(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    tables.write("verified", [VERDICT] * 100, path, {})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"t.parquet: not a complete Parquet file \(\d+ bytes.*delete it and rerun"):
        tables.read("verified", path)


def test_what_is_not_a_complete_table_has_no_metadata(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    tables.write("verified", [VERDICT], path, MADE_BY)
    content = path.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little") + 8
    for broken in (b"", content[:50], content[:-footer] + b"\xff" * (footer - 8) + content[-8:]):
        path.write_bytes(broken)
        assert tables.metadata(path) == {}


@pytest.mark.parametrize("columns", [None, ["sample_id", "verdict"]])
def test_a_table_of_another_kind_is_named(columns: list[str] | None, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    tables.write("filtered", [full_row("filtered")], path, {})
    with pytest.raises(InputError, match=r"t.parquet: not a table of kind 'verified'"):
        tables.read("verified", path, columns)


def test_another_kind_is_seen_even_where_it_has_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    tables.write("filtered", [full_row("filtered")], path, {})
    with pytest.raises(InputError, match=r"t.parquet: not a table of kind 'samples'"):
        tables.read("samples", path, ["sample_id", "prompt_ids", "completion_ids"])


def test_writing_takes_the_old_ones_place_and_leaves_nothing_next_to_it(tmp_path: Path) -> None:
    for value in (1, 2):
        tables.write_json({"b": value, "a": "é"}, tmp_path / "x.json")
    assert read_json(tmp_path / "x.json") == {"a": "é", "b": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(error: type[BaseException], tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    with pytest.raises(error), tables.atomic(tmp_path / "x") as temporary:
        temporary.write_text("half")
        assert temporary.parent == tmp_path
        assert (tmp_path / "x").read_text() == "old"
        raise error
    assert (tmp_path / "x").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    tables.write_json([1], tmp_path / "x.json")
    with pytest.raises(TypeError):
        tables.write_json([object()], tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text()) == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_provenance_says_what_a_table_was_made_of(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("text")
    made_by = tables.provenance("filter", [tmp_path / "in"], select=InDiv(), seed=3, name=None)
    assert made_by["stage"] == "filter"
    assert made_by["options"] == {
        "select": InDiv().model_dump(), "seed": 3, "name": None
    }  # fmt: skip
    assert made_by["inputs"] == {str(tmp_path / "in"): tables.file_hash(tmp_path / "in")}
    assert made_by["hsir"]
    assert made_by["commit"]
    assert json.loads(json.dumps(made_by)) == made_by


def test_hashes_change_with_content_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    (tmp_path / "b").write_text("one")
    (tmp_path / "c").write_text("two")
    a, b, c = (tables.file_hash(tmp_path / name) for name in "abc")
    assert a == b != c
    assert len(a) == 16


def test_hashes_of_folders_change_with_files_and_their_names(tmp_path: Path) -> None:
    hashes = [tables.file_hash(tmp_path)]
    for name, text in [("x", "one"), ("deep/y", "two"), ("x", "three"), ("z", "")]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        hashes.append(tables.file_hash(tmp_path))
    (tmp_path / "z").rename(tmp_path / "w")
    hashes.append(tables.file_hash(tmp_path))
    assert len(set(hashes)) == 6


def test_files_that_run_into_one_another_are_distinguished(tmp_path: Path) -> None:
    for folder, texts in [("p", ("ab", "c")), ("q", ("a", "bc"))]:
        (tmp_path / folder).mkdir()
        for name, text in zip("xy", texts, strict=True):
            (tmp_path / folder / name).write_text(text)
    assert tables.file_hash(tmp_path / "p") != tables.file_hash(tmp_path / "q")


@pytest.mark.parametrize("at", [0, -1])
def test_large_files_are_hashed_by_their_size_and_both_ends(at: int, tmp_path: Path) -> None:
    """Sparse files: a byte at either end, or one more of them, is another hash."""
    path = tmp_path / "weights"
    hashes = set()
    for size, byte in [(65 << 20, b"a"), (65 << 20, b"b"), ((65 << 20) + 1, b"b")]:
        with path.open("wb") as out:
            out.truncate(size)
            out.seek(at, os.SEEK_END if at else os.SEEK_SET)
            out.write(byte)
        hashes.add(tables.file_hash(path))
    assert len(hashes) == 3


def flipped(content: bytes, bit: int) -> bytes:
    """Turn one bit over."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_no_flipped_bit_of_a_table_is_used(tmp_path: Path) -> None:
    """Flips at random, and each in and around the name of the checksum: in that alone a flip harms nothing."""
    rows = [full_row("samples") | {"sample_id": str(n)} for n in range(20)]
    path = tmp_path / "t.parquet"
    tables.write("samples", rows, path, MADE_BY)
    content, stamped = path.read_bytes(), tables.metadata(path)
    name = range(8 * (content.rindex(b"hsir-checksum") - 2), 8 * (content.rindex(b"hsir-checksum") + 18))
    bits = {*name, *random.Random(0).sample(range(8 * len(content)), 400)}
    harmless = set()
    for bit in bits:
        path.write_bytes(flipped(content, bit))
        try:
            assert tables.read("samples", path) == rows
            assert tables.metadata(path) == stamped
            harmless.add(bit)
        except InputError as error:
            assert str(error).startswith(f"{path}: not a complete Parquet file")
    assert harmless < {*name}


@pytest.mark.parametrize("columns", [["sample_id"], ["sample_id", "n_tokens"]])
def test_a_flip_in_a_column_that_is_not_asked_for_is_seen(columns: list[str], tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    tables.write("samples", [full_row("samples") | {"completion": "the answer is 42"}], path, MADE_BY)
    path.write_bytes(path.read_bytes().replace(b"answer is 42", b"answer is 43"))
    with pytest.raises(InputError, match="does not match its checksum"):
        tables.read("samples", path, columns)
    assert tables.metadata(path) == {}


def test_a_table_without_a_checksum_is_read(tmp_path: Path) -> None:
    rows = [full_row("samples")]
    schema = tables.SCHEMAS["samples"].with_metadata({"hsir": json.dumps({"table": "samples", **MADE_BY})})
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), tmp_path / "old.parquet")
    assert tables.read("samples", tmp_path / "old.parquet") == rows
    assert tables.metadata(tmp_path / "old.parquet") == {"table": "samples", **MADE_BY}


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.parquet", "b.parquet"):
        tables.write("samples", [full_row("samples")], tmp_path / name, MADE_BY)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


VALUE = {"accuracy": 0.57, "shared": {8: [1, None], 13: -2}, "text": "naïve 😀"}


def test_no_flipped_bit_of_a_json_object_is_used(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    tables.write_json(VALUE, path)
    content, wanted = path.read_bytes(), read_json(path)
    assert wanted == json.loads(json.dumps(VALUE))
    caught = 0
    for bit in range(0, 8 * len(content), 3):
        path.write_bytes(flipped(content, bit))
        try:
            value = read_json(path)
        except InputError as error:
            assert str(error).startswith(f"{path}: ")
            caught += 1
        else:  # white space, or the name of the checksum
            assert {key: value[key] for key in wanted} == wanted
    assert caught > 0.8 * 8 / 3 * len(content)


def test_json_without_a_checksum_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": 1}')
    assert read_json(tmp_path / "x.json") == {"a": 1}


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_scores_that_are_not_numbers_are_rejected(score: float, tmp_path: Path) -> None:
    row = {
        "sample_id": "a",
        "m": 1,
        "d": 2,
        "logdet": 0.0,
        "sum_log_attention": 0.0,
        "variance": 0.0,
        "n_tokens": 1,
        "indiv": score,
    }
    tables.write("indiv-scores", [row], tmp_path / "s.parquet", {})
    with pytest.raises(InputError, match=r"the score of 'a' is (nan|inf)"):
        list(tables.scores(tmp_path / "s.parquet"))
