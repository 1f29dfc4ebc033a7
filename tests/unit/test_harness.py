"""The sample log of lm-evaluation-harness: what is written is read back, and its own logs are read."""

import json
from pathlib import Path
from typing import Any

import pytest

from hsir.errors import InputError
from hsir.report import export
from hsir.stages import cli, grade
from hsir.storage import tables

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
