"""Statistics of an evaluation, against published intervals and a table summed by hand."""

import numpy as np
import pytest

from hsir.errors import InputError
from hsir.evaluation.readings import readings
from hsir.evaluation.statistics import averaged, clustered, pooled, sampled, summary, wilson
from hsir.grading import Number
from hsir.grading.verdicts import verdicts
from hsir.reducers import DEFAULT, AtLeast
from hsir.storage import tables


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
        (0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0),
    ],
)  # fmt: skip
def test_wilson_intervals_are_the_published_ones(successes: int, trials: int, low: float, high: float) -> None:
    """Source of the first four: Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
    got = wilson(successes, trials)
    assert got.value == successes / trials
    assert (got.low, got.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_no_trials_have_no_interval() -> None:
    with pytest.raises(ValueError, match="n must be"):
        wilson(0, 0)


def answer(verdict: str, tokens: int, level: int | None, finish: str = "stop") -> tables.Row:
    """Make a graded answer."""
    return {"verdict": verdict, "why": "tags", "n_tokens": tokens, "difficulty": level, "finish": finish}


ANSWERS = [
    answer("right", 10, 2), answer("wrong", 30, 2, "length"), answer("right", 20, 10), answer("undecided", 60, None),
]  # fmt: skip


def test_a_summary_counts_all_answers_right_or_wrong() -> None:
    got = summary(ANSWERS)
    assert got["questions"] == 4
    assert got["accuracy"]["value"] == 0.5
    assert got["verdicts"] == {"right": 2, "undecided": 1, "wrong": 1}
    assert got["why"] == {"tags": 4}
    assert got["tokens"]["mean"] == 30
    assert got["tokens"]["quantiles"]["0.1"] == 10
    assert got["tokens"]["quantiles"]["0.9"] == 60
    assert got["truncated"] == 0.25


def test_levels_are_summarised_alone_in_their_order() -> None:
    levels = summary(ANSWERS)["by_difficulty"]
    assert list(levels) == ["2", "10"]
    assert (levels["2"]["questions"], levels["2"]["accuracy"]["value"], levels["2"]["truncated"]) == (2, 0.5, 0.5)
    assert (levels["10"]["questions"], levels["10"]["accuracy"]["value"]) == (1, 1.0)


def test_quantiles_of_eleven_answers_are_their_ranks() -> None:
    got = summary([answer("right", n, None) for n in range(100, 111)])["tokens"]["quantiles"]
    assert list(got.values()) == [101, 102, 105, 108, 109]


def drawn(question: str, verdicts: str, tokens: int = 10) -> list[tables.Row]:
    """Make answers to a question: one per letter, r for right."""
    return [
        answer("right" if letter == "r" else "wrong", tokens + n, 1)
        | {"question_id": question, "extracted": "4" if letter == "r" else letter}
        for n, letter in enumerate(verdicts)
    ]


def test_several_samples_are_averaged_by_question() -> None:
    got = sampled([*drawn("a", "rrab"), *drawn("b", "rccc"), *drawn("c", "dddd")], [*DEFAULT, AtLeast(n=2)])
    assert (got["questions"], got["samples"], got["verdicts"]) == (3, 4, {"right": 3, "wrong": 9})
    assert got["accuracy"]["value"] == pytest.approx(3 / 12) == got["reduced"]["avg@4"]["value"]
    values = {name: told["value"] for name, told in got["reduced"].items()}
    assert values == {
        "avg@4": pytest.approx(0.25), "pass@4": pytest.approx(2 / 3), "maj@4": pytest.approx(1 / 3),
        "shortest correct, tokens@4": pytest.approx(10.0), "at least 2 correct@4": pytest.approx(1 / 3),
    }  # fmt: skip
    assert got["reduced"]["shortest correct, tokens@4"]["questions"] == 2
    assert got["by_difficulty"]["1"]["questions"] == 3
    assert all(told["low"] <= told["value"] <= told["high"] for told in got["reduced"].values())


def test_questions_without_a_correct_answer_have_no_shortest_one() -> None:
    told = sampled(drawn("a", "dd"), DEFAULT)["reduced"]["shortest correct, tokens@2"]
    assert (told["questions"], told["value"]) == (0, None)


def test_questions_with_different_numbers_of_answers_are_refused() -> None:
    with pytest.raises(InputError, match="a has 2 answers, b has 3"):
        sampled([*drawn("a", "rr"), *drawn("b", "rrr")], DEFAULT)


@pytest.mark.parametrize(("right", "questions"), [(0, 10), (5, 10), (10, 10), (81, 263)])
def test_one_answer_per_question_has_wilsons_interval(right: int, questions: int) -> None:
    got = clustered([1.0] * right + [0.0] * (questions - right), questions)
    assert got == pytest.approx(wilson(right, questions))


def test_samples_that_are_all_alike_count_once() -> None:
    alike, varied = clustered([1.0] * 30 + [0.0] * 20, 800), clustered([0.6] * 50, 800)
    assert alike == pytest.approx(wilson(30, 50)), "sixteen copies of an answer say no more than one"
    assert varied == pytest.approx(wilson(480, 800)), "questions that do not differ are as good as one coin"


def test_clustered_intervals_cover_the_truth_as_often_as_they_say() -> None:
    draws, truth, k = np.random.default_rng(5), 0.6, 16
    questions = draws.beta(0.6, 0.4, size=(400, 60))
    right = draws.binomial(k, questions)
    ends = [clustered((row / k).tolist(), 60 * k) for row in right]
    assert 0.92 <= np.mean([one.low <= truth <= one.high for one in ends]) <= 0.98
    naive = [wilson(int(row.sum()), 60 * k) for row in right]
    assert np.mean([one.low <= truth <= one.high for one in naive]) < 0.6, "samples of a question are not independent"


def test_means_of_tokens_have_t_intervals() -> None:
    assert averaged([10.0, 20.0, 30.0]) == pytest.approx((20.0, -4.8414, 44.8414), abs=1e-3)
    assert averaged([7.0]) == (7.0, 7.0, 7.0)


COMPLETIONS = {
    "in tags": "<think>\nx\n</think>\n<answer>\n7\n</answer>", "wrong in tags": "<answer>8</answer> The answer is 7.",
    "stated": "<think>\nx\n</think>\nThe answer is 7.", "stated wrong": "The answer is 8.",
    "cut off": "The answer is 7.", "none": "I do not know.",
}  # fmt: skip


@pytest.mark.parametrize("outside", [False, True])
def test_both_readings_follow_from_the_verdicts_of_either(outside: bool) -> None:
    grader = Number(fallbacks=("stated",))
    asked = {name: {"gold": "7", "options": None} for name in COMPLETIONS}
    samples = [
        {"sample_id": name, "question_id": name, "completion": text, "finish": end}
        for name, text in COMPLETIONS.items()
        for end in ["length" if name == "cut off" else "stop"]
    ]
    rows = verdicts(samples, asked, grader if outside else grader.in_tags())
    answers = [sample | row for sample, row in zip(samples, rows, strict=True)]
    got = readings(answers, asked, grader)
    assert {name: found["value"] for name, found in got.items()} == {"in_format": 1 / 6, "anywhere": 2 / 6}
    assert got["in_format"] == wilson(1, 6)._asdict()


def test_readings_of_several_samples_are_clustered_by_question() -> None:
    asked = {name: {"gold": "7", "options": None} for name in "ab"}
    samples = [
        {"sample_id": f"{name}{n}", "question_id": name, "completion": f"<answer>{given}</answer>", "finish": "stop"}
        for name, given in (("a", 7), ("b", 8))
        for n in range(8)
    ]
    rows = verdicts(samples, asked, Number())
    got = readings([sample | row for sample, row in zip(samples, rows, strict=True)], asked, Number())
    assert got["in_format"] == pytest.approx(wilson(1, 2)._asdict()), "eight copies of an answer are one"


def test_a_share_of_questions_of_different_sizes() -> None:
    assert pooled([1, 0, 2], [4, 4, 4]) == pytest.approx(clustered([1 / 4, 0, 2 / 4], 12))
    found = pooled([10, 0, 0, 0], [10, 1, 1, 1])
    assert found.value == 10 / 13 and found.low < 0.35, "one question decides"
    assert pooled([0, 0], [50, 50]) == pytest.approx(wilson(0, 2)), "two questions"
    few, many = pooled([1] * 10, [3] * 10), pooled([1] * 90, [3] * 90)
    assert few.low < many.low < 1 / 3 < many.high < few.high
    with pytest.raises(ValueError, match="no answers"):
        pooled([], [])
