"""Comparisons of policies on the same questions: paired, with intervals, and corrected for their number. Values are
arrays [questions, pairs]: the difference of each pair of policies, one row per question. With several seeds, a
question's value is its mean over them, so questions are resampled, not answers.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, ttest_1samp

RESAMPLES = 10_000
BLOCK = 500
"""Resamples drawn together: a block of weights for 5,000 questions takes 20 MB."""

Array = NDArray[Any]


def bootstrap(differences: Array, seed: int = 0, resamples: int = RESAMPLES) -> tuple[Array, Array]:
    """Return the ends of the 95 % percentile intervals of the pairs' mean differences, as arrays [pairs]. All pairs
    share the resamples, so the intervals of one table are comparable. Raises ValueError for no questions.
    """
    questions = len(differences)
    if not questions:
        raise ValueError("the compared policies have no question in common")
    means = np.concatenate(list(_means(differences, seed, resamples)))
    low, high = np.percentile(means, (2.5, 97.5), axis=0)
    return low, high


def _means(differences: Array, seed: int, resamples: int) -> Iterator[Array]:
    """Yield the means of the resamples, block by block: how often each question is drawn, times its differences."""
    questions = len(differences)
    draws = np.random.default_rng(seed)
    even = np.full(questions, 1 / questions)
    for first in range(0, resamples, BLOCK):
        counts = draws.multinomial(questions, even, size=min(BLOCK, resamples - first))
        yield counts @ differences / questions


def mcnemar(one: ArrayLike, other: ArrayLike) -> float:
    """Return the p-value of McNemar's exact test for equal accuracy of two policies; 1 if they never differ."""
    apart = np.subtract(one, other, dtype=int)
    differing = np.count_nonzero(apart)
    return float(binomtest(np.count_nonzero(apart > 0), differing).pvalue) if differing else 1.0


def paired_t(differences: ArrayLike) -> float:
    """Return the p-value of a paired t test over questions, for means over seeds; 1 if there is no difference."""
    return float(ttest_1samp(differences, 0.0).pvalue) if np.any(differences) else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number (Holm, Scandinavian Journal of Statistics 6, 1979), in the order given."""
    order = np.argsort(p_values, kind="stable")
    left = np.arange(len(p_values), 0, -1)
    raised = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values)[order] * left))
    corrected = np.empty(len(p_values))
    corrected[order] = raised
    return [float(value) for value in corrected]
