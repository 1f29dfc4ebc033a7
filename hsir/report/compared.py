"""Policies compared with a reference, question by question: the differences, and whether they could be chance."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

import numpy as np
import pandas as pd

from hsir.errors import InputError
from hsir.evaluation import comparison
from hsir.report import seeds
from hsir.report.run import Cell, Made
from hsir.report.seeds import Place
from hsir.storage import tables

Answers: TypeAlias = pd.DataFrame
"""By question id: whether its answer is correct, and its number of tokens; one row per sample."""
CHANCE = 0.05


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference between a policy and another on the same questions: accuracy in points, tokens; 95 % intervals."""

    model: str
    task: str
    benchmark: str
    policy: str
    other: str
    seeds: int
    questions: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    tokens: float
    tokens_low: float
    tokens_high: float
    p: float
    """p-value for accuracy: McNemar's exact test for one answer per question, a paired t test for several."""
    p_holm: float
    """The same, corrected for all comparisons in one table."""

    @property
    def accuracy_is_noise(self) -> bool:
        """Whether the accuracies could differ by chance."""
        return self.p_holm >= CHANCE

    @property
    def tokens_are_noise(self) -> bool:
        """Whether the interval of the tokens contains 0."""
        return self.tokens_low <= 0 <= self.tokens_high


def gather(made: Made) -> list[Difference]:
    """Compare every policy of a run with the reference method's policy of the same iteration."""
    places: dict[Place, dict[str, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in made.evaluated():
        for benchmark in made.plan.evaluations(made.run, cell.model, cell.task):
            places[cell.model, cell.task, benchmark][cell.policy].append(cell)
    return [one for place, policies in places.items() for one in _compared(made, place, policies)]


def _compared(made: Made, place: Place, policies: dict[str, list[Cell]]) -> list[Difference]:
    pairs = [(policy, seeds.counterpart(policy, made.reference, list(policies))) for policy in policies]
    compared = [(policy, other) for policy, other in pairs if other is not None]
    if not compared:
        return []
    needed = dict.fromkeys(name for pair in compared for name in pair)
    known = {name: [answers(made, cell, place[2]) for cell in policies[name]] for name in needed}
    return differences(place, compared, known)


def differences(place: Place, pairs: list[tuple[str, str]], known: Mapping[str, list[Answers]]) -> list[Difference]:
    """Compare pairs of policies by their answers, one table per seed.

    Raises InputError if seeds or policies answered different questions, which cannot be paired.
    """
    _check_same(place, known)
    means = {name: pd.concat(several).groupby(level=0).mean() for name, several in known.items()}
    above = [
        np.column_stack([means[one][column] - means[other][column] for one, other in pairs])
        for column in ("right", "tokens")
    ]
    (low, high), (fewest, most) = (comparison.bootstrap(values) for values in above)
    single = all(len(known[name][0]) * len(known[name]) == len(means[name]) for pair in pairs for name in pair)
    p_values = [_p(means[a]["right"], means[b]["right"], single) for a, b in pairs]
    rows = zip(pairs, *(values.mean(axis=0) for values in above), p_values, comparison.holm(p_values), strict=True)
    return [
        Difference(
            *place, policy, other, len(known[policy]), len(means[policy]),
            100 * accuracy, 100 * float(low[n]), 100 * float(high[n]),
            float(more), float(fewest[n]), float(most[n]), p, p_holm,
        )
        for n, ((policy, other), accuracy, more, p, p_holm) in enumerate(rows)
    ]  # fmt: skip


def answers(made: Made, cell: Cell, benchmark: str) -> Answers:
    """Read a policy's answers to a benchmark."""
    drawn = made.answers(cell, benchmark)
    verdicts = tables.arrow("verified", made.table(drawn, "verified"), ["sample_id", "verdict"]).to_pandas()
    samples = tables.arrow("samples", made.shards(drawn), ["sample_id", "question_id", "n_tokens"]).to_pandas()
    found = samples.merge(verdicts, on="sample_id").set_index("question_id")
    return pd.DataFrame({"right": found["verdict"] == "right", "tokens": found["n_tokens"]})


def _check_same(place: Place, known: Mapping[str, list[Answers]]) -> None:
    wanted = next(iter(known.values()))[0].index
    for name, several in known.items():
        for one in several:
            odd = wanted.symmetric_difference(one.index)
            if len(odd):
                raise InputError(
                    f"{', '.join(place)}: {name} did not answer the same questions as the others ({odd[0]!r} is"
                    " only in one); delete its evaluations and rerun"
                )


def _p(one: pd.Series, other: pd.Series, single: bool) -> float:
    return comparison.mcnemar(one > 0, other > 0) if single else comparison.paired_t(one - other)


def by_place(found: Sequence[Difference]) -> Iterator[tuple[Place, list[Difference]]]:
    """Yield the differences table by table; those of one table are adjacent."""
    for place, group in groupby(found, key=lambda one: (one.model, one.task, one.benchmark)):
        yield place, list(group)
