"""Statistics of an evaluation."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm, rankdata, sem, t

from hsir.errors import InputError
from hsir.reducers import Answer, BaseReducer
from hsir.storage import tables

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


class Interval(NamedTuple):
    """A share, or a mean, with its 95 % interval."""

    value: float
    low: float
    high: float


Counting: TypeAlias = Callable[[Sequence[tables.Row]], tuple[int, Interval]]
"""From graded answers to the number of questions, and the accuracy."""


def wilson(successes: int, trials: int) -> Interval:
    """Return a share with its 95 % Wilson score interval; raises ValueError if there are no trials."""
    bounds = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return Interval(successes / trials, float(bounds.low), float(bounds.high))


def clustered(values: Sequence[float], answers: int) -> Interval:
    """Return the mean of a share over questions with its 95 % interval, clustered by question: `values` has one share
    per question, over `answers` answers in all.

    It is Wilson's interval with the effective number of answers: p (1 - p) / the variance of the mean, but at most all
    answers; the number of questions if all values are the same 0 or 1. With one answer per question it is `wilson`.
    Source: Franco et al., Journal of Survey Statistics and Methodology 7 (2019). Raises ValueError without values.
    """
    return _effective(statistics.fmean(values), statistics.pvariance(values) / len(values), answers, len(values))


def pooled(counts: Sequence[int], sizes: Sequence[int]) -> Interval:
    """Return a share of all answers with its 95 % interval, clustered by question: `counts` of `sizes` answers per
    question, which may differ in number. It is `clustered` with the variance of a ratio; raises ValueError without
    answers.
    """
    total = sum(sizes)
    if not total:
        raise ValueError("there are no answers")
    mean = sum(counts) / total
    errors = [count - mean * size for count, size in zip(counts, sizes, strict=True)]
    return _effective(mean, sum(error * error for error in errors) / total**2, total, len(sizes))


def _effective(mean: float, variance: float, answers: int, questions: int) -> Interval:
    spread = mean * (1 - mean)
    n = min(answers, spread / variance) if variance > 0 else answers if spread > 0 else questions
    z = float(norm.ppf(0.975))
    centre, scale = mean + z * z / (2 * n), 1 + z * z / n
    half = z * math.sqrt(spread / n + z * z / (4 * n * n))
    return Interval(mean, max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale))


def accuracy(right: Sequence[bool], questions: Sequence[str]) -> Interval:
    """Return the share of correct answers with its interval, clustered if there are several answers per question;
    `questions` are their ids, in the same order."""
    found: dict[str, list[bool]] = defaultdict(list)
    for one, question in zip(right, questions, strict=True):
        found[question].append(one)
    if len(found) == len(right):
        return wilson(sum(right), len(right))
    return clustered([statistics.fmean(several) for several in found.values()], len(right))


def averaged(values: Sequence[float]) -> Interval:
    """Return the mean of values, one per question, with its 95 % t interval; a single value is its own interval."""
    mean = statistics.fmean(values)
    half = float(t.ppf(0.975, len(values) - 1) * sem(values)) if len(values) > 1 else 0.0
    return Interval(mean, mean - half, mean + half)


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
    samples: Iterable[tables.Row], verified: Iterable[tables.Row], questions: Iterable[tables.Row],
    scores: Mapping[str, Mapping[str, float]] = {},
) -> list[tables.Row]:  # fmt: skip
    """Join samples with their verdicts and the difficulty of their questions, as `summary` expects; and with their
    scores, by score set and sample id."""
    difficulty = {row["question_id"]: row["difficulty"] for row in questions}
    judged = {row["sample_id"]: row for row in verified}
    joined = [judged[row["sample_id"]] | row | {"difficulty": difficulty[row["question_id"]]} for row in samples]
    for row in joined if scores else []:
        name = row["sample_id"]
        row["scores"] = {key: values[name] for key, values in scores.items() if name in values}
    return joined


def summary(answers: Sequence[tables.Row]) -> tables.Row:
    """Summarize graded answers: rows with verdict, why, n_tokens, finish, difficulty. Tokens are means and quantiles
    over all answers, correct or incorrect, as in the paper.
    """
    return _summary(answers, _one_each)


def _summary(answers: Sequence[tables.Row], counted: Counting) -> tables.Row:
    levels: dict[int, list[tables.Row]] = defaultdict(list)
    for answer in answers:
        if answer["difficulty"] is not None:
            levels[answer["difficulty"]].append(answer)
    return _figures(answers, counted) | {
        "by_difficulty": {str(level): _figures(levels[level], counted) for level in sorted(levels)},
    }


def sampled(answers: Sequence[tables.Row], reducers: Sequence[BaseReducer]) -> tables.Row:
    """Summarize several graded answers per question: the figures of `summary`, in which the accuracy is the mean over
    all answers with an interval clustered by question, and `reduced`: each reducer's mean over questions.

    Raises InputError if questions have different numbers of answers.
    """
    drawn = by_question(answers)
    (samples, first), *others = {len(several): name for name, several in drawn.items()}.items()
    if others:
        raise InputError(f"{first} has {samples} answers, {others[0][1]} has {others[0][0]}; sample the pool again")
    reduced = {reducer.name(samples): _reduced(reducer, drawn, samples) for reducer in reducers}
    return _summary(answers, _several) | {"samples": samples, "reduced": reduced}


def _reduced(reducer: BaseReducer, drawn: Mapping[str, Sequence[Answer]], samples: int) -> tables.Row:
    """Give a reducer's mean over the questions that count, with its interval; None if no question counts."""
    values = [value for several in drawn.values() if (value := reducer(several)) is not None]
    measured = {"kind": reducer.kind, "unit": reducer.unit, "questions": len(values)}
    if not values:
        return measured | {"value": None, "low": None, "high": None}
    share = reducer.unit == "share"
    return measured | (clustered(values, len(values) * samples) if share else averaged(values))._asdict()


def by_question(answers: Iterable[tables.Row]) -> dict[str, list[Answer]]:
    """Group graded answers by question, for reducers."""
    found: dict[str, list[Answer]] = defaultdict(list)
    for row in answers:
        graded_as = row["verdict"] == "right", row.get("extracted"), row["n_tokens"]
        found[row["question_id"]].append(Answer(*graded_as, row.get("scores", {})))
    return found


def _one_each(answers: Sequence[tables.Row]) -> tuple[int, Interval]:
    return len(answers), wilson(sum(answer["verdict"] == "right" for answer in answers), len(answers))


def _several(answers: Sequence[tables.Row]) -> tuple[int, Interval]:
    questions = [answer["question_id"] for answer in answers]
    return len(set(questions)), accuracy([answer["verdict"] == "right" for answer in answers], questions)


def _figures(answers: Sequence[tables.Row], counted: Counting) -> tables.Row:
    tokens = sorted(answer["n_tokens"] for answer in answers)
    verdicts = Counter(answer["verdict"] for answer in answers)
    questions, accuracy = counted(answers)
    return {
        "questions": questions, "accuracy": accuracy._asdict(), "verdicts": dict(sorted(verdicts.items())),
        "why": dict(sorted(Counter(answer["why"] for answer in answers).items())),
        "tokens": {
            "mean": statistics.fmean(tokens),
            "quantiles": {str(q): tokens[round(q * (len(tokens) - 1))] for q in QUANTILES},
        },
        "truncated": sum(answer["finish"] == "length" for answer in answers) / len(answers),
    }  # fmt: skip
