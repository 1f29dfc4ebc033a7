"""A rehearsal: the same graph on generated questions, in each benchmark's own layout."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from hsir.config import Plan, load
from hsir.config.load import read_yaml
from hsir.config.rehearsal import QUESTIONS, SEED, prepare, rehearsed
from hsir.config.schema import Config
from hsir.grading import Item
from hsir.tasks import Task
from hsir.tasks.base import Split
from hsir.tasks.benchmark import TrainingBenchmark
from hsir.tasks.rehearsal import LAYOUTS, TRACES, lay_down

CONFIG = Path("config")
PAPER = sorted(CONFIG.glob("paper/*.yaml"))


def paper(path: Path, **more: Any) -> Config:
    return load({**read_yaml(path), "rehearse": True, **more}, CONFIG)


@pytest.mark.parametrize("kind", sorted(LAYOUTS))
def test_a_benchmarks_own_reader_reads_the_questions_and_its_grader_the_traces(kind: str, tmp_path: Path) -> None:
    task = TypeAdapter(Task).validate_python({"kind": kind})
    lay_down(task, tmp_path, 24)
    changed: dict[str, Any] = {"path": tmp_path}
    training = isinstance(task, TrainingBenchmark)
    task = task.model_copy(update=changed | ({"traces": str(tmp_path / TRACES), "seed_size": 12} if training else {}))
    splits: tuple[Split, ...] = ("seed", "unlabelled", "test") if training else ("test",)
    seen = {split: task.questions(split, 0) for split in splits}
    assert [len(seen[split]) for split in splits] == ([12, 12, 24] if training else [24])
    questions = [record.question for records in seen.values() for record in records]
    assert len(set(questions)) == len(questions)
    for record in [record for records in seen.values() for record in records if record.trace]:
        assert task.grading.in_tags().judge(Item(record.trace or "", record.answer, record.options)).verdict == "right"
    assert len({record.answer for records in seen.values() for record in records}) > 1


def test_files_that_are_there_keep_their_times(tmp_path: Path) -> None:
    task = TypeAdapter(Task).validate_python({"kind": "gsm8k"})
    lay_down(task, tmp_path, 5)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    lay_down(task, tmp_path, 5)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.stem)
def test_each_published_experiment_can_be_rehearsed(path: Path) -> None:
    whole, small = Plan(load(read_yaml(path), CONFIG)), Plan(paper(path))
    for name in whole.built_by_default():
        run, short = whole.config.runs[name], small.config.runs[name]
        assert (short.methods, short.tasks, short.benchmarks) == (run.methods, run.tasks, run.benchmarks)
        assert short.models == run.models[:1]
        for model, task, _, _, policy in small.cells(short):
            rehearsal, real = small.train(model, task, policy), whole.train(model, task, policy)
            assert type(rehearsal) is type(real) and rehearsal.devices.kind == "single"
            assert small.method(policy).select == whole.method(policy).select
            assert rehearsal.limits.too_long == real.limits.too_long
        assert {small.settings(m, t).sample.engine.kind for m in short.models for t in short.tasks} == {"transformers"}
    assert small.config.results == "results-rehearsal" and small.config.teacher is None


def test_a_rehearsal_of_a_rehearsal_is_the_same() -> None:
    once = paper(CONFIG / "paper/table1.yaml")
    assert rehearsed(once) == once


def test_prepared_files_are_those_that_the_tasks_are_read_from(tmp_path: Path) -> None:
    config = paper(CONFIG / "paper/table6.yaml", results=str(tmp_path / "r"))
    prepare(config)
    for entry in config.tasks.values():
        assert all(path.is_file() for path in entry.task.files("test"))
    medqa = config.tasks["medqa"].task
    assert (len(medqa.questions("seed", 0)), len(medqa.questions("unlabelled", 0))) == (SEED, QUESTIONS - SEED)


def test_the_embedded_default_and_files_of_ones_own_can_be_rehearsed(tmp_path: Path) -> None:
    rows = [{"id": str(n), "question": "?", "answer": "1"} for n in range(QUESTIONS + 3)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    raw = yaml.safe_load((CONFIG / "config.yaml").read_text())
    raw["runs"]["demo"]["benchmarks"] = ["own", "chains"]
    raw["tasks"] = {"own": {"task": {"kind": "jsonl", "test": str(tmp_path / "q.jsonl")}}}
    config = load({**raw, "rehearse": True}, CONFIG)
    assert len(config.tasks["own"].task.questions("test", 0)) == QUESTIONS
    assert len(config.tasks["chains"].task.questions("unlabelled", 0)) == QUESTIONS - SEED
