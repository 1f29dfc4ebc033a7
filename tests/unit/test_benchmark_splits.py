"""Seed, unlabelled and test sets of the published benchmarks, and the traces that seed questions need."""

import json
import os
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from hsir.errors import InputError
from hsir.tasks import Task
from hsir.tasks.record import Record

SHARED = Path(os.environ.get("HSIR_SHARED", Path(__file__).parents[3] / "shared")) / "data"
shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared test data is not at {SHARED}; set HSIR_SHARED")
TRACE = "<think>\nI count.\n\n</think>\n<answer>\n7\n</answer>"


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write an object a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def gsm8k(folder: Path, **options: Any) -> Any:
    """Make GSM8K of 40 training and 5 test questions, in a folder."""
    for part, size in (("train", 40), ("test", 5)):
        rows = [{"question": f"{part} {i}?", "answer": f"So.\n#### {i}"} for i in range(size)]
        lines(folder / f"{part}.jsonl", rows)
    return TypeAdapter(Task).validate_python({"kind": "gsm8k", "path": folder, "seed_size": 10, **options})


def ids(records: list[Record]) -> list[str]:
    """Return the ids."""
    return [record.id for record in records]


def traces_file(folder: Path, rows: list[dict[str, Any]]) -> str:
    """Write a file of traces and give what `traces:` says of it."""
    return str(lines(folder / "traces.jsonl", rows))


def test_the_seed_set_is_drawn_by_the_run_s_seed_and_the_rest_is_unlabelled(tmp_path: Path) -> None:
    by_id = [{"id": f"train-{i:05d}", "trace": f"{TRACE} {i}"} for i in range(30)]
    task = gsm8k(tmp_path, traces=traces_file(tmp_path, by_id))
    drawn = {}
    for seed in (0, 1):
        first, rest = task.records("seed", seed), task.records("unlabelled", seed)
        assert len(first) == 10
        assert sorted(ids(first) + ids(rest)) == [f"train-{i:05d}" for i in range(30)]
        assert all(record.trace == f"{TRACE} {int(record.id[-5:])}" for record in [*first, *rest])
        every = task.model_copy(update={"unlabelled": "all"}).records("unlabelled", seed)
        assert sorted(ids(first) + ids(every)) == [f"train-{i:05d}" for i in range(40)]
        assert sum(record.trace is not None for record in every) == 20
        assert task.records("seed", seed) == first
        drawn[seed] = ids(first)
    assert drawn[0] != drawn[1]
    assert list(task.records("test", 0)) == list(task.records("test", 1))


def test_traces_change_no_question_and_no_test_set(tmp_path: Path) -> None:
    plain = gsm8k(tmp_path)
    traced = gsm8k(tmp_path, traces=traces_file(tmp_path, [{"id": f"train-{i:05d}", "trace": "t"} for i in range(40)]))
    assert ids(plain.records("unlabelled", 3)) == ids(traced.records("unlabelled", 3))
    assert plain.records("test", 0) == traced.records("test", 0)


def test_where_no_other_question_has_a_trace_that_is_said(tmp_path: Path) -> None:
    seeds = [{"id": f"train-{i:05d}", "trace": "t"} for i in range(10)]
    task = gsm8k(tmp_path, traces=traces_file(tmp_path, seeds))
    with pytest.raises(InputError, match=r"gsm8k: no question outside the seed set has a trace .*`unlabelled: all`"):
        task.records("unlabelled", 0)


def test_a_limit_keeps_the_first_questions_of_each_split(tmp_path: Path) -> None:
    traces = traces_file(tmp_path, [{"id": f"train-{i:05d}", "trace": "t"} for i in range(40)])
    whole, few = gsm8k(tmp_path, traces=traces), gsm8k(tmp_path, traces=traces, limit=3)
    for split in ("seed", "unlabelled", "test"):
        assert few.questions(split, 1) == whole.questions(split, 1)[:3]
        assert few.expected(split) == 3
    assert few.for_split(None) == whole.for_split(None), "verdicts do not depend on it"


def test_a_seed_set_without_traces_names_the_way_to_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gsm8k: the seed set needs traces.*`traces:`.*python -m hsir.stages.distill"):
        gsm8k(tmp_path).records("seed", 0)


def test_traces_are_found_by_id_else_by_exact_question(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"id": "train-00003", "question": "train 3?", "trace": "by both"},
        {"id": "train-00004", "trace": "by id"},
        {"question": " train 5? ", "trace": "by text"},
        {"id": "a-teacher-s-own", "question": "train 6?", "trace": "by text too"},
        {"id": "train-00099", "trace": "of none"},
    ]
    task = gsm8k(tmp_path, seed_size=4, traces=traces_file(tmp_path, rows))
    assert {record.id[-2:]: record.trace for record in task.records("seed", 0)} == {
        "03": "by both", "04": "by id", "05": "by text", "06": "by text too",
    }  # fmt: skip
    assert "1 of 5 traces belong to no training question" in capsys.readouterr().err


