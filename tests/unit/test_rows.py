"""Rows from files: every layout, and everything that can be wrong with one."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from hsir.errors import InputError
from hsir.tasks import Task
from hsir.tasks.rows import from_file

ROWS = [{"question": "caf\u00e9 \u2028?", "n": 1}, {"question": "Why?", "n": 2}]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)


def written(folder: Path, name: str, text: str | bytes) -> Path:
    """Write a file as it is."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", LINES), ("a.jsonl", LINES.strip()), ("a.jsonl", f"\n{LINES}\r\n"), ("a.jsonl", "\ufeff" + LINES),
        ("a.json", json.dumps(ROWS, indent=2)), ("a.JSON", LINES), ("a.json", "\ufeff" + json.dumps(ROWS)),
        ("a.json", json.dumps({key: {str(i): row[key] for i, row in enumerate(ROWS)} for key in ROWS[0]})),
    ],
)  # fmt: skip
def test_every_layout_gives_the_same_rows(name: str, text: str, tmp_path: Path) -> None:
    assert [row.fields for row in from_file(written(tmp_path, name, text))] == ROWS


def test_tabs_part_the_columns_of_tsv(tmp_path: Path) -> None:
    path = written(tmp_path, "a.tsv", "question\tn\nWhy, oh why?\t1\n\n")
    assert [row.fields for row in from_file(path)] == [{"question": "Why, oh why?", "n": "1"}]


