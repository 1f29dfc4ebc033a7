"""The embedded benchmark's generator of word problems, and the user's own question files."""

import json
import random
import re
from fractions import Fraction
from pathlib import Path

import pytest

from hsir import traces
from hsir.errors import InputError
from hsir.tasks import wordproblems
from hsir.tasks.base import Split
from hsir.tasks.chains import Chains
from hsir.tasks.jsonl import Jsonl, read_records

EQUATION = re.compile(r"(\d+)([-+*/])(\d+)=(\d+)")


def worked(left: str, sign: str, right: str) -> Fraction:
    """Compute one operation, exactly."""
    a, b = Fraction(left), Fraction(right)
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[sign]


def told(question: str) -> int:
    """Solve a question from its words alone."""
    opening, *events = [sentence for sentence in question.split(". ") if not sentence.startswith("How many")]
    amount = Fraction(re.search(r"\d+", opening).group())  # type: ignore[union-attr]
    for event in events:
        _, verb, what = event.rstrip(".").split()
        by = Fraction(2 if what == "them" else int(what))
        amount = {
            "finds": amount + by, "buys": amount + by, "loses": amount - by, "gives": amount - by,
            "doubles": amount * by, "halves": amount / by,
        }[verb]  # fmt: skip
    assert amount.denominator == 1
    return int(amount)


@pytest.mark.parametrize("length", [1, 2, 5, 20])
def test_word_problems_have_right_steps_within_bounds(length: int) -> None:
    rng = random.Random(length)
    for _ in range(100):
        problem = wordproblems.problem(rng, length)
        assert len(problem.steps) == length
        assert int(problem.answer) == told(problem.question)
        for step in problem.steps:
            left, sign, right, result = EQUATION.fullmatch(step.equation).groups()  # type: ignore[union-attr]
            assert worked(left, sign, right) == Fraction(result)
            assert 1 <= int(result) <= wordproblems.LARGEST


def test_rechecks_come_after_the_solution_and_are_counted() -> None:
    problem = wordproblems.problem(random.Random(0), 3)
    for n in range(4):
        steps = [step for step, _ in traces.steps(wordproblems.trace(random.Random(1), problem, n))]
        assert steps[0] == problem.opening
        assert [step.split(", so ")[1] for step in steps[1:4]] == [f"{s.equation}." for s in problem.steps]
        assert steps.count(f"So the answer is {problem.answer}.") == n + 1
        assert sum(step in wordproblems.DOUBTS for step in steps) == n


@pytest.mark.parametrize(("weights", "drawn"), [((0.0, 1.0), {1}), ((1.0,), {0}), ((1.0, 1.0, 0.0), {0, 1})])
def test_recheck_counts_follow_their_weights(weights: tuple[float, ...], drawn: set[int]) -> None:
    rng = random.Random(0)
    assert {wordproblems.rechecks(rng, weights) for _ in range(50)} == drawn


SMALL = Chains(kind="chains", seed=70, unlabelled=140, test=63)
SPLITS: tuple[Split, ...] = ("seed", "unlabelled", "test")


@pytest.mark.parametrize(("split", "size"), [("seed", 70), ("unlabelled", 140), ("test", 63)])
def test_chains_have_their_size_and_as_many_of_each_length(split: Split, size: int) -> None:
    records = list(SMALL.records(split, 0))
    levels = [record.difficulty for record in records]
    assert len({record.id for record in records}) == len(records) == size
    assert {level: levels.count(level) for level in set(levels)} == dict.fromkeys(range(2, 9), size // 7)


@pytest.mark.parametrize("seed", [0, 1])
def test_no_question_of_chains_is_in_two_splits_or_twice(seed: int) -> None:
    """Of one step there are so few problems that a thousand drawn freely would meet."""
    short = Chains(kind="chains", seed=1000, unlabelled=1000, test=1000, shortest=1, longest=1)
    for task in (SMALL, short):
        questions = [record.question for split in SPLITS for record in task.records(split, seed)]
        assert len(set(questions)) == len(questions)


def test_run_seeds_change_the_training_questions_and_never_the_test_set() -> None:
    for split in SPLITS:
        first, again, other = (list(SMALL.records(split, seed)) for seed in (0, 0, 1))
        assert first == again
        assert (first == other) is (split == "test")


def test_another_stream_gives_other_questions() -> None:
    other = SMALL.model_copy(update={"stream": "other"})
    assert list(other.records("test", 0)) != list(SMALL.records("test", 0))


@pytest.mark.parametrize("split", SPLITS)
def test_traces_of_chains_are_right(split: Split) -> None:
    for record in SMALL.records(split, 3):
        assert record.trace is not None
        assert traces.answers(record.trace) == [record.answer]
        assert int(record.answer) == told(record.question)
        equations = EQUATION.findall(record.trace)
        assert len(equations) >= (record.difficulty or 0)
        assert all(worked(left, sign, right) == Fraction(result) for left, sign, right, result in equations)


def test_an_impossible_range_of_lengths_is_rejected() -> None:
    with pytest.raises(ValueError, match="shortest"):
        Chains(kind="chains", shortest=9, longest=8)


def written(folder: Path, *lines: object) -> Path:
    """Write a question file; strings go in as they are."""
    path = folder / "mine.jsonl"
    path.write_text("".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines), encoding="utf-8")
    return path


