"""Stage data, and loading models: what is rejected, and the resulting tokens."""

import json
import shutil
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from hsir.errors import InputError
from hsir.stages import data
from hsir.stages.data import checked
from hsir.storage import tables
from hsir.storage.models import load_model, load_tokenizer
from hsir.tasks.chains import Chains
from hsir.tasks.jsonl import Jsonl
from hsir.tasks.record import Record


def record(name: str, trace: str | None = "t") -> Record:
    """Make a question."""
    return Record(id=name, question="What?", answer="42", trace=trace)


def test_sound_questions_pass_unchanged() -> None:
    records = [record("a"), record("b")]
    assert checked(records, "seed") == records
    bare = [record("a", None)]
    assert checked(bare, "unlabelled") == bare


@pytest.mark.parametrize(
    ("records", "split", "told"),
    [
        ([], "test", "the test set is empty"),
        ([record("a"), record("b"), record("a")], "unlabelled", "two questions with the id 'a'"),
        ([record("a"), record("b", None)], "seed", "question 'b' of the seed set has no trace"),
        ([record("a", "")], "seed", "question 'a' of the seed set has no trace"),
    ],
)
def test_unsound_questions_are_rejected(records: list[Record], split: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        checked(records, split)  # type: ignore[arg-type]


def test_prompts_and_traces_are_tokenised_once_and_for_all(
    tmp_path: Path, embedded: Path, encoder: PreTrainedTokenizerBase
) -> None:
    task = Chains(kind="chains", seed=7, unlabelled=7, test=7)
    data.main(str(embedded), task, "seed", tmp_path / "seed.parquet", seed=1)
    rows = tables.read("questions", tmp_path / "seed.parquet")
    assert [row["question"] for row in rows] == [r.question for r in task.records("seed", 1)]
    for row in rows:
        prompt = f"<|im_start|>user\n{row['question']}<|im_end|>\n<|im_start|>assistant\n"
        assert encoder.decode(row["prompt_ids"]) == prompt
        assert encoder.decode(row["trace_ids"]) == row["trace"] + encoder.eos_token
        assert row["trace_ids"].count(encoder.eos_token_id) == 1


def test_questions_longer_than_the_model_reads_are_named(tmp_path: Path, embedded: Path) -> None:
    rows = [
        {"id": name, "question": "1+" * length + "1=", "answer": "2"} for name, length in (("short", 3), ("long", 9000))
    ]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = Jsonl(kind="jsonl", test=tmp_path / "q.jsonl")
    with pytest.raises(
        InputError, match=r"1 of 2 questions are longer than the model's context of [0-9,]+ tokens: long \("
    ):
        data.main(str(embedded), task, "test", tmp_path / "test.parquet")


def test_a_model_without_chat_template_is_rejected_unless_one_is_given(tmp_path: Path, embedded: Path) -> None:
    bare = shutil.copytree(embedded, tmp_path / "bare")
    template = (bare / "chat_template.jinja").rename(tmp_path / "chat.jinja")
    task = Chains(kind="chains", seed=7, unlabelled=7, test=7)
    with pytest.raises(InputError, match=r"bare: the model has no chat template.*`chat_template:`"):
        data.main(str(bare), task, "test", tmp_path / "test.parquet")
    assert not (tmp_path / "test.parquet").exists()
    data.main(str(bare), task, "test", tmp_path / "test.parquet", chat_template=template)
    assert len(tables.read("questions", tmp_path / "test.parquet")) == 7


def test_a_missing_chat_template_is_named(tmp_path: Path, embedded: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.jinja: no such chat template"):
        load_tokenizer(str(embedded), tmp_path / "gone.jinja")


@pytest.mark.parametrize("path", ["/no/such/folder", "./nowhere", "hsir/nowhere", "a/b/c"])
def test_a_missing_model_folder_is_named(path: str) -> None:
    with pytest.raises(InputError, match=f"{path}: no such model folder"):
        load_tokenizer(path)
    with pytest.raises(InputError, match=f"{path}: no such model folder"):
        load_model(path, "float32")


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the folder contains no model \(no config.json\)"):
        load_model(str(tmp_path), "float32")


def test_a_model_without_safetensors_is_named(tmp_path: Path, embedded: Path) -> None:
    shutil.copy(embedded / "config.json", tmp_path)
    with pytest.raises(InputError, match=str(tmp_path)):
        load_model(str(tmp_path), "float32")


def test_broken_weights_are_named(tmp_path: Path, embedded: Path) -> None:
    broken = shutil.copytree(embedded, tmp_path / "broken")
    whole = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="broken"):
        load_model(str(broken), "float32")
