"""The published benchmarks: every layout loads, golds parse, splits hold, answers grade."""

import csv
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from datasets import Dataset
from pydantic import TypeAdapter

from hsir import traces
from hsir.errors import InputError
from hsir.grading import Item
from hsir.tasks import Task
from hsir.tasks.benchmark import Benchmark, TrainingBenchmark
from hsir.tasks.gsm8k import calculations
from hsir.tasks.record import Record

SHARED = Path(os.environ.get("HSIR_SHARED", Path(__file__).parents[3] / "shared")) / "data"
shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared test data is not at {SHARED}; set HSIR_SHARED")
KINDS = {get_args(kind.model_fields["kind"].annotation)[0]: kind for kind in get_args(get_args(Task)[0])}
BENCHMARKS = {name: kind for name, kind in KINDS.items() if issubclass(kind, Benchmark)}
TRAINING = [name for name, kind in BENCHMARKS.items() if issubclass(kind, TrainingBenchmark)]


def task(kind: str, **options: Any) -> Any:
    """Make a task as the config does."""
    return TypeAdapter(Task).validate_python({"kind": kind, **options})


def of_test(kind: str, path: Path | None, **options: Any) -> list[Record]:
    """Return the test questions of a local copy."""
    return list(task(kind, path=path, **options).records("test", 0))


