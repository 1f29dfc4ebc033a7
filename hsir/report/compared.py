"""Policies beside a reference, question by question: how far apart they are, and whether that could be chance."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hsir.errors import InputError
from hsir.evaluation import comparison
from hsir.report import seeds
from hsir.report.run import Cell, Made
from hsir.report.seeds import Place
from hsir.storage import tables

Answers = Mapping[str, tuple[bool, int]]
"""Question id -> whether its answer is right, and how many tokens that took."""
CHANCE = 0.05


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a policy lies above another on the same questions: accuracy in points, tokens; 95 % intervals."""

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
    """Of the accuracy: McNemar's exact test of one seed, a paired t test over questions of several."""
    p_holm: float
    """The same, corrected for all that stand in one table."""

    @property
    def accuracy_is_noise(self) -> bool:
        """Whether the accuracies could differ by chance."""
        return self.p_holm >= CHANCE

    @property
    def tokens_are_noise(self) -> bool:
        """Whether the interval of the tokens holds 0."""
        return self.tokens_low <= 0 <= self.tokens_high


def gather(made: Made) -> list[Difference]:
    """Compare every policy of a run with the reference method's of the same round."""
    places: dict[Place, dict[str, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in made.evaluated():
        for benchmark in made.plan.benchmarks(made.run, cell.task):
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
    """Compare pairs of policies by their answers, a mapping a seed.

    Raises InputError where seeds or policies answered different questions: then nothing is paired.
    """
    _check_same(place, known)
    questions = sorted(next(iter(known.values()))[0])
    right = {name: _means(answers, questions, 0) for name, answers in known.items()}
    tokens = {name: _means(answers, questions, 1) for name, answers in known.items()}
    above = [np.column_stack([values[a] - values[b] for a, b in pairs]) for values in (right, tokens)]
    (low, high), (fewest, most) = (comparison.bootstrap(values) for values in above)
    p_values = [_p(known[one], known[other], questions) for one, other in pairs]
    rows = zip(pairs, *(values.mean(axis=0) for values in above), p_values, comparison.holm(p_values), strict=True)
    return [
        Difference(
            *place, policy, other, len(known[policy]), len(questions),
            100 * accuracy, 100 * float(low[n]), 100 * float(high[n]),
            float(more), float(fewest[n]), float(most[n]), p, p_holm,
        )
        for n, ((policy, other), accuracy, more, p, p_holm) in enumerate(rows)
    ]  # fmt: skip


def answers(made: Made, cell: Cell, benchmark: str) -> Answers:
    """Read a policy's answers to a benchmark."""
    drawn = made.answers(cell, benchmark)
    verdicts = dict(tables.tuples("verified", made.table(drawn, "verified"), ["sample_id", "verdict"]))
    rows = tables.tuples("samples", made.shards(drawn), ["sample_id", "question_id", "n_tokens"])
    return {question: (verdicts[name] == "right", length) for name, question, length in rows}


def _check_same(place: Place, known: Mapping[str, list[Answers]]) -> None:
    wanted = next(iter(known.values()))[0].keys()
    for name, answers in known.items():
        for one in answers:
            if one.keys() != wanted:
                odd = next(iter(one.keys() ^ wanted))
                raise InputError(
                    f"{', '.join(place)}: {name} did not answer the same questions as the others ({odd!r} is of one"
                    " alone); delete its evaluations and run again"
                )


def _means(answers: list[Answers], questions: list[str], field: int) -> comparison.Array:
    """Give the mean over seeds of each question's value."""
    values: list[float] = [sum(one[question][field] for one in answers) / len(answers) for question in questions]
    return np.array(values)


def _p(one: list[Answers], other: list[Answers], questions: list[str]) -> float:
    if len(one) == len(other) == 1:
        return comparison.mcnemar(*([answers[0][question][0] for question in questions] for answers in (one, other)))
    return comparison.paired_t(list(_means(one, questions, 0) - _means(other, questions, 0)))


def by_place(found: Sequence[Difference]) -> Iterator[tuple[Place, list[Difference]]]:
    """Yield the differences of each table."""
    places: dict[Place, list[Difference]] = defaultdict(list)
    for one in found:
        places[one.model, one.task, one.benchmark].append(one)
    yield from places.items()
