"""Faults found by manual review: valid files that belong to something else."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerBase

from hsir import jsontext
from hsir.config import load, read_yaml
from hsir.errors import ConfigError, InputError
from hsir.planning import integrity
from hsir.report import ledger_view, results
from hsir.report.checked import faults
from hsir.stages import cli, score
from hsir.stages import filter as filter_stage
from hsir.storage import belonging, tables
from hsir.storage.chat import prompt_ids
from hsir.storage.files import write_json
from hsir.tasks.jsonl import read_records
from tests.unit.test_exhibits import made_in, sample

QUESTION: tables.Row = {
    "question_id": "a", "question": "?", "gold": "1", "difficulty": None, "options": None, "prompt_ids": [1],
    "trace": None, "trace_ids": None,
}  # fmt: skip


def test_samples_of_other_questions_are_not_graded(tmp_path: Path) -> None:
    samples, questions = tmp_path / "s.parquet", tmp_path / "q.parquet"
    for kind, prompt, known in (("sample", [2], False), ("hint", [2], True), ("sample", [1], True)):
        tables.write("questions", [QUESTION], questions, {})
        made_by = {"options": {"pool": {"kind": kind}}}
        tables.write("samples", [{**sample("a-k-0", "a", "1"), "prompt_ids": prompt}], samples, made_by)
        if known:
            belonging.check_prompts([samples], questions)
        else:
            with pytest.raises(InputError, match="answers another question 'a'"):
                belonging.check_prompts([samples], questions)
    tables.write("samples", [sample("b-k-0", "b", "1")], samples, {})
    with pytest.raises(InputError, match="answers another question 'b'"):
        belonging.check_prompts([samples], questions)


@pytest.mark.parametrize("prompt", [[{"from": "human", "value": "?"}], [{"role": 5}], ["x"], []])
def test_messages_without_a_text_are_not_scored(prompt: list[Any]) -> None:
    with pytest.raises(InputError, match=r"a\.jsonl, line 1: .*message"):
        score.messages("a.jsonl, line 1", prompt)


def test_a_template_that_changes_one_question_is_named_with_it(encoder: PreTrainedTokenizerBase) -> None:
    encoder = copy.deepcopy(encoder)
    encoder.chat_template = "{% for m in messages %}{{ m.content | replace('7', '8') }}{% endfor %}"
    assert prompt_ids(encoder, "Is 3 < 4?")
    with pytest.raises(InputError, match="changes or omits the message 'Is 7 < 4"):
        prompt_ids(encoder, "Is 7 < 4?")


def test_a_key_that_occurs_twice_is_rejected_in_yaml_and_in_json(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("run: a\noverrides: {}\nrun: b\n")
    with pytest.raises(ConfigError, match=r"c\.yaml: .*the key 'run' occurs twice"):
        read_yaml(tmp_path / "c.yaml")
    with pytest.raises(ValueError, match="the key 'a' occurs twice"):
        jsontext.parse('{"b": 1, "a": 1, "a": 2}')


@pytest.mark.parametrize("text", ["run: 2020-99-99", f"a: {'9' * 5000}", "[" * 3000, "a: \xff"])
def test_yaml_that_python_cannot_hold_is_one_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"c\.yaml: not YAML"):
        read_yaml(tmp_path / "c.yaml")


@pytest.mark.parametrize("header", ["question,answer,A,B,C", "question,answer,options"])
def test_options_of_a_table_are_read_from_columns_or_json(header: str, tmp_path: Path) -> None:
    cells = '"{""A"": ""x"", ""B"": ""y""}"' if "options" in header else "x,y,"
    (tmp_path / "q.csv").write_text(f"{header}\nWhich?,B,{cells}\n")
    (record,) = read_records(tmp_path / "q.csv")
    assert record.options == {"A": "x", "B": "y"} and record.answer == "B"


@pytest.mark.parametrize("content", ["5", "{}", '{"files": {"a": 1}}'])
def test_check_names_a_manifest_that_is_invalid(content: str, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "manifest.json").write_text(content)
    (fault,) = integrity.look([tmp_path]).faults
    assert fault.kind == "damaged"


@pytest.mark.parametrize("content", [{"provenance": 5}, {"provenance": {"inputs": [1]}}])
def test_check_names_a_provenance_that_is_invalid(content: Any, tmp_path: Path) -> None:
    (tmp_path / "ledger.json").write_text(json.dumps(content))
    (fault,) = integrity.look([tmp_path]).faults
    assert "its provenance cannot be read" in fault.why


def test_a_run_of_the_base_alone_has_no_costs(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=1)
    run = made.run.model_copy(update={"methods": ("base",)})
    config = made.plan.config.model_copy(update={"runs": {"r": run}})
    alone = type(made)(type(made.plan)(config))
    costs = ledger_view.gather(alone)
    assert costs.empty and ledger_view.sheets(costs) == []


def test_an_evaluation_of_an_older_version_is_named(tmp_path: Path) -> None:
    write_json(
        {"accuracy": {}, "questions": 1, "tokens": {}, "truncated": 0.0, "verdicts": {}}, tmp_path / "gsm8k.json"
    )
    with pytest.raises(InputError, match=r"gsm8k.json: no 'readings'; .* run `snakemake --force"):
        results.evaluation(tmp_path / "gsm8k.json")


def trained(folder: Path, **train: Any) -> None:
    """Write what a policy's training leaves, with options that differ from the config's by `train`."""
    made = made_in(folder, questions=1)
    (cell,) = [cell for cell in made.cells() if cell.policy != "start"]
    place = made.folder(cell)
    select = [one.model_dump(mode="json") for one in made.method(cell).select]
    row = {"sample_id": "a", "question_id": "q", "source": "k3", "difficulty": None, "score": 1.0, "prompt_ids": [1],
           "completion_ids": [1], "loser_id": None, "loser_ids": None}  # fmt: skip
    tables.write("filtered", [row], place / "filtered.parquet", {"options": {"select": select}})
    wanted = made.plan.train(cell.model, cell.task, cell.policy)
    options = {**wanted.model_dump(mode="json", exclude={"limits"}), **train}
    inputs = {str(place / "filtered.parquet"): tables.file_hash(place / "filtered.parquet")}
    write_json({"provenance": {"options": {"train": options}, "inputs": inputs}}, place / "train.json")
    write_json({"steps": [{"total": 1}], "given": 0, "too_long": 0}, place / "funnel.json")


def checked(folder: Path) -> None:
    """Check that run as the report does, its one trained policy alone."""
    made = made_in(folder, questions=1)
    (cell,) = [cell for cell in made.cells() if cell.policy != "start"]
    for what, path in faults(made, cell):
        raise InputError(f"{path}: {what}")


def test_results_that_were_made_with_other_options_are_not_reported(tmp_path: Path) -> None:
    trained(tmp_path)
    checked(tmp_path)
    trained(tmp_path, epochs=77)
    with pytest.raises(InputError, match=r"train\.json: its training options are not those of the config"):
        checked(tmp_path)
    trained(tmp_path)
    path = next(tmp_path.rglob("m0.1/filtered.parquet"))
    rows = tables.read("filtered", path)
    tables.write("filtered", rows, path, {"options": {"select": [{"kind": "right"}]}})
    with pytest.raises(InputError, match=r"filtered\.parquet: its filters are not those of the config"):
        checked(tmp_path)


def test_another_policys_files_are_not_reported(tmp_path: Path) -> None:
    trained(tmp_path)
    path = next(tmp_path.rglob("m0.1/funnel.json"))
    write_json({"steps": [{"total": 5}], "given": 0, "too_long": 0}, path)
    with pytest.raises(InputError, match=r"funnel\.json: its counts do not match"):
        checked(tmp_path)
    trained(tmp_path)
    log = next(tmp_path.rglob("m0.1/train.json"))
    told = json.loads(log.read_text())
    told["provenance"]["inputs"] = {"x": "0" * 16}
    told.pop("checksum")
    write_json(told, log)
    with pytest.raises(InputError, match="made from a different version"):
        checked(tmp_path)


def test_entries_without_a_name_and_pools_without_questions_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--pool foo: must be NAME=FILE"):
        cli.named(["foo"], "pool")
    with pytest.raises(InputError, match="needs --questions and --verified"):
        filter_stage.main(tmp_path / "f.parquet", tmp_path / "f.json", filter_stage.Selection([]), pool=["k=s.parquet"])


@pytest.mark.parametrize("results", ["s3://b/x", "$HOME/x", "-rf", "x" * 300])
def test_a_results_folder_that_cannot_be_one_is_rejected(results: str) -> None:
    with pytest.raises(ConfigError, match="results: "):
        load({**read_yaml(Path("config/config.yaml")), "results": results}, Path("config"))
