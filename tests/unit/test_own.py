"""Stages alone on people's own files: any columns, any format, and mistakes that are explained."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hsir.config.home import PACKAGE
from hsir.config.training import Dpo, Grpo, Sft
from hsir.errors import InputError
from hsir.own import files, sample, score, train, veriexit
from hsir.own import filter as filters_
from hsir.stages import cli, grade
from hsir.storage.rows import write

MODEL = str(PACKAGE / "embedded/model")
FAILED = (
    "<think>\nHal starts with 3 cards.\n\nHal buys 4, so 3+4=7.\n\nSo the answer is 7.\n\n3+4=8.\n\n</think>\n"
    "<answer>\n8\n</answer>"
)
RIGHT = FAILED.replace("3+4=8.\n\n", "").replace("8\n</answer>", "7\n</answer>")
ASKED = "Hal has 3 cards. Hal buys 4. How many cards does Hal have?"


def lines(path: Path) -> list[dict[str, Any]]:
    return [row for _, _, row in cli.rows(path)]


def test_a_model_of_the_project_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert files.located("hsir/embedded/model") == MODEL
    assert files.located("Qwen/Qwen2.5-1.5B-Instruct") == "Qwen/Qwen2.5-1.5B-Instruct"
    (tmp_path / "hsir/embedded/model").mkdir(parents=True)
    assert files.located("hsir/embedded/model") == "hsir/embedded/model", "a folder here comes first"


@pytest.mark.parametrize("command", ["sample", "veriexit", "score", "train"])
def test_each_command_looks_for_its_model_there(command: str) -> None:
    module = {"sample": sample, "veriexit": veriexit, "score": score, "train": train}[command]
    option = module.main.__annotations__["policy" if command == "score" else "model"]
    assert option.__metadata__[0].callback is files.located


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_rows_come_back_as_they_were_written(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows{suffix}"
    rows = [{"a": 'x, "y"\n\u2028\u00e9', "b": "1"}, {"a": "", "b": "=2+3"}]
    write(rows, path)
    assert lines(path) == rows
    write([{"a": 1}, {"b": [1, None]}], path)
    assert lines(path)[1]["b"] in ([1, None], "[1, null]")


def test_a_long_cell_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\ufeffid,text\n1," + 200_000 * "x" + "\n", encoding="utf-8")
    assert [(row["id"], len(row["text"])) for row in lines(path)] == [("1", 200_000)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1\n", "line 2: not 2 cells"), ("a,b\n1,2,3\n", "line 2: not 2 cells"),
        ("a,a\n1,2\n", "line 1: a column occurs twice"), ('a,b\n1,"2\n', "not a CSV file in UTF-8"),
        ("a,b\n", "no rows"), ("", "no rows"),
    ],
)  # fmt: skip
def test_a_broken_csv_file_is_explained(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        files.read(path, {"prompt": "a"})


def test_a_wrong_column_is_named_with_those_that_are_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("nr,text,sample\n1,one\x1b[2J,7\n2,two,8\n3,three,9\n4,four,1\n")
    with pytest.raises(InputError, match=r"no column 'prompt'; set it with --prompt \(columns: nr, text, sample\)"):
        files.read(path, {"prompt": "prompt"})
    with pytest.raises(InputError, match="there is a column 'sample' already"):
        files.read(path, {"prompt": "text"}, ["sample"])
    with pytest.raises(InputError, match=r"no column 'id'; set it with --id \(columns: "):
        files.names(lines(path), "id", path)
    twice = [{"id": 1}, {"id": "1"}, {"id": 3}]
    with pytest.raises(InputError, match="row 2: the id '1' is that of row 1"):
        files.names(twice, "id", path)
    assert files.names(twice, None, path) == ["1", "2", "3"] == files.names([{}] * 3, None, path)
    assert files.names(twice[1:], None, path) == ["1", "3"] == files.names(twice[1:], "id", path)
    capsys.readouterr()
    files.read(path, {"prompt": "text"})
    shown = capsys.readouterr().err
    assert "4 rows; the first:" in shown and "3  prompt      three" in shown and "four" not in shown
    assert "\x1b" not in shown, "a text must not act on the terminal"


def test_prompts_are_sampled_into_rows(tmp_path: Path) -> None:
    rows = tmp_path / "q.csv"
    write([{"nr": "b", "text": ASKED}, {"nr": "a", "text": "Ann has 2 nuts. Ann finds 3. How many?"}], rows)
    sample.main(MODEL, rows, tmp_path / "s.jsonl", prompt="text", name="nr", samples=2, temperature=1.0,
                max_new_tokens=24, top_p=0.9)  # fmt: skip
    made = lines(tmp_path / "s.jsonl")
    assert [(row["nr"], row["sample"]) for row in made] == [("b", 0), ("b", 1), ("a", 0), ("a", 1)]
    assert list(made[0]) == ["nr", "text", "sample", "completion", "n_tokens", "finish"]
    assert all(row["completion"].startswith("<think>") and row["n_tokens"] <= 24 for row in made)
    assert not list(tmp_path.glob(".*.work")), "what it resumes from is deleted at the end"
    sample.main(MODEL, rows, tmp_path / "again.parquet", prompt="text", name="nr", samples=2, temperature=1.0,
                max_new_tokens=24, top_p=0.9)  # fmt: skip
    assert lines(tmp_path / "again.parquet") == made


def test_what_cannot_be_sampled_is_explained(tmp_path: Path) -> None:
    rows = tmp_path / "q.jsonl"
    rows.write_text(json.dumps({"prompt": ["x"]}) + "\n")
    with pytest.raises(InputError, match="row 1: the column 'prompt' must be text"):
        sample.main(MODEL, rows, tmp_path / "s.jsonl")
    rows.write_text(json.dumps({"prompt": "x"}) + "\n")
    with pytest.raises(InputError, match="top_p: Input should be less than or equal to 1"):
        sample.main(MODEL, rows, tmp_path / "s.jsonl", top_p=2.0)
    with pytest.raises(InputError, match=r"--task gsm8: .*gsm8k"):
        sample.main(MODEL, rows, tmp_path / "s.jsonl", task="gsm8")


def test_csv_is_graded_with_its_columns(tmp_path: Path) -> None:
    rows, out = tmp_path / "a.csv", tmp_path / "v.csv"
    write([{"q": "1", "answer": "7", "text": RIGHT, "truncated": "False"},
           {"q": "2", "answer": "7", "text": FAILED, "truncated": "False"},
           {"q": "3", "answer": "7", "text": "<think>\n7", "truncated": "True"}], rows)  # fmt: skip
    grade.main(rows, out, kind="number", gold="answer", prediction="text", keep=True)
    with out.open(newline="") as given:
        found = list(csv.DictReader(given))
    assert [(row["q"], row["verdict"], row["why"]) for row in found] == [
        ("1", "right", "tags"), ("2", "wrong", "tags"), ("3", "no_answer", "truncated"),
    ]  # fmt: skip
    sampled = [{"id": "1", "sample": n, "gold": "7", "prediction": RIGHT} for n in range(2)]
    write(sampled, tmp_path / "sampled.csv")
    grade.main(tmp_path / "sampled.csv", tmp_path / "w.csv", kind="number")
    assert [row["id"] for row in lines(tmp_path / "w.csv")] == ["1", "1"], "samples share the id of their question"
    with pytest.raises(InputError, match="a column 'extracted' already"):
        grade.main(out, tmp_path / "again.csv", kind="number", gold="answer", prediction="text", keep=True)


def test_failed_traces_are_cut_continued_and_graded(tmp_path: Path) -> None:
    rows = tmp_path / "f.jsonl"
    texts = {"cut": FAILED, "correct": RIGHT, "never": FAILED.replace("7", "6")}
    write([{"id": key, "problem": ASKED, "answer": 7, "text": text} for key, text in texts.items()], rows)
    names: dict[str, Any] = {"kind": "number", "question": "problem", "gold": "answer", "completion": "text"}
    veriexit.main(MODEL, rows, tmp_path / "cut.csv", **names)
    cut, correct, never = lines(tmp_path / "cut.csv")
    assert (cut["verdict"], correct["verdict"], never["verdict"]) == ("wrong", "right", "wrong")
    assert cut["prefix"] == FAILED[: FAILED.index("\n\n3+4=8.")] + "\n\n</think>\n<answer>\n"
    assert (cut["cut_step"], correct["cut_step"], never["cut_step"]) == ("2", "", "")
    veriexit.main(MODEL, rows, tmp_path / "new.jsonl", answers=2, **names)
    made = lines(tmp_path / "new.jsonl")
    assert [(row["id"], row["recycled_sample"]) for row in made] == [
        ("cut", 0), ("cut", 1), ("correct", None), ("never", None),
    ]  # fmt: skip
    assert all(row["recycled"].startswith(cut["prefix"]) for row in made[:2])
    assert made[0]["recycled_verdict"] == "right" and made[0]["recycled_answer"] == "7"


def test_scores_have_a_z_score_and_tau_its_raw_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tmp_path / "r.csv"
    write([{"nr": str(n), "q": ASKED, "text": text} for n, text in enumerate([RIGHT, FAILED, RIGHT + RIGHT])], rows)
    score.main(MODEL, rows, tmp_path / "s.jsonl", prompt="q", completion="text", name="nr", standardise="zscore",
               tau=-0.25, keep=True, message=True)  # fmt: skip
    made = lines(tmp_path / "s.jsonl")
    raw = [row["indiv"] for row in made]
    mean = sum(raw) / 3
    deviation = (sum((one - mean) ** 2 for one in raw) / 3) ** 0.5
    assert [row["z"] for row in made] == pytest.approx([(one - mean) / deviation for one in raw])
    assert made[0]["q"] == ASKED and made[0]["m"] > 0
    below = sum(row["z"] < -0.25 for row in made)
    said = capsys.readouterr().err
    assert f"tau = -0.25 (zscore), which is {mean - 0.25 * deviation:.4g} as a raw score: {below} of 3" in said
    score.main(MODEL, rows, tmp_path / "s.parquet", prompt="q", completion="text", name="nr", message=True)
    assert pq.read_table(tmp_path / "s.parquet")["indiv"].to_pylist() == raw


SCORED = [
    {"question": "a", "completion": "x y z", "verdict": "right", "indiv": "3.0"},
    {"question": "a", "completion": "x y", "verdict": "right", "indiv": "1.0"},
    {"question": "b", "completion": "x", "verdict": "wrong", "indiv": ""},
    {"question": "b", "completion": "x", "verdict": "right", "indiv": "2.0"},
]


def filtered(tmp_path: Path, filters: str, rows: list[dict[str, str]] = SCORED) -> list[str]:
    (tmp_path / "f.yaml").write_text(filters)
    write(rows, tmp_path / "in.csv")
    filters_.main(tmp_path / "in.csv", tmp_path / "f.yaml", tmp_path / "out.csv")
    return [f"{row['question']}: {row['completion']}" for row in lines(tmp_path / "out.csv")]


def test_a_scored_file_is_filtered_in_its_order(tmp_path: Path) -> None:
    assert filtered(tmp_path, "[{kind: right}]") == ["a: x y z", "a: x y", "b: x"]
    shortest = "select: [{kind: right}, {kind: at_most, per_question: 1, pick: shortest}]"
    assert filtered(tmp_path, shortest) == ["a: x y", "b: x"]
    assert filtered(tmp_path, "[{kind: right}, {kind: indiv, threshold: 0}]") == ["a: x y z", "b: x"]
    assert [float(row["standardised"]) for row in lines(tmp_path / "out.csv")] == pytest.approx([1.2247449, 0.0])


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ("[{kind: rihgt}]", "f.yaml: .*rihgt"), ("[{kind: indiv, tau: 1}]", "f.yaml: .*unknown key"),
        ("7", "f.yaml: "), ("[{kind: right}, {kind: indiv, threshold: 9}]", "no row of .*in.csv is left"),
    ],
)  # fmt: skip
def test_filters_that_cannot_be_used_are_explained(filters: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        filtered(tmp_path, filters)


def test_a_filter_that_reads_scores_needs_their_column(tmp_path: Path) -> None:
    rows = [{key: row[key] for key in ("question", "completion", "verdict")} for row in SCORED]
    with pytest.raises(InputError, match=r"no column 'indiv'; set it with --score \(columns: question, completion"):
        filtered(tmp_path, "[{kind: right}, {kind: indiv}]", rows)
    with pytest.raises(InputError, match="the column 'indiv' must be a finite number, not 'high'"):
        filtered(tmp_path, "[{kind: right}]", [SCORED[0] | {"indiv": "high"}])


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"indiv": "nan"}, "row 1: the column 'indiv' must be a finite number, not 'nan'"),
        ({"indiv": ""}, "row 1: the column 'indiv' is empty; score the solution"),
        ({"verdict": "maybe"}, "row 1: the column 'verdict' must be one of right, true, 1, wrong, .*, not 'maybe'"),
        ({"verdict": ""}, "row 1: the column 'verdict' must be one of"),
    ],
)
def test_a_bad_cell_is_named_with_its_row(cells: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        filtered(tmp_path, "[{kind: right}, {kind: indiv}]", [SCORED[0] | cells, *SCORED[1:]])


def test_incorrect_solutions_are_removed_before_scores_are_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no score; put \{kind: right\} before"):
        filtered(tmp_path, "[{kind: indiv}]")


def test_verdicts_may_be_words_truth_values_or_numbers(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("[{kind: right}]")
    rows = [{"question": "a", "completion": str(value), "verdict": value} for value in (True, 1, "Right", False, 0)]
    write(rows, tmp_path / "in.jsonl")
    filters_.main(tmp_path / "in.jsonl", tmp_path / "f.yaml", tmp_path / "out.jsonl")
    assert [row["verdict"] for row in lines(tmp_path / "out.jsonl")] == [True, 1, "Right"]


def test_a_file_of_completions_is_trained_on(tmp_path: Path) -> None:
    rows = tmp_path / "t.jsonl"
    write([{"p": ASKED, "c": RIGHT, "rejected": FAILED}] * 2, rows)
    fast: dict[str, Any] = {"epochs": 1, "batch_size": 2, "device_batch_size": 2}
    train.main(MODEL, rows, tmp_path / "sft", prompt="p", completion="c", train=Sft(**fast))
    train.main(str(tmp_path / "sft"), rows, tmp_path / "dpo", prompt="p", completion="c", train=Dpo(kind="dpo", **fast))
    for name in ("sft", "dpo"):
        told = json.loads((tmp_path / f"{name}.json").read_text())
        assert (told["examples"], told["steps"]) == (2, 1)
        assert (tmp_path / name / "model.safetensors").is_file()
    with pytest.raises(InputError, match="reinforcement learning needs a task's questions"):
        train.main(MODEL, rows, tmp_path / "rl", prompt="p", completion="c", train=Grpo(kind="grpo", max_steps=1))
