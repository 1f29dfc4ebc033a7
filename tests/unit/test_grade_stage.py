"""Stage grade: files of answers in other layouts, and its errors for files that it cannot read."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from hsir.errors import InputError
from hsir.stages import grade
from hsir.storage import tables

APP = typer.Typer()
APP.command()(grade.main)
OPTIONS = {"A": "ash", "B": "bay"}


class Files:
    """An input file, and the verdicts of a run over it."""

    def __init__(self, folder: Path) -> None:
        self.rows, self.out = folder / "rows.jsonl", folder / "verdicts.jsonl"

    def grade(self, lines: list[Any] | bytes, *options: str) -> list[dict[str, Any]]:
        """Grade rows, or a file of these bytes; raises what the stage raises."""
        if isinstance(lines, bytes):
            self.rows.write_bytes(lines)
        else:
            self.rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
        result = CliRunner().invoke(APP, ["--in", str(self.rows), "--out", str(self.out), *options])
        if isinstance(result.exception, InputError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return self.verdicts()

    def verdicts(self) -> list[dict[str, Any]]:
        """Read the verdicts."""
        return [json.loads(line) for line in self.out.read_text(encoding="ascii").splitlines()]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Files in a folder of their own."""
    return Files(tmp_path)


def row(gold: Any, prediction: Any, **more: Any) -> dict[str, Any]:
    return {"gold": gold, "prediction": prediction, **more}


NUMBER = ("--kind", "number")
CHOICE = ("--kind", "choice")


def test_verdicts_keep_the_order_and_the_ids(files: Files) -> None:
    rows = [row("42", "#### 42", id="b"), row("42", "41", id=7), row("42", "none"), row("42", "1 or 2</answer>")]
    assert files.grade(rows, *NUMBER) == [
        {"line": 1, "id": "b", "extracted": "42", "verdict": "right", "why": "hash"},
        {"line": 2, "id": 7, "extracted": "41", "verdict": "wrong", "why": "last"},
        {"line": 3, "extracted": None, "verdict": "no_answer", "why": "none"},
        {"line": 4, "extracted": "2", "verdict": "wrong", "why": "last"},
    ]


def test_many_rows_stay_in_order(files: Files) -> None:
    rows = [row(str(n), str(n if n % 3 else n + 1), id=n) for n in range(3000)]
    verdicts = files.grade(rows, *NUMBER)
    assert [verdict["id"] for verdict in verdicts] == list(range(3000))
    assert [verdict["verdict"] == "right" for verdict in verdicts] == [n % 3 > 0 for n in range(3000)]


SINGLE: dict[str, tuple[dict[str, Any], tuple[str, ...], str, str]] = {
    "numbers of JSON": (row(42, 42.0), NUMBER, "right", "last"),
    "a large number of JSON": (row(1e16, "10000000000000000"), NUMBER, "right", "last"),
    "true and false of JSON": (row(True, "Yes."), ("--kind", "yesno"), "right", "alone"),
    "no prediction": (row("42", None), NUMBER, "no_answer", "none"),
    "an empty prediction": (row("42", ""), NUMBER, "no_answer", "none"),
    "options by letter": (row("B", "The answer is bay.", options=OPTIONS), CHOICE, "right", "stated"),
    "a list of options": (row("B", "The answer is bay.", options=["ash", "bay"]), CHOICE, "right", "stated"),
    "options that are numbers": (row("B", "<answer>7</answer>", options=[5, 7]), CHOICE, "right", "tags"),
    "gold as the option's text": (row("bay", "B", options=OPTIONS), CHOICE, "right", "alone"),
    "no options": (row("B", "B", options=None), CHOICE, "right", "alone"),
    "auto, by its options": (row("B", "B", options=OPTIONS), ("--kind", "auto"), "right", "alone"),
    "auto, a number": (row("1,000", "The answer is 1000."), ("--kind", "auto"), "right", "stated"),
    "a task's grader": (row("18", "#### 18"), ("--task", "gsm8k"), "right", "hash"),
    "a task as JSON": (
        row("18", "18"),
        ("--task", '{"kind": "gsm8k", "grading": {"kind": "number", "fallbacks": []}}'),
        "no_answer",
        "none",
    ),
    "a task of tags alone": (row("18", "18"), ("--task", "chains"), "no_answer", "none"),
    "tags only": (row("42", "The answer is 42."), (*NUMBER, "--tags-only"), "no_answer", "none"),
    "must think": (row("42", "The answer is 42."), (*NUMBER, "--thinking", "always"), "no_answer", "unfinished"),
    "truncated": (row("42", "42", truncated=True), NUMBER, "no_answer", "truncated"),
    "not truncated": (row("42", "42", truncated=False, finish_reason="stop"), NUMBER, "right", "last"),
    "cut by length": (row("42", "42", finish_reason="length"), NUMBER, "no_answer", "truncated"),
    "tags before the cut": (row("42", "<answer>42</answer> so", finish_reason="length"), NUMBER, "right", "tags"),
    "nul and a lone surrogate": (row("42", "\x00\ud800 42"), NUMBER, "right", "last"),
    "mathematics": (row("\\frac12", "\\boxed{0.5}"), ("--kind", "math"), "right", "boxed"),
}