def test_cells_of_csv_may_hold_line_breaks_and_quotes(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", '\ufeffquestion,n\r\n"one\ntwo ""three"", four",1\r\nWhy?,2\r\n')
    assert [row.fields for row in from_file(path)] == [
        {"question": 'one\ntwo "three", four', "n": "1"}, {"question": "Why?", "n": "2"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.jsonl", LINES + "{oops", "line 3: not JSON .*one object per line"),
        ("a.jsonl", "[1]", "line 1: a list, not an object"),
        ("a.json", '[\n{"a": 1},\n{oops]', "line 3: not JSON"),
        ("a.json", "", "line 1: not JSON"),
        ("a.json", '"text"', "a str, not a list of objects"),
        ("a.json", "[1]", "row 0: a int, not an object"),
        ("a.json", '{"question": "Why?"}', "its columns have different lengths"),
        ("a.json", '{"a": {"0": 1}, "b": {"1": 2}}', "its columns have different lengths"),
        ("a.csv", 'a,b\n"x"y,2\n', "line 2: not CSV"),
        ("a.jsonl", "caf\u00e9".encode("latin-1"), r"not UTF-8 text \(byte 3\); convert it"),
        ("a.csv", "a,b\n1,2,3\n", "row 0: 3 cells for 2 columns"),
        ("a.csv", "a,b\n1,2\n1\n", "row 1: 1 cells for 2 columns"),
        ("a.csv", "a,a\n1,2\n", "two columns have the name 'a'"),
        ("a.csv", "a;b\n1;2\n", "separated by semicolons, not commas"),
        ("a.tsv", "a,b\n1,2\n", "separated by commas, not tabs"),
        ("a.csv", "\n1,2\n", "line 1: no header"),
        ("a.jsonl", LINES + '{"a": NaN}', "line 3: NaN is not a JSON value"),
        ("a.jsonl", "[" * 100_000, "line 1: brackets are nested too deeply"),
        ("a.json", '[{"a": %s}]' % ("9" * 5000), "a number with 5000 digits"),
        ("a.jsonl", LINES.encode("utf-16"), "not UTF-8 text"),
    ],
)
def test_what_is_not_a_table_is_named_with_its_place(name: str, text: str | bytes, told: str, tmp_path: Path) -> None:
    path = written(tmp_path, name, text)
    with pytest.raises(InputError, match=told) as error:
        from_file(path)
    assert str(error.value).startswith(str(path))


GSM8K = {"question": "How many?", "answer": "So.\n#### 7"}
MEDQA = {"question": "Which?", "options": {"A": "ash", "B": "bay"}, "answer_idx": "B"}
ARC = {"id": "q1", "question": "Which?", "choices": {"label": ["A", "B"], "text": ["ash", "bay"]}, "answerKey": "A"}
STEM = {"stem": "Which?", "choices": [{"label": "A", "text": "ash"}, {"label": "B", "text": "bay"}]}
BULLETS = {"question": "Which?", "opa": "ash", "opb": "bay", "opc": "elm", "opd": "fig", "answer_idx": "D"}
XPERT = {"id": "Text-1", "question": "Which?", "options": {"A": "ash", "B": "bay"}, "label": "A"}
MATH = {"problem": "How many?", "answer": "7", "level": 1, "unique_id": "test/1"}
AMC = {"id": 1, "question": "How many?", "answer": 7.0}
YES = {"qid": "q1", "question": "Is it?", "answer": True}


@pytest.mark.parametrize(
    ("kind", "row", "told"),
    [
        ("gsm8k", GSM8K | {"answer": "7"}, "no #### before the gold number in the answer"),
        ("gsm8k", GSM8K | {"answer": "#### plenty"}, "the gold answer: 'plenty' is not a number"),
        ("gsm8k", GSM8K | {"answer": "####"}, "answer: "),
        ("gsm8k", {"question": "How many?"}, r"no answer \(its columns: question\); is this the correct source"),
        ("gsm8k", GSM8K | {"question": "  "}, "question is '  ', not text"),
        ("gsm8k", GSM8K | {"question": 5}, "question is 5, not text"),
        ("medqa", MEDQA | {"answer_idx": "C"}, "the answer 'C' is not among the options A, B"),
        ("medqa", MEDQA | {"options": ["ash", "bay"]}, r"\['ash', 'bay'\] is not an object"),
        ("medqa", MEDQA | {"options": {"A": "ash", "B": None}}, "options .* at least two"),
        ("medqa", MEDQA | {"options": {"A": " ", "B": "bay"}}, "an option is empty"),
        ("arc", ARC | {"answerKey": "1"}, "the answer '1' is not among the options A, B"),
        ("arc", ARC | {"answerKey": ""}, "no answerKey"),
        ("arc", ARC | {"choices": {"label": ["A", "A"], "text": ["ash", "bay"]}}, "each label needs a text"),
        ("arc", ARC | {"choices": {"label": ["A", "B"], "text": ["ash"]}}, "each label needs a text"),
        ("arc", ARC | {"choices": {"label": ["A", "B"]}}, "no text"),
        ("arc", ARC | {"choices": {"label": "AB", "text": ["ash", "bay"]}}, "label is 'AB', not a list"),
        ("arc", ARC | {"choices": ["ash", "bay"]}, "'ash' is not an object"),
        ("arc", ARC | {"question": STEM | {"choices": "ash"}}, "choices is 'ash', not a list"),
        ("arc", {**ARC, "id": None}, "no id"),
        ("medbullets", BULLETS | {"opc": None}, "an option is empty, or not text"),
        ("medxpertqa", XPERT | {"label": ["A", "B"]}, "is not among the options"),
        ("medxpertqa", XPERT | {"options": [{"letter": "A"}]}, "no content"),
        ("math500", MATH | {"level": "hard"}, "difficulty: "),
        ("amc23", AMC | {"answer": "plenty"}, "'plenty' is not a number"),
        ("strategyqa", YES | {"answer": "maybe"}, "'maybe' is neither yes nor no"),
        ("strategyqa", YES | {"answer": 1}, "answer: "),
    ],
)
def test_a_row_that_is_not_a_question_is_named_with_its_place(
    kind: str, row: dict[str, Any], told: str, tmp_path: Path
) -> None:
    rows = json.dumps([row]) if kind == "strategyqa" else json.dumps(row)
    path = written(tmp_path, "test.json" if kind == "strategyqa" else "test.jsonl", rows)
    task = TypeAdapter(Task).validate_python({"kind": kind, "path": tmp_path if kind == "strategyqa" else path})
    with pytest.raises(InputError, match=told) as error:
        list(task.records("test", 0))
    assert str(error.value).startswith(f"{path}, {'row 0' if kind == 'strategyqa' else 'line 1'}: ")


def test_an_id_that_is_there_twice_is_named_with_both_places(tmp_path: Path) -> None:
    path = written(tmp_path, "test.jsonl", f"{json.dumps(AMC)}\n{json.dumps(AMC)}\n")
    with pytest.raises(InputError, match=r"test\.jsonl, line 2: the id '1' is also that of .*test\.jsonl, line 1"):
        TypeAdapter(Task).validate_python({"kind": "amc23", "path": path}).records("test", 0)


def test_one_s_own_questions_are_graded_by_what_their_answers_are(tmp_path: Path) -> None:
    rows = [
        {"question": "How many?", "answer": 7},
        {"question": "Which?", "answer": "b", "options": {"A": "ash", "B": "bay"}},
        {"question": "Is it?", "answer": "Yes"},
        {"question": "Who?", "answer": "Ann Smith"},
    ]
    path = written(tmp_path, "mine.jsonl", "\n".join(map(json.dumps, rows)))
    task = TypeAdapter(Task).validate_python({"kind": "jsonl", "test": path})
    assert [record.answer for record in task.records("test", 0)] == ["7", "B", "yes", "Ann Smith"]
    strict = TypeAdapter(Task).validate_python({"kind": "jsonl", "test": path, "grading": {"kind": "number"}})
    with pytest.raises(InputError, match=r"mine\.jsonl, line 2: the gold answer: 'b' is not a number; fix it"):
        list(strict.records("test", 0))
