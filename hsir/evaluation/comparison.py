"""Comparisons of policies on the same questions: paired, with intervals, and corrected for how many they are.

Values are arrays [questions, pairs]: of each pair of policies, one value less the other, a row a question. Where there
are several seeds a question's value is its mean over them, so that questions, not answers, are what is resampled.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, ttest_1samp

RESAMPLES = 10_000
BLOCK = 500
"""Resamples drawn together: a block of weights for 5,000 questions takes 20 MB."""

Array = NDArray[Any]


def bootstrap(differences: Array, seed: int = 0, resamples: int = RESAMPLES) -> tuple[Array, Array]:
    """Give the ends of the 95 % percentile intervals of the pairs' mean differences; arrays [pairs].

    All pairs share the resamples, so that intervals of one table are comparable. Raises ValueError for no questions.
    """
    questions = len(differences)
    if not questions:
        raise ValueError("no question is common to the policies that are compared")
    means = np.concatenate(list(_means(differences, seed, resamples)))
    low, high = np.percentile(means, (2.5, 97.5), axis=0)
    return low, high


def _means(differences: Array, seed: int, resamples: int) -> Iterator[Array]:
    """Yield the means of resamples, a block at once: how often each question is drawn, times its differences."""
    questions = len(differences)
    draws = np.random.default_rng(seed)
    even = np.full(questions, 1 / questions)
    for first in range(0, resamples, BLOCK):
        counts = draws.multinomial(questions, even, size=min(BLOCK, resamples - first))
        yield counts @ differences / questions


def mcnemar(one: Sequence[bool], other: Sequence[bool]) -> float:
    """Give the p-value of McNemar's exact test: are two policies right equally often? 1 where they never differ."""
    only_one = sum(a and not b for a, b in zip(one, other, strict=True))
    only_other = sum(b and not a for a, b in zip(one, other, strict=True))
    differing = only_one + only_other
    return float(binomtest(only_one, differing).pvalue) if differing else 1.0


def paired_t(differences: Sequence[float]) -> float:
    """Give the p-value of a paired t test over questions, for values that are means over seeds; 1 for no difference."""
    if not any(differences):
        return 1.0
    return float(ttest_1samp(differences, 0.0).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number (Holm, Scandinavian Journal of Statistics 6, 1979), in the order given."""
    order = np.argsort(p_values, kind="stable")
    left = np.arange(len(p_values), 0, -1)
    raised = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values)[order] * left))
    corrected = np.empty(len(p_values))
    corrected[order] = raised
    return [float(value) for value in corrected]


def pass_at_k(right: int, drawn: int, k: int) -> float:
    """Estimate the chance that one of k samples is right, from all that were drawn; unbiased.

    Source: Chen et al., arXiv 2107.03374. Raises ValueError for a k that exceeds what was drawn.
    """
    if not 1 <= k <= drawn:
        raise ValueError(f"k is {k}, but {drawn} samples were drawn")
    if drawn - right < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(drawn - right + 1, drawn + 1)))


def majority(answers: Sequence[str | None], right: Sequence[bool]) -> float:
    """Tell whether the answer that most samples give is right: 1 or 0, or the share of right ones among ties.

    All right answers count as one, however they are written; samples without an answer have no vote.
    """
    votes: dict[tuple[bool, str], int] = {}
    for answer, is_right in zip(answers, right, strict=True):
        if answer is not None or is_right:
            key = (is_right, "" if is_right else str(answer).strip().casefold())
            votes[key] = votes.get(key, 0) + 1
    if not votes:
        return 0.0
    most = max(votes.values())
    leading = [is_right for (is_right, _), count in votes.items() if count == most]
    return sum(leading) / len(leading)
