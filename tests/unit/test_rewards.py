"""Rewards: each against values computed by hand, and how InDiv's normalization affects the order."""

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsir.errors import InputError
from hsir.rewards import Accuracy, Cosine, Format, Indiv, Long2Short, Rollout

JUDGED = Path(os.environ.get("HSIR_SHARED", Path(__file__).parents[3] / "shared")) / "judge"


def rollout(n_tokens: int = 10, right: bool = True, **others: object) -> Rollout:
    return Rollout("q-0", str(others.pop("text", "")), n_tokens, right, **others)  # type: ignore[arg-type]


def scored(*scores: float) -> list[Rollout]:
    return [rollout(indiv=score) for score in scores]


def test_accuracy_is_one_for_right_answers() -> None:
    assert Accuracy()([rollout(right=True), rollout(right=False)]) == [1.0, 0.0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<think>\na\n</think>\n<answer>\n4\n</answer>", 1.0),
        ("<think>a</think><answer>4</answer>", 1.0),
        ("a</think><answer>4</answer>", 0.0),
        ("<think>a</think><answer>4", 0.0),
        ("<think>a</think>4", 0.0),
        ("<answer>4</answer><think>a</think>", 0.0),
        ("<think><think>a</think><answer>4</answer>", 0.0),
        ("<think>a</think><answer>4</answer><answer>5</answer>", 0.0),
        ("", 0.0),
    ],
)
def test_format_wants_each_tag_once_and_in_order(text: str, wanted: float) -> None:
    assert Format(tags="in_order")([rollout(text=text)]) == [wanted]


@pytest.mark.skipif(not JUDGED.is_dir(), reason=f"the shared test data is not at {JUDGED}; set HSIR_SHARED")
def test_format_agrees_with_other_projects() -> None:
    rows = [json.loads(line) for line in (JUDGED / "format_tests.jsonl").read_text().splitlines()]
    asked = [row for row in rows if row["kind"] == "think_answer_format"]
    assert asked
    for row in asked:
        assert Format(tags="in_order")([rollout(text=row["prediction"])]) == [row["score"]], row["test"]


def test_format_wants_the_four_tags_as_the_paper_says() -> None:
    twice, none = "<think><think>a</think><answer>4</answer>", "<think>a</think><answer>4"
    assert Format()([rollout(text=twice), rollout(text=none)]) == [1.0, 0.0]


@pytest.mark.parametrize(
    ("group", "wanted"),
    [
        ([(10, True), (20, True), (30, True)], [0.5, 0.0, -0.5]),
        ([(10, False), (20, False), (30, False)], [0.0, 0.0, -0.5]),
        ([(10, False), (18, True), (30, True)], [0.0, 0.1, -0.5]),
        ([(7, True), (7, False)], [0.0, 0.0]),
    ],
)
def test_long2short_prefers_the_short_and_gives_the_wrong_nothing(
    group: list[tuple[int, bool]], wanted: list[float]
) -> None:
    assert Long2Short()([rollout(n, right) for n, right in group]) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("n_tokens", "right", "truncated", "wanted"),
    [
        (0, True, False, 1.0),
        (50, True, False, 0.5),
        (100, True, False, 0.0),
        (25, True, False, 0.5 + math.sqrt(0.5) / 2),
        (0, False, False, -1.0),
        (50, False, False, -0.5),
        (100, False, False, 0.0),
        (100, True, True, -1.0),
    ],
)
def test_the_cosine_of_the_length(n_tokens: int, right: bool, truncated: bool, wanted: float) -> None:
    one = rollout(n_tokens, right, truncated=truncated, limit=100)
    assert Cosine()([one]) == pytest.approx([wanted])


def test_the_cosine_with_the_values_of_open_r1() -> None:
    chosen = Cosine(right=(1.0, 0.5), wrong=(-1.0, -0.5), exceeded=None, length=1000)
    group = [rollout(0), rollout(1000), rollout(2000), rollout(0, False), rollout(500, False), rollout(2000, False)]
    assert chosen(group) == pytest.approx([1.0, 0.5, 0.5, -1.0, -0.75, -0.5])


def test_the_cosine_with_the_values_of_its_paper() -> None:
    chosen = Cosine(right=(2.0, 1.0), wrong=(-10.0, 0.0), exceeded=-10.0, length=200)
    group = [rollout(0), rollout(200), rollout(0, False), rollout(200, False), rollout(201)]
    assert chosen(group) == pytest.approx([2.0, 1.0, -10.0, 0.0, -10.0])


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=8))
def test_exp_and_minmax_keep_the_order_and_give_the_largest_one(scores: list[float]) -> None:
    for normalise in ("exp", "minmax"):
        found = Indiv(normalise=normalise)(scored(*scores))  # type: ignore[arg-type]
        assert max(found) == 1.0 and min(found) >= 0.0
        ordered = [value for _, value in sorted(zip(scores, found, strict=True))]
        assert ordered == sorted(ordered)


def test_a_ratio_to_a_negative_maximum_would_turn_the_order_round() -> None:
    """The literal equation 9 rewards the lowest most; the default does not, and `ratio` refuses."""
    scores = [-4.0, -2.0, -1.0]
    assert [score / max(scores) for score in scores] == [4.0, 2.0, 1.0]
    assert Indiv()(scored(*scores)) == pytest.approx([math.exp(-3), math.exp(-1), 1.0])
    with pytest.raises(InputError, match=r"positive largest InDiv, but it is -1, .* set normalise: exp"):
        Indiv(normalise="ratio")(scored(*scores))


def test_a_ratio_to_a_positive_maximum() -> None:
    assert Indiv(normalise="ratio")(scored(1.0, 2.0, 4.0)) == [0.25, 0.5, 1.0]


def test_equal_scores_are_all_the_largest() -> None:
    assert Indiv(normalise="minmax")(scored(3.0, 3.0)) == [1.0, 1.0]


def test_a_rollout_without_a_score_is_named() -> None:
    with pytest.raises(ValueError, match="rollout q-0 has no InDiv score"):
        Indiv()([rollout()])
