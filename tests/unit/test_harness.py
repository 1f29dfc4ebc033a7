"""Sample logs of other harnesses: what is written is read back, and their own logs are read."""

import json
from pathlib import Path
from typing import Any

import pytest

from hsir.errors import InputError
from hsir.report import export
from hsir.stages import cli, grade
from hsir.storage import tables
from hsir.storage.rows import write

ASKED = [("q1", "2+2?", "4"), ("q2", "3+3?", "6")]
DRAWN = [("q1", "<answer>4</answer>", "right", "4"), ("q1", "<answer>5</answer>", "wrong", "5"),
         ("q2", "I do not know", "no_answer", None), ("q2", "<answer>6</answer>", "right", "6")]  # fmt: skip


def evaluation(root: Path, samples: int) -> Path:
    """Write an evaluation of some samples per question."""
    folder = root / f"results/m/t/seed0/base/eval/t{f'@{samples}' if samples > 1 else ''}"
    questions = [{"question_id": name, "question": text, "gold": gold, "prompt_ids": [1]} for name, text, gold in ASKED]
    tables.write("questions", questions, root / "results/m/benchmarks/t.parquet", {})
    drawn, judged = [], []
    for n, (question, text, verdict, said) in enumerate(DRAWN):
        if n % 2 < samples:
            name = f"{question}-{n % 2:04d}"
            ids = {"sample_id": name, "question_id": question, "prompt_ids": [1], "completion_ids": [1], "seed": 0}
            drawn.append(ids | {"completion": text, "n_tokens": 1, "n_generated": 1, "finish": "stop"})
            judged.append({"sample_id": name, "extracted": said, "verdict": verdict, "why": "tags"})
    tables.write("samples", drawn, folder / "samples/0-of-1.parquet", {})
    tables.write("verified", judged, folder / "verified.parquet", {})
    return folder


def test_an_evaluation_is_exported_and_graded_again(tmp_path: Path) -> None:
    export.main(evaluation(tmp_path, 2), tmp_path / "log.jsonl")
    first, second = (row for _, _, row in cli.rows(tmp_path / "log.jsonl"))
    assert (first["doc_id"], first["target"], first["exact_match"], second["exact_match"]) == (0, "4", 0.5, 0.5)
    assert first["resps"] == [["<answer>4</answer>", "<answer>5</answer>"]] and second["filtered_resps"] == [["", "6"]]
    assert {"doc", "arguments", "filter", "metrics", "doc_hash", "prompt_hash", "target_hash"} <= set(first)
    grade.main(tmp_path / "log.jsonl", tmp_path / "v.jsonl", kind="number", form="lm-eval")
    verdicts = [(row["id"], row["verdict"]) for _, _, row in cli.rows(tmp_path / "v.jsonl")]
    assert verdicts == [("0-0", "right"), ("0-1", "wrong"), ("1-0", "no_answer"), ("1-1", "right")]


def test_a_greedy_evaluation_has_one_text_per_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    export.main(evaluation(tmp_path, 1))
    rows = [row for _, _, row in cli.rows(tmp_path / "samples_t.jsonl")]
    assert [(row["filtered_resps"], row["exact_match"]) for row in rows] == [(["4"], 1.0), ([""], 0.0)]
    with pytest.raises(InputError, match="not an evaluation"):
        export.main(tmp_path)


def logged(**changed: Any) -> dict[str, Any]:
    """Make a row as lm_eval 0.4.13 logs GSM8K."""
    return {
        "doc_id": 0, "doc": {"question": "2+2?", "answer": "2+2=4\n#### 4"}, "target": "2+2=4\n#### 4",
        "arguments": {"gen_args_0": {"arg_0": "Question: 2+2?\nAnswer:", "arg_1": {"until": ["</s>"]}}},
        "resps": [["It is 4.\n#### 4"]], "filtered_resps": ["4"], "filter": "strict-match", "metrics": ["exact_match"],
        "exact_match": 1.0, **changed,
    }  # fmt: skip