def distilled(i: int, answer: object, thought: str = "I count.\n\nIt is clear.") -> str:
    """Write a solution as teachers do."""
    return f"<think>\n{thought}\n</think>\n\n**Solution** So it is.\n\n\\boxed{{{answer}}}"


def test_published_sets_of_solutions_are_converted_where_they_are_correct(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the columns of CAMEL's distilled GSM8K, of OpenR1's sets, and with the reasoning in a column of its own."""
    first = distilled(0, 0, "I \ud800count.\n\nIt is clear.")
    rows = [
        {"id": "gsm8k_0", "problem": "train  0?", "solution": first, "evaluate_success": True},
        {"id": "train-00007", "problem": "train 1?", "final_trace": distilled(1, "1.0"), "solution": "gold"},
        {"question": "train 2?", "generations": [distilled(2, 5), distilled(2, 2), distilled(2, 2, "Other.")]},
        {"question": "train 3?", "reasoning_content": "I\n\ncount.", "response": "The answer is 3."},
        {"problem": "train 4?", "solution": distilled(4, 40)},
        {"problem": "train 5?", "solution": "Without reasoning: \\boxed{5}"},
        {"problem": "train 6?", "solution": distilled(6, 6, "")},
        {"problem": "train 0?", "solution": distilled(0, 0, "A second one.")},
        {"problem": "train 8?", "solution": "<think>\nI count.\n</think>\nI cannot say."},
        {"problem": "of another set?", "solution": distilled(0, 0)},
    ]  # fmt: skip
    task = gsm8k(tmp_path, seed_size=4, traces=traces_file(tmp_path, rows))
    assert {record.id[-1]: record.trace for record in task.records("seed", 0)} == {
        "0": "<think>\nI \N{REPLACEMENT CHARACTER}count.\n\nIt is clear.\n\n</think>\n<answer>\n0\n</answer>",
        "1": "<think>\nI count.\n\nIt is clear.\n\n</think>\n<answer>\n1.0\n</answer>",
        "2": "<think>\nI count.\n\nIt is clear.\n\n</think>\n<answer>\n2\n</answer>",
        "3": "<think>\nI\n\ncount.\n\n</think>\n<answer>\n3\n</answer>",
    }
    said = capsys.readouterr().err
    assert "1 of 10 traces belong to no training question" in said
    assert "4 of 9 solutions are correct and were converted" in said
    for reason in ("wrong 1", "no_reasoning 2", "further solutions of a question 1", "no_answer 1"):
        assert reason in said


def test_traces_may_come_from_a_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(*where: object, **how: object) -> list[dict[str, str]]:
        asked.append((where, how))
        return [{"question": f"train {i}?", "trace": "t"} for i in range(40)]

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    task = gsm8k(tmp_path, traces="someone/gsm8k-traces")
    assert len(task.records("seed", 0)) == 10
    assert asked == [(("someone/gsm8k-traces", None), {"split": "train", "revision": None})]
    assert task.files("seed") == [tmp_path / "train.jsonl"]


def test_questions_of_the_same_text_are_distinguished_by_id_alone(tmp_path: Path) -> None:
    """Two of ARC's questions differ in their options alone; so a trace of the one is none of the other."""
    row = {"question": "Which?", "choices": {"label": ["A", "B"], "text": ["ash", "bay"]}, "answerKey": "A"}
    lines(tmp_path / "train.jsonl", [row | {"id": name} for name in ("q1", "q2")])
    made = {"kind": "arc", "path": tmp_path, "seed_size": 1}
    for key, found in (("question", []), ("id", ["q2"])):
        traces = traces_file(tmp_path, [{key: {"question": "Which?", "id": "q2"}[key], "trace": "t"}])
        task = TypeAdapter(Task).validate_python(made | {"traces": traces})
        assert [record.id for record in (task.records("seed", 0) if found else [])] == found
        if not found:
            with pytest.raises(InputError, match="0 training questions with a trace"):
                task.records("seed", 0)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            [{"id": "train-00001", "trace": "t"}] * 9,
            r"line 2: question 'train-00001' already has a trace \(.*line 1\)",
        ),
        ([{"id": "train-00001", "question": "train 2?", "trace": "t"}], "line 1: its question does not match the id"),
        ([{"id": "train-00001", "completion": "t"}], r"line 1: no trace \(its columns: id, completion\)"),
        ([{"id": "train-00001", "trace": ["t"]}], r"line 1: trace is \['t'\], not text"),
        ([{"trace": "t"}], "line 1: no id or question"),
        (
            [{"id": f"train-{i:05d}", "trace": "t"} for i in range(9)],
            "9 training questions with a trace in .*10",
        ),
    ],
)
def test_traces_that_do_not_fit_are_named(rows: list[dict[str, Any]], told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=told):
        gsm8k(tmp_path, traces=traces_file(tmp_path, rows)).records("seed", 0)