@pytest.mark.parametrize("name", SINGLE)
def test_a_row_is_read_as_it_is_meant(name: str, files: Files) -> None:
    given, options, verdict, why = SINGLE[name]
    (got,) = files.grade([given], *options)
    assert (got["verdict"], got["why"]) == (verdict, why)


def test_columns_may_have_other_names(files: Files) -> None:
    rows = [{"target": "42", "output": "42", "gold": "1", "prediction": "1"}]
    (got,) = files.grade(rows, *NUMBER, "--gold", "target", "--prediction", "output")
    assert (got["extracted"], got["verdict"]) == ("42", "right")


@pytest.mark.parametrize(
    "lines",
    [
        b'{"gold": "4", "prediction": "4"}\r\n\r\n{"gold": "5", "prediction": "5"}\r\n',
        b'{"gold": "4", "prediction": "4"}\n  \n{"gold": "5", "prediction": "5"}',
    ],
)
def test_line_ends_and_empty_lines_do_not_matter(lines: bytes, files: Files) -> None:
    assert [(got["line"], got["verdict"]) for got in files.grade(lines, *NUMBER)] == [(1, "right"), (3, "right")]


@pytest.mark.parametrize("lines", [b"", b"\n\n"])
def test_an_empty_file_gives_no_verdicts(lines: bytes, files: Files) -> None:
    assert files.grade(lines, *NUMBER) == []


GOOD = b'{"gold": "4", "prediction": "4"}\n'
UNREADABLE: dict[str, tuple[bytes, str]] = {
    "no gold": (GOOD + b'{"prediction": "4"}', "line 2: no column 'gold'; set it with --gold"),
    "no prediction": (GOOD + b'{"gold": "4"}', r"line 2: no column 'prediction'.*--prediction \(columns: gold\)"),
    "latin-1": (GOOD + '{"gold": "caf\xe9", "prediction": "4"}'.encode("latin-1"), "line 2: not UTF-8 text"),
    "utf-16": ('{"gold": "4"}'.encode("utf-16"), "line 1: not UTF-8 text"),
    "broken JSON": (GOOD + b'{"gold": "4", ', "line 2: not JSON"),
    "a list": (GOOD + b'["4", "4"]', "line 2: a list, not an object"),
    "an id twice": (
        b'{"gold": "4", "prediction": "4", "id": 1}\n{"gold": "4", "prediction": "4", "id": 1}',
        "line 2: the id 1 occurs twice",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_not_a_row_is_named_with_file_and_line(name: str, files: Files) -> None:
    lines, message = UNREADABLE[name]
    with pytest.raises(InputError, match=f"rows.jsonl, {message}"):
        files.grade(lines, *NUMBER)
    assert not files.out.exists()


BAD_GOLDS = [row("4", "4"), row("plenty", "4"), row("a few", "a few"), row("", "")]


def test_golds_that_cannot_be_read_fail_after_the_verdicts(files: Files) -> None:
    with pytest.raises(
        InputError, match=r"3 gold answers.*\n.*line 2: gold: 'plenty' is not a number\n.*line 3"
    ) as told:
        files.grade(BAD_GOLDS, *NUMBER)
    assert "--bad-gold undecided" in str(told.value)
    assert [got["verdict"] for got in files.verdicts()] == ["right", "undecided", "no_answer", "no_answer"]


def test_golds_that_cannot_be_read_may_be_undecided(files: Files) -> None:
    verdicts = files.grade(BAD_GOLDS, *NUMBER, "--bad-gold", "undecided")
    assert [got["verdict"] for got in verdicts] == ["right", "undecided", "no_answer", "no_answer"]


def test_only_the_first_bad_golds_are_reported(files: Files) -> None:
    with pytest.raises(InputError, match="20 gold answers") as told:
        files.grade([row("plenty", "4")] * 20, *NUMBER)
    assert str(told.value).count("is not a number") == grade.SHOWN


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give --task .* or --kind"),
        (("--kind", "number", "--task", "gsm8k"), "one of them"),
        (("--task", "gsm9k"), "--task gsm9k: "),
        (("--task", '{"kind": "gsm8k", "no_such": 1}'), "--task .*no_such"),
    ],
)
def test_options_that_make_no_grader_are_named(options: tuple[str, ...], message: str, files: Files) -> None:
    with pytest.raises(InputError, match=message):
        files.grade([row("4", "4")], *options)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(APP, ["--in", str(tmp_path / "no.jsonl"), "--out", str(tmp_path / "o.jsonl"), *NUMBER])
    assert "no.jsonl: no such file" in str(result.exception)