def test_its_own_log_is_read_once_per_question(tmp_path: Path) -> None:
    rows = [logged(), logged(doc_id=1, resps=[["It is 5."]]), logged(filter="flexible-extract")]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    grade.main(tmp_path / "log.jsonl", tmp_path / "v.csv", task="gsm8k", form="lm-eval", keep=True)
    found = [(row["id"], row["gold"], row["verdict"]) for _, _, row in cli.rows(tmp_path / "v.csv")]
    assert found == [("0", "4", "right"), ("1", "4", "wrong")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"gold": "4"}, "no 'doc_id'; --format lm-eval reads"),
        (logged(resps=[[["-1.5", "True"]], [["-2.5", "False"]]]), "not generated text"),
    ],
)
def test_another_file_is_refused(row: dict[str, Any], said: str, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(InputError, match=f"line 1: .*{said}"):
        grade.main(tmp_path / "log.jsonl", tmp_path / "v.jsonl", kind="number", form="lm-eval")


VERDICTS = [("0-0", "right"), ("0-1", "wrong"), ("1-0", "no_answer"), ("1-1", "right")]


def graded(log: Path, **options: Any) -> list[dict[str, Any]]:
    """Grade a log, with the columns of its rows kept."""
    grade.main(log, log.with_name("v.jsonl"), keep=True, **options)
    return [row for _, _, row in cli.rows(log.with_name("v.jsonl"))]


def test_details_of_lighteval_are_written_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    export.main(evaluation(tmp_path, 2), form="lighteval")
    first, _ = tables.records(tmp_path / "details_t@2.parquet")
    assert (
        first["doc"]["choices"] == ["4"] and first["doc"]["gold_index"] == [0] and first["metric"]["exact_match"] == 0.5
    )
    assert first["model_response"]["text"] == ["<answer>4</answer>", "<answer>5</answer>"]
    found = graded(tmp_path / "details_t@2.parquet", kind="number", form="lighteval")
    assert [(row["id"].replace("q1", "0").replace("q2", "1"), row["verdict"]) for row in found] == VERDICTS


def detail(choices: list[str], index: Any, texts: list[str]) -> dict[str, Any]:
    """Make a row as lighteval 0.13 details it."""
    doc = {"query": "?", "choices": choices, "gold_index": index, "id": "", "task_name": "math_500"}
    return {"doc": doc, "metric": {"pass@1": 1.0}, "model_response": {"input": "?", "text": texts}}


def test_the_gold_answer_of_lighteval_is_the_choice_at_its_index(tmp_path: Path) -> None:
    details = [
        detail(["red", "blue"], [1], ["<answer>B</answer>"]),
        detail(["red", "blue"], [0], ["<answer>B</answer>"]),
    ]
    write(details, tmp_path / "letters.parquet")
    found = graded(tmp_path / "letters.parquet", kind="choice", form="lighteval")
    assert [(row["id"], row["gold"], row["verdict"]) for row in found] == [("0", "B", "right"), ("1", "A", "wrong")]
    write([detail([r"So $x = \boxed{\frac{1}{2}}$."], 0, [r"\boxed{0.5}"])], tmp_path / "solutions.parquet")
    (found_too,) = graded(tmp_path / "solutions.parquet", kind="math", form="lighteval")
    assert (found_too["gold"], found_too["verdict"]) == (r"\frac{1}{2}", "right")


def test_a_log_of_inspect_is_written_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    export.main(evaluation(tmp_path, 2), form="inspect")
    log = json.loads((tmp_path / "t@2.json").read_text())
    assert (log["eval"]["task"], log["eval"]["model"], log["eval"]["config"]) == ("t@2", "m/base", {"epochs": 2})
    assert log["results"]["scores"][0]["metrics"]["accuracy"]["value"] == 0.5
    assert [one["scores"]["hsir"]["value"] for one in log["samples"]] == ["C", "I", "I", "C"]
    found = graded(tmp_path / "t@2.json", kind="number", form="inspect")
    assert [(row["id"].replace("q1", "0").replace("q2", "1"), row["verdict"]) for row in found] == VERDICTS


def inspected(text: Any, **changed: Any) -> dict[str, Any]:
    """Make a sample as Inspect 0.3.285 logs it."""
    choice = {"message": {"role": "assistant", "content": text}, "stop_reason": "stop"}
    return {"id": 1, "epoch": 1, "input": "?", "target": "B", "choices": ["red", "blue"],
            "output": {"choices": [choice]}, **changed}  # fmt: skip


def test_its_own_log_of_inspect_is_read(tmp_path: Path) -> None:
    parts = [{"type": "reasoning", "reasoning": "Not A."}, {"type": "text", "text": "ANSWER: B"}]
    cut = {"choices": [{"message": {"content": "The answer is A or"}, "stop_reason": "max_tokens"}]}
    shown = inspected("attachment://ab", id="two", epoch=2, attachments={"ab": "ANSWER: A"})
    samples = [inspected(parts), shown, inspected("", id=3, output=cut)]
    (tmp_path / "log.json").write_text(json.dumps({"version": 2, "samples": samples, "stderr": float("nan")}))
    found = graded(tmp_path / "log.json", kind="choice", form="inspect")
    told = [(row["id"], row["verdict"], row["truncated"]) for row in found]
    assert told == [("1-0", "right", False), ("two-1", "wrong", False), ("3-0", "no_answer", True)]


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (inspected("", error={"message": "429"}), "sample 1: no answer, since the sample ended with an error"),
        (inspected("ANSWER: B", target=["A", "B"]), r'sample 1: 2 targets \(\["A", "B"\]\)'),
    ],
)
def test_a_sample_of_inspect_that_cannot_be_graded_is_named(sample: dict[str, Any], said: str, tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text(json.dumps({"version": 2, "samples": [sample]}))
    with pytest.raises(InputError, match=said):
        graded(tmp_path / "log.json", kind="choice", form="inspect")


def test_files_of_another_format_are_refused(tmp_path: Path) -> None:
    (tmp_path / "log.eval").write_bytes(b"PK")
    with pytest.raises(InputError, match="inspect log convert --to json"):
        graded(tmp_path / "log.eval", kind="choice", form="inspect")
    (tmp_path / "log.json").write_text("[]")
    with pytest.raises(InputError, match="not a log of Inspect"):
        graded(tmp_path / "log.json", kind="choice", form="inspect")
    write([detail(["red", "blue"], [0, 1], ["A"])], tmp_path / "two.parquet")
    with pytest.raises(InputError, match="row 1: 2 gold answers among 2 choices"):
        graded(tmp_path / "two.parquet", kind="choice", form="lighteval")
    with pytest.raises(InputError, match=r"the suffix must be \.json with --format inspect"):
        export.main(evaluation(tmp_path, 1), tmp_path / "log.jsonl", "inspect")
