"""Reducers of several answers per question, against values worked out by hand and by enumeration."""

from itertools import combinations
from math import comb

import pytest
from pydantic import ValidationError

from hsir.reducers import Answer, AtLeast, Majority, Mean, PassAt, Reducers, ShortestCorrect

DRAWN = [Answer(True, "4", 30), Answer(False, "5", 10), Answer(True, "4.0", 20), Answer(False, None, 99)]


def answers(right: int, drawn: int) -> list[Answer]:
    return [Answer(n < right, "7", 1) for n in range(drawn)]


def test_what_four_answers_amount_to() -> None:
    assert Mean()(DRAWN) == 0.5 and Majority()(DRAWN) == 1.0 and PassAt()(DRAWN) == 1.0
    assert PassAt(k=1)(DRAWN) == 0.5 and PassAt(k=2)(DRAWN) == pytest.approx(1 - 1 / 6)
    assert [AtLeast(n=n)(DRAWN) for n in (1, 2, 3)] == [1.0, 1.0, 0.0]
    assert ShortestCorrect()(DRAWN) == 20.0 and ShortestCorrect()(answers(0, 4)) is None


def test_a_value_is_named_after_its_measure_and_the_samples() -> None:
    reducers = Reducers.model_validate([
        {"kind": "mean"}, {"kind": "pass_at"}, {"kind": "pass_at", "k": 4}, {"kind": "majority"},
        {"kind": "at_least", "n": 3}, {"kind": "shortest_correct"},
    ]).root  # fmt: skip
    assert [one.name(16) for one in reducers] == [
        "avg@16", "pass@16", "pass@4", "maj@16", "at least 3 correct@16", "shortest correct, tokens@16",
    ]  # fmt: skip
    assert [one.needs for one in reducers] == [1, 1, 4, 1, 3, 1]
    with pytest.raises(ValidationError, match="at_least"):
        Reducers.model_validate([{"kind": "at_least"}])


@pytest.mark.parametrize(("right", "drawn"), [(0, 5), (1, 5), (3, 5), (5, 5), (2, 10)])
def test_pass_at_k_is_the_share_of_all_choices(right: int, drawn: int) -> None:
    every = [n < right for n in range(drawn)]
    for k in range(1, drawn + 1):
        chosen = [any(one) for one in combinations(every, k)]
        assert len(chosen) == comb(drawn, k)
        assert PassAt(k=k)(answers(right, drawn)) == pytest.approx(sum(chosen) / len(chosen))


def test_more_samples_than_were_drawn_are_not_guessed() -> None:
    with pytest.raises(ValueError, match="pass@6 needs 6 samples per question, but there are 5"):
        PassAt(k=6)(answers(2, 5))


@pytest.mark.parametrize(
    ("given", "right", "wanted"),
    [
        (["4", "4", "5"], [True, True, False], 1.0), (["4", "5", "5"], [True, False, False], 0.0),
        (["4", "4.0", "5", "5 "], [True, True, False, False], 0.5), (["A", "b", "B", "C"], [True] + [False] * 3, 0.0),
        ([None, None, "4"], [False, False, True], 1.0), ([None, None], [False, False], 0.0),
        (["1", "2", "3"], [False, True, False], 1 / 3), ([None, "4", "4"], [True, False, False], 0.0),
    ],
)  # fmt: skip
def test_the_majoritys_answer(given: list[str | None], right: list[bool], wanted: float) -> None:
    several = [Answer(one, said, 1) for said, one in zip(given, right, strict=True)]
    assert Majority()(several) == pytest.approx(wanted)
