"""Paired comparisons, against scipy, statsmodels, and values worked out by hand."""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap as scipy_bootstrap
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from hsir.evaluation.comparison import bootstrap, holm, majority, mcnemar, paired_t, pass_at_k


def answers(both: int, only_one: int, only_other: int, neither: int) -> tuple[list[bool], list[bool]]:
    """Make the answers of two policies from a table of four fields."""
    one = [True] * (both + only_one) + [False] * (only_other + neither)
    other = [True] * both + [False] * only_one + [True] * only_other + [False] * neither
    return one, other


@pytest.mark.parametrize("fields", [(101, 121, 59, 33), (10, 1, 7, 3), (4, 6, 6, 0), (0, 12, 2, 900), (50, 1, 0, 9)])
def test_mcnemars_test_is_that_of_statsmodels(fields: tuple[int, int, int, int]) -> None:
    both, one, other, neither = fields
    wanted = statsmodels_mcnemar([[both, one], [other, neither]], exact=True).pvalue
    assert mcnemar(*answers(*fields)) == pytest.approx(wanted, rel=1e-9)


def test_policies_that_never_differ_are_not_distinguished() -> None:
    assert mcnemar(*answers(5, 0, 0, 5)) == 1.0
    assert paired_t([0.0, 0.0]) == 1.0


@pytest.mark.parametrize("p_values", [[0.01, 0.04, 0.03, 0.005], [0.2], [0.5, 0.5, 0.001], [1.0, 0.9, 0.03, 0.03, 0.2]])
def test_holms_correction_is_that_of_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


def test_no_comparison_needs_no_correction() -> None:
    assert holm([]) == []


def test_intervals_are_those_of_scipys_bootstrap() -> None:
    """Another stream of draws: of 10,000 resamples each, ends agree to a few hundredths of the interval's width."""
    draws = np.random.default_rng(5)
    values = np.column_stack([draws.integers(-1, 2, 400), draws.normal(12, 80, 400), draws.exponential(300, 400)])
    low, high = bootstrap(values, seed=1)
    for column, ends in zip(values.T, zip(low, high, strict=True), strict=True):
        wanted = scipy_bootstrap((column,), np.mean, n_resamples=10_000, method="percentile", rng=2)
        width = wanted.confidence_interval.high - wanted.confidence_interval.low
        assert ends == pytest.approx(wanted.confidence_interval, abs=0.04 * width)


def test_intervals_follow_the_seed_and_nothing_else() -> None:
    values = np.random.default_rng(0).normal(size=(50, 3))
    assert np.array_equal(bootstrap(values, 3), bootstrap(values, 3))
    assert not np.array_equal(bootstrap(values, 3), bootstrap(values, 4))
    alone = bootstrap(values[:, :1], 3)
    assert np.allclose([end[0] for end in bootstrap(values, 3)], [end[0] for end in alone])


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    draws = np.random.default_rng(11)
    samples = draws.normal(0.3, 1.0, size=(80, 400))
    low, high = bootstrap(samples, seed=0, resamples=2_000)
    covered = np.mean((low <= 0.3) & (high >= 0.3))
    assert 0.91 <= covered <= 0.98


def test_without_a_common_question_there_is_nothing_to_compare() -> None:
    with pytest.raises(ValueError, match="have no question in common"):
        bootstrap(np.empty((0, 2)))


@pytest.mark.parametrize(("right", "drawn"), [(0, 5), (1, 5), (3, 5), (5, 5), (2, 10)])
def test_pass_at_k_is_the_share_of_all_choices(right: int, drawn: int) -> None:
    every = [n < right for n in range(drawn)]
    for k in range(1, drawn + 1):
        chosen = [any(one) for one in combinations(every, k)]
        assert len(chosen) == comb(drawn, k)
        assert pass_at_k([right, 0], [drawn, drawn], k) == pytest.approx([sum(chosen) / len(chosen), 0.0])


@pytest.mark.parametrize("k", [0, 6])
def test_more_samples_than_there_are_are_not_guessed(k: int) -> None:
    with pytest.raises(ValueError, match=f"k is {k}, but there are only 5 samples"):
        pass_at_k(2, 5, k)


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
    rows = pd.DataFrame({"question_id": "q", "extracted": pd.Series(given, dtype="str"), "right": right})
    other = pd.DataFrame({"question_id": ["p"], "extracted": ["4"], "right": [True]})
    assert majority(pd.concat([rows, other])).to_dict() == pytest.approx({"p": 1.0, "q": wanted})
