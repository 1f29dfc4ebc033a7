"""Statistics of an evaluation."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, rankdata

from hsir.storage import tables

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


class Interval(NamedTuple):
    """A share with its 95 % Wilson interval."""

    value: float
    low: float
    high: float


def wilson(successes: int, trials: int) -> Interval:
    """Return a share with its 95 % Wilson score interval; raises ValueError if there are no trials."""
    bounds = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return Interval(successes / trials, float(bounds.low), float(bounds.high))


def spearman(one: Sequence[float], other: Sequence[float], given: Sequence[float] | None = None) -> float | None:
    """Return Spearman's rank correlation; with `given`, the partial one, with the effect of `given` removed from the
    ranks. None if nothing is left to correlate: values that are all the same, or fully explained.
    """
    ranks = [_centred_ranks(values) for values in (one, other)]
    if given is not None:
        control = _centred_ranks(given)
        square = control @ control
        ranks = [rank - control * (rank @ control) / square if square else rank for rank in ranks]
    sizes = [float(np.linalg.norm(rank)) for rank in ranks]
    if min(sizes, default=0.0) <= 1e-9 * max(1, len(one)):
        return None
    return float(ranks[0] @ ranks[1]) / (sizes[0] * sizes[1])


def _centred_ranks(values: Sequence[float]) -> NDArray[Any]:
    ranks: NDArray[Any] = rankdata(values)
    return ranks - (len(ranks) + 1) / 2


def graded(
    samples: Iterable[tables.Row], verified: Iterable[tables.Row], questions: Iterable[tables.Row]
) -> list[tables.Row]:
    """Join samples with their verdicts and the difficulty of their questions, as `summary` expects."""
    difficulty = {row["question_id"]: row["difficulty"] for row in questions}
    judged = {row["sample_id"]: row for row in verified}
    return [judged[row["sample_id"]] | row | {"difficulty": difficulty[row["question_id"]]} for row in samples]


def summary(answers: Sequence[tables.Row]) -> tables.Row:
    """Summarize graded answers: rows with verdict, why, n_tokens, finish, difficulty. Tokens are means and quantiles
    over all answers, correct or incorrect, as in the paper.
    """
    levels: dict[int, list[tables.Row]] = defaultdict(list)
    for answer in answers:
        if answer["difficulty"] is not None:
            levels[answer["difficulty"]].append(answer)
    return _figures(answers) | {
        "by_difficulty": {str(level): _figures(levels[level]) for level in sorted(levels)},
    }


def _figures(answers: Sequence[tables.Row]) -> tables.Row:
    tokens = sorted(answer["n_tokens"] for answer in answers)
    verdicts = Counter(answer["verdict"] for answer in answers)
    accuracy = wilson(verdicts["right"], len(answers))
    return {
        "questions": len(answers), "accuracy": accuracy._asdict(), "verdicts": dict(sorted(verdicts.items())),
        "why": dict(sorted(Counter(answer["why"] for answer in answers).items())),
        "tokens": {
            "mean": statistics.fmean(tokens),
            "quantiles": {str(q): tokens[round(q * (len(tokens) - 1))] for q in QUANTILES},
        },
        "truncated": sum(answer["finish"] == "length" for answer in answers) / len(answers),
    }  # fmt: skip