GOOD = {"id": "q1", "question": "What?", "answer": "42"}


def test_a_question_file_is_read_with_its_optional_keys(tmp_path: Path) -> None:
    full = GOOD | {"answer": "A", "options": {"A": "x"}, "difficulty": 3, "trace": "t", "source": "ignored"}
    first, second = read_records(written(tmp_path, full, "", {"question": "Why?", "answer": "y"}))
    assert (first.id, first.options, first.difficulty, first.trace) == ("q1", {"A": "x"}, 3, "t")
    assert (second.id, second.options, second.difficulty, second.trace) == ("mine-00003", None, None, None)


@pytest.mark.parametrize(("value", "text"), [(42, "42"), (-1.5, "-1.5"), ("42", "42")])
def test_numeric_answers_are_taken(value: object, text: str, tmp_path: Path) -> None:
    assert [r.answer for r in read_records(written(tmp_path, GOOD | {"answer": value}))] == [text]


def test_line_separators_within_a_text_do_not_end_the_line(tmp_path: Path) -> None:
    asked = "one\u2028two\u2029three\u0085four"
    (record,) = read_records(written(tmp_path, json.dumps(GOOD | {"question": asked}, ensure_ascii=False)))
    assert record.question == asked


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{oops", "line 2: not JSON"),
        ("[1, 2]", "line 2: a list, not an object"),
        ('"text"', "line 2: a str, not an object"),
        ({"question": "What?"}, "line 2: answer: Field required"),
        ({"answer": "42"}, "line 2: question: Field required"),
        (GOOD | {"answer": ""}, "line 2: answer: "),
        (GOOD | {"answer": "  "}, "line 2: answer: "),
        (GOOD | {"answer": None}, "line 2: answer: "),
        (GOOD | {"answer": True}, "line 2: answer: "),
        (GOOD | {"question": ""}, "line 2: question: "),
        (GOOD | {"difficulty": "hard"}, "line 2: difficulty: "),
        ({"question": 1, "answer": []}, "question: .*; answer: "),
    ],
)
def test_a_bad_line_is_named_with_its_file_and_number(line: object, told: str, tmp_path: Path) -> None:
    path = written(tmp_path, GOOD, line)
    with pytest.raises(InputError, match=told) as error:
        list(read_records(path))
    assert str(path) in str(error.value)


def test_a_missing_question_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.jsonl: no such question file"):
        list(read_records(tmp_path / "gone.jsonl"))


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "latin.jsonl"
    path.write_bytes(json.dumps(GOOD | {"question": "caf\xe9"}, ensure_ascii=False).encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.jsonl"):
        list(read_records(path))


def test_a_split_without_a_file_names_the_key() -> None:
    with pytest.raises(InputError, match="no file for its unlabelled set; set `unlabelled:`"):
        list(Jsonl(kind="jsonl").records("unlabelled", 0))


def test_the_prompt_shows_question_options_and_format(tmp_path: Path) -> None:
    (record,) = read_records(written(tmp_path, GOOD | {"answer": "B", "options": {"A": "x", "B": "y"}}))
    assert Jsonl(kind="jsonl", instruction="Think.").prompt(record) == "What?\nA. x\nB. y\n\nThink."