ABCD = {"A": "ash", "B": "bay", "C": "elm", "D": "fig"}
LISTS = {"label": ["1", "2", "3"], "text": ["ash", "bay", "elm"]}
PAIRS = [{"label": label, "text": text} for label, text in ABCD.items()]
GPQA = {
    "Record ID": "rec1", "Question": "Which? ", "Correct Answer": "ash\n",
    "Incorrect Answer 1": "bay", "Incorrect Answer 2": "elm", "Incorrect Answer 3": "fig",
}  # fmt: skip
HUB: dict[str, tuple[dict[str, Any], tuple[str, str | None, str], dict[str, Any]]] = {
    "gsm8k": (
        {"question": " How many? ", "answer": "2 * 540 = 1,080\n#### 1,080"},
        ("openai/gsm8k", "main", "test"),
        {"id": "test-00000", "question": "How many?", "answer": "1080", "options": None, "difficulty": 1},
    ),
    "medqa": (
        {"question": "Which?", "answer": "bay", "options": ABCD, "meta_info": "step1", "answer_idx": "B"},
        ("GBaker/MedQA-USMLE-4-options", None, "test"),
        {"id": "test-00000", "answer": "B", "options": ABCD},
    ),
    "arc": (
        {"id": "q1", "question": "Which?", "choices": LISTS, "answerKey": "3"},
        ("allenai/ai2_arc", "ARC-Challenge", "test"),
        {"id": "q1", "answer": "C", "options": {"A": "ash", "B": "bay", "C": "elm"}},
    ),
    "commonsenseqa": (
        {"id": "q1", "question": "Which?", "question_concept": "tree", "choices": LISTS, "answerKey": "1"},
        ("tau/commonsense_qa", None, "validation"),
        {"id": "q1", "question": "Which?", "answer": "A"},
    ),
    "strategyqa": (
        {"qid": "q1", "term": "trees", "question": "Can it?", "answer": True, "facts": "It can."},
        ("ChilleD/StrategyQA", None, "test"),
        {"id": "q1", "question": "Can it?", "answer": "yes"},
    ),
    "medbullets": (
        {"question": "Which?", "options": {**ABCD, "E": None}, "answer": "fig", "answer_idx": "D"},
        ("tuenguyen/Medical-Eval-MedBullets_op4", None, "train"),
        {"id": "test-00000", "answer": "D", "options": ABCD},
    ),
    "medxpertqa": (
        {"id": "Text-7", "question": "Which?\nAnswer Choices: (A) ash (B) bay", "options": ABCD, "label": "C"},
        ("TsinghuaC3I/MedXpertQA", "Text", "test"),
        {"id": "Text-7", "question": "Which?", "answer": "C", "options": ABCD},
    ),
    "math500": (
        {"problem": "What is $x$?", "answer": "\\frac{1}{2}", "level": 4, "unique_id": "test/algebra/1.json"},
        ("HuggingFaceH4/MATH-500", None, "test"),
        {"id": "test/algebra/1.json", "question": "What is $x$?", "answer": "\\frac{1}{2}", "difficulty": 4},
    ),
    "amc23": (
        {"id": 3, "question": "How many?", "answer": "27", "url": "https://example.org"},
        ("zwhe99/amc23", None, "test"),
        {"id": "3", "answer": "27"},
    ),
    "gpqa": (GPQA, ("Idavidrein/gpqa", "gpqa_main", "train"), {"id": "rec1", "question": "Which?"}),
}  # fmt: skip


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, Any]], list[tuple[Any, ...]]]:
    """Stand in for the hub, which tests cannot reach: rows by split; gives what was asked for."""

    def serve(splits: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        asked: list[tuple[Any, ...]] = []

        def load_dataset(name: str, config: str | None, *, split: str, revision: str | None) -> Any:
            asked.append((name, config, split, revision))
            if isinstance(splits[split], Exception):
                raise splits[split]
            return Dataset.from_list(splits[split])

        monkeypatch.setattr("datasets.load_dataset", load_dataset)
        return asked

    return serve


def test_there_is_an_example_of_every_benchmark() -> None:
    assert HUB.keys() == BENCHMARKS.keys()


@pytest.mark.parametrize("kind", HUB)
def test_the_hub_s_rows_become_questions(kind: str, hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    row, source, wanted = HUB[kind]
    asked = hub({source[2]: [row]})
    (record,) = of_test(kind, None, revision="abc")
    assert asked == [(*source, "abc")]
    assert wanted.items() <= record.model_dump().items()
    assert (record.options or {}).get(record.answer) in {None, *ABCD.values()}
    assert f"{kind} test: 1 questions, " in capsys.readouterr().err


def test_every_task_has_the_grader_of_its_answers() -> None:
    assert {kind: task(kind).grading.kind for kind in KINDS} == {
        "chains": "number", "bags": "number", "jsonl": "auto", "gsm8k": "number", "amc23": "number", "math500": "math",
        "strategyqa": "yesno", "medqa": "choice", "arc": "choice", "commonsenseqa": "choice", "medbullets": "choice",
        "medxpertqa": "choice", "gpqa": "choice",
    }  # fmt: skip
    assert task("chains").grading.fallbacks == ()


@pytest.mark.parametrize("error", [ConnectionError("no route"), ValueError("BuilderConfig 'main' not found")])
def test_a_hub_that_fails_is_named_with_a_fix(error: Exception, hub: Any) -> None:
    hub({"test": error})
    with pytest.raises(InputError, match=f"openai/gsm8k, main: .*'test'.*{error}.*`path:`.*log in"):
        of_test("gsm8k", None)


def test_gpqa_shuffles_options_the_same_way_every_time(tmp_path: Path) -> None:
    rows = [GPQA | {"Record ID": f"rec{i}", "High-level domain": "Physics"} for i in range(40)]
    for name in ("gpqa_main.csv", "gpqa_diamond.csv"):
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows if name == "gpqa_main.csv" else rows[::-2])
    first, again = of_test("gpqa", tmp_path), of_test("gpqa", tmp_path / "gpqa_main.csv")
    assert first == again
    assert {record.answer for record in first} == set("ABCD")
    assert all((record.options or {})[record.answer] == "ash" for record in first)
    assert all(sorted((record.options or {}).values()) == sorted(ABCD.values()) for record in first)
    diamond = of_test("gpqa", tmp_path, config="gpqa_diamond")
    assert {record.id: record for record in diamond}.items() <= {record.id: record for record in first}.items()
    assert len(diamond) == 20


@pytest.mark.parametrize("kind", HUB)
def test_prompts_ask_for_the_trace_format(kind: str, hub: Any) -> None:
    row, source, _ = HUB[kind]
    hub({source[2]: [row]})
    made = task(kind)
    (record,) = made.records("test", 0)
    prompt = made.prompt(record)
    assert prompt.startswith(record.question)
    assert all(tag in prompt for tag in traces.TAGS)
    assert all(f"\n{letter}. {text}\n" in prompt for letter, text in (record.options or {}).items())
    assert task(kind, instruction="Think.").prompt(record).endswith("\n\nThink.")
    if kind == "medqa":
        assert "##Answer" in (made.DISTILL_SYSTEM or "") and "##" not in made.distill_prompt(record)
        assert made.distill_prompt(record).startswith("For the following medical question")
    else:
        assert made.DISTILL_SYSTEM is None and made.distill_prompt(record) == prompt


@pytest.mark.parametrize("kind", BENCHMARKS)
def test_options_that_a_split_does_not_depend_on_leave_it_alone(kind: str) -> None:
    plain = task(kind)
    other = task(kind, instruction="x", path="y", grading={"kind": plain.grading.kind, "fallbacks": ["open_tag"]})
    assert other.for_split(None) == plain.model_copy(update={"grading": other.grading})
    assert other.for_split("test") == task(kind, instruction="x", path="y")
    if kind in TRAINING:
        more = task(kind, seed_size=7, traces="traces.jsonl")
        assert more.for_split("test") == more.for_split(None) == plain
        assert more.for_split("seed") == more.for_split("unlabelled") == more
    assert TypeAdapter(Task).validate_json(other.model_dump_json()) == other


@pytest.mark.parametrize("kind", sorted(BENCHMARKS.keys() - set(TRAINING)))
def test_evaluation_benchmarks_have_no_training_questions(kind: str) -> None:
    with pytest.raises(InputError, match=f"{kind} has no seed set.*`benchmarks:`"):
        task(kind).records("seed", 0)
    assert task(kind, path="x").files("seed") == []
    assert task(kind).files("test") == []


FILES = {
    "gsm8k": ("gsm8k", {"train": 7473, "test": 1319}),
    "medqa": ("medqa", {"train": 100, "test": 1273}),
    "arc": ("arc_challenge", {"train": 1119, "test": 1172}),
    "commonsenseqa": ("commonsenseqa", {"train": 9741, "test": 1221}),
    "strategyqa": ("strategyqa", {"train": 1603, "test": 687}),
    "medbullets": ("medbullets", {"test": 308}),
    "medxpertqa": ("medxpertqa", {"test": 2450}),
    "math500": ("math500", {"test": 500}),
    "amc23": ("amc23", {"test": 40}),
}


@shared
@pytest.mark.parametrize("kind", FILES)
def test_the_published_files_load_complete(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder, sizes = FILES[kind]
    made = task(kind, path=SHARED / folder)
    loaded = {part: made.part(part) for part in sizes}
    assert {part: len(records) for part, records in loaded.items()} == sizes
    ids = [record.id for records in loaded.values() for record in records]
    assert len(set(ids)) == len(ids)
    for record in (record for records in loaded.values() for record in records):
        assert made.grading.check_gold(record.answer, record.options) == record.answer
        assert list(record.options or {}) == [chr(65 + i) for i in range(len(record.options or {}))]
        assert "Answer Choices" not in record.question
    told = capsys.readouterr().err
    assert told == ("hsir: medqa train: 100 questions, 10,178 expected\n" if kind == "medqa" else "")


@shared
def test_other_layouts_of_a_benchmark_give_the_same_questions() -> None:
    columns, rows = (of_test("medbullets", path) for path in sorted((SHARED / "medbullets").iterdir()))
    assert columns == rows
    whole = {record.id: record for record in of_test("medxpertqa", SHARED / "medxpertqa")}
    sample = of_test("medxpertqa", SHARED / "medxpertqa" / "medxpertqa_sampled_text_input.jsonl")
    assert len(sample) == 244
    assert all(whole[record.id] == record for record in sample)


@pytest.mark.parametrize(
    ("solution", "steps"),
    [("48/2 = <<48/2=24>>24.\n48+24 = <<48+24=72>>72.\n", 2), ("So many.\n\nSo many more.\n", 2), ("", None)],
)
def test_a_word_problem_is_as_hard_as_its_solution_is_long(solution: str, steps: int | None) -> None:
    assert calculations(solution) == steps


@shared
def test_quirks_of_the_published_files(tmp_path: Path) -> None:
    arc = of_test("arc", SHARED / "arc_challenge")
    assert [sum(len(record.options or {}) == n for record in arc) for n in (3, 4, 5)] == [4, 1165, 3]
    (tmp_path / "ARC-Challenge-Test.jsonl").symlink_to(SHARED / "arc_challenge" / "genmc_official_dev.jsonl")
    assert len(of_test("arc", tmp_path)) == 299
    math = of_test("math500", SHARED / "math500")
    assert [sum(record.difficulty == level for record in math) for level in range(1, 6)] == [43, 90, 105, 128, 134]
    assert {record.answer for record in of_test("amc23", SHARED / "amc23")} >= {"27", "-1", "3159"}
    steps = [record.difficulty for record in of_test("gsm8k", SHARED / "gsm8k")]
    assert [steps.count(n) for n in range(1, 9)] == [65, 362, 367, 295, 139, 60, 22, 9] and len(steps) == 1319
    assert "2125" in {record.answer for record in of_test("gsm8k", SHARED / "gsm8k")}


def wrong(record: Record) -> str:
    """Return an answer that is not the gold one: another letter, yes for no, another number, another formula."""
    if record.options:
        return next(letter for letter in reversed(record.options) if letter != record.answer)
    if record.answer in ("yes", "no"):
        return "no" if record.answer == "yes" else "yes"
    return str(int(record.answer) + 1) if record.answer.lstrip("-").isdigit() else "\\frac{\\pi^{17}}{19}"


@shared
@pytest.mark.parametrize("kind", FILES)
def test_answers_in_the_format_asked_for_are_graded(kind: str) -> None:
    grading = task(kind).grading
    records = of_test(kind, SHARED / FILES[kind][0])
    for wanted, answers in (
        ("right", [record.answer for record in records]),
        ("wrong", [wrong(record) for record in records]),
    ):
        items = [
            Item(traces.compose(["I think.", "So it is."], answer), record.answer, record.options)
            for record, answer in zip(records, answers, strict=True)
        ]
        verdicts = [judgement.verdict for judgement in grading.judge_all(items)]
        failed = [item for item, verdict in zip(items, verdicts, strict=True) if verdict != wanted]
        assert not failed, (len(failed), failed[0])
