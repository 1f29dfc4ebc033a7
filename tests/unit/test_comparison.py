"""Paired comparisons, against scipy, statsmodels, and values worked out by hand."""

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from hsir.evaluation.comparison import bootstrap, holm, mcnemar, paired_t


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