def test_tables_are_graded_into_tables(tmp_path: Path) -> None:
    options = [[("A", "ash"), ("B", "bay")], None]
    columns = {"id": [1, 2], "gold": ["B", "4"], "prediction": ["The answer is bay.", "5"]}
    kinds = [pa.int64(), pa.string(), pa.string()]
    arrays = [pa.array(values, kind) for values, kind in zip(columns.values(), kinds, strict=True)]
    arrays.append(pa.array(options, pa.map_(pa.string(), pa.string())))
    pq.write_table(pa.table(arrays, [*columns, "options"]), tmp_path / "rows.parquet")
    given = ["--in", str(tmp_path / "rows.parquet"), "--out", str(tmp_path / "v.parquet"), "--kind", "auto"]
    assert CliRunner().invoke(APP, given).exit_code == 0
    assert tables.read("verdicts", tmp_path / "v.parquet") == [
        {"line": 1, "id": "1", "extracted": "B", "verdict": "right", "why": "stated"},
        {"line": 2, "id": "2", "extracted": "5", "verdict": "wrong", "why": "last"},
    ]


@pytest.mark.parametrize(("rows", "out"), [("rows.txt", "v.jsonl"), ("rows.jsonl", "v.json"), ("rows", "v.jsonl")])
def test_another_suffix_is_rejected_before_anything_is_read(rows: str, out: str, tmp_path: Path) -> None:
    (tmp_path / rows).write_text('{"gold": "4", "prediction": "4"}')
    result = CliRunner().invoke(APP, ["--in", str(tmp_path / rows), "--out", str(tmp_path / out), *NUMBER])
    assert result.exit_code == 2 and "the suffix must be" in " ".join(result.output.replace("│", "").split())
    assert [path.name for path in tmp_path.iterdir()] == [rows]


@pytest.fixture
def command(files: Files) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Run the stage as a user does, over the rows that are there."""

    def run() -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "hsir.stages.grade", "--in", str(files.rows), "--out", str(files.out), *NUMBER]
        return subprocess.run(line, capture_output=True, text=True, check=False)

    return run


def test_the_command_counts_what_it_found(files: Files, command: Any) -> None:
    files.rows.write_text('{"gold": "4", "prediction": "4"}\n{"gold": "4", "prediction": "5"}\n')
    done = command()
    assert done.returncode == 0
    assert "1 of 2 rows are correct" in done.stderr
    assert [got["verdict"] for got in files.verdicts()] == ["right", "wrong"]


def test_the_command_shows_a_fault_in_one_line(files: Files, command: Any) -> None:
    files.rows.write_text('{"gold": "4"}\n')
    done = command()
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