def test_too_few_questions_for_the_seed_set_are_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gsm8k: 40 training questions, seed_size is 41; lower it"):
        gsm8k(tmp_path, seed_size=41).records("unlabelled", 0)


def test_a_split_depends_on_its_files_and_those_of_its_traces(tmp_path: Path) -> None:
    task = gsm8k(tmp_path, traces="my/traces.jsonl")
    assert task.files("test") == [tmp_path / "test.jsonl"]
    for split in ("seed", "unlabelled"):
        assert task.files(split) == [tmp_path / "train.jsonl", Path("my/traces.jsonl")]
    (tmp_path / "train.jsonl").unlink()
    assert task.files("seed") == [tmp_path / "train.jsonl", Path("my/traces.jsonl")]
    for gone, path in (("train", tmp_path), ("gone", tmp_path / "gone")):
        with pytest.raises(InputError, match=rf"{gone}(\.jsonl)?: no such question file"):
            task.model_copy(update={"path": path}).records("seed", 0)


def test_a_file_serves_the_part_that_its_name_says(tmp_path: Path) -> None:
    gsm8k(tmp_path)
    alone = gsm8k(tmp_path, path=tmp_path / "test.jsonl")
    assert len(alone.records("test", 0)) == 5
    with pytest.raises(InputError, match=r"test\.jsonl: not the train file .*folder"):
        alone.records("unlabelled", 0)


def strategyqa(folder: Path) -> Any:
    """Make StrategyQA, of a local copy."""
    return TypeAdapter(Task).validate_python({"kind": "strategyqa", "path": folder})


def test_strategyqa_is_parted_the_same_way_whatever_the_order_of_its_files(tmp_path: Path) -> None:
    rows = [{"qid": f"q{i}", "question": f"Is it {i // 2}?", "answer": i % 3 == 0} for i in range(2290)]
    parts = {}
    for name, order in (("a", rows), ("b", rows[::-1])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.json").write_text(json.dumps(order[:2061]))
        (tmp_path / name / "dev.json").write_text(json.dumps(order[2061:]))
        task = strategyqa(tmp_path / name)
        assert (
            [path.name for path in task.files("test")]
            == ["train.json", "dev.json"]
            == [path.name for path in task.files("seed")]
        )
        parts[name] = [task.part("test"), task.part("train")]
    assert parts["a"] == parts["b"]
    test, train = ({record.question for record in part} for part in parts["a"])
    assert [len(part) for part in parts["a"]] == [687, 1603]
    assert len(test & train) <= 1  # every question is there twice, and 687 is odd


def test_strategyqa_that_is_parted_already_is_left_so(tmp_path: Path) -> None:
    for part, size in (("train", 3), ("test", 2)):
        rows = [{"qid": f"{part}{i}", "question": f"Is it {i}?", "answer": False} for i in range(size)]
        (tmp_path / f"{part}.json").write_text(json.dumps(rows))
    task = strategyqa(tmp_path)
    assert ids(task.part("test")) == ["test0", "test1"]
    assert task.files("test") == [tmp_path / "test.json"]
    with pytest.raises(InputError, match=r"test\.json: no such question file"):
        strategyqa(tmp_path / "..").part("test")


@shared
@pytest.mark.parametrize(
    ("kind", "folder", "sizes"),
    [
        ("gsm8k", "gsm8k", [1000, 6473, 1319]), ("arc", "arc_challenge", [500, 619, 1172]),
        ("commonsenseqa", "commonsenseqa", [1000, 8741, 1221]), ("strategyqa", "strategyqa", [500, 1103, 687]),
        ("medqa", "medqa", [60, 40, 1273]),
    ],
)  # fmt: skip
def test_published_splits_are_disjoint(kind: str, folder: str, sizes: list[int], tmp_path: Path) -> None:
    made: dict[str, Any] = {"kind": kind, "path": SHARED / folder}
    made |= {"seed_size": 60} if kind == "medqa" else {}
    whole: Any = TypeAdapter(Task).validate_python(made)
    made["traces"] = traces_file(tmp_path, [{"id": record.id, "trace": "t"} for record in whole.part("train")])
    task = TypeAdapter(Task).validate_python(made)
    splits = [ids(list(task.records(split, 5))) for split in ("seed", "unlabelled", "test")]
    assert [len(split) for split in splits] == sizes
    assert len(set().union(*splits)) == sum(sizes)


@shared
def test_no_published_question_of_strategyqa_is_in_both_parts() -> None:
    task = strategyqa(SHARED / "strategyqa")
    test, train = ({record.question for record in task.part(part)} for part in ("test", "train"))
    assert not test & train


def test_every_training_benchmark_is_tried() -> None:
    kinds = {get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(Task)[0])
             if "seed_size" in kind.model_fields}  # fmt: skip
    assert kinds == {"gsm8k", "medqa", "arc", "commonsenseqa", "strategyqa"}
