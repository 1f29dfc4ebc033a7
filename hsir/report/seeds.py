"""Aggregates over seeds: means, and differences paired by seed, with 95 % t intervals."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from scipy.stats import sem, t

from hsir.report.results import Result

Place = tuple[str, str, str]
"""Model, task, benchmark: the subject of one table, or of one panel of a figure."""


class Estimate(NamedTuple):
    """A value with its 95 % interval, which is None with fewer than two seeds."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def tells(self) -> bool:
        """Whether it differs significantly from 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def mean(values: Sequence[float]) -> Estimate:
    """Return the mean and its t interval; a single value has none."""
    value = fmean(values)
    if len(values) < 2:
        return Estimate(value)
    half = float(t.ppf(0.975, len(values) - 1) * sem(values))
    return Estimate(value, value - half, value + half)


def accuracy(results: Sequence[Result]) -> Estimate:
    """Return a policy's accuracy in percent: over seeds, or of one seed with its Wilson interval."""
    if len(results) == 1:
        only = results[0]
        return Estimate(100 * only.accuracy, 100 * only.accuracy_low, 100 * only.accuracy_high)
    return mean([100 * result.accuracy for result in results])


def tokens(results: Sequence[Result]) -> Estimate:
    """Return a policy's mean tokens per answer, with an interval if there are several seeds."""
    return mean([result.tokens for result in results])


def differences(results: Sequence[Result], others: Sequence[Result]) -> tuple[Estimate, Estimate]:
    """Return the differences of results to others of the same seeds: accuracy in points, tokens."""
    by_seed = {other.seed: other for other in others}
    pairs = [(result, by_seed[result.seed]) for result in results if result.seed in by_seed]
    return (
        mean([100 * (one.accuracy - other.accuracy) for one, other in pairs]),
        mean([one.tokens - other.tokens for one, other in pairs]),
    )


def by_place(results: Sequence[Result]) -> dict[Place, dict[str, list[Result]]]:
    """Group results by place, then by policy: one result per seed; all in the given order."""
    places: dict[Place, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        places[result.model, result.task, result.benchmark][result.policy].append(result)
    return {place: dict(policies) for place, policies in places.items()}


def counterpart(policy: str, reference: str, policies: Sequence[str]) -> str | None:
    """Return the reference method's policy to compare with: that of the same iteration, else its last.

    None if the run has no policy of the reference, and for the reference itself.
    """
    name, _, iteration = policy.partition(".")
    rounds = [known for known in policies if known.split(".")[0] == reference]
    if name == reference or not rounds:
        return None
    same = f"{reference}.{iteration}"
    return same if same in rounds else rounds[-1]
