"""Statistics of an evaluation, against published intervals and a table summed by hand."""

import pytest

from hsir.evaluation.readings import readings
from hsir.evaluation.statistics import summary, wilson
from hsir.grading import Number
from hsir.grading.verdicts import verdicts
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
