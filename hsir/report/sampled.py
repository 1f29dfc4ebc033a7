"""The effect of sampling more: pass@k and maj@k of the existing pools, without further sampling."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hsir.config.plan import EVAL, samples_of
from hsir.config.pools import SamplePool
from hsir.evaluation import comparison, statistics
from hsir.reducers import Majority, PassAt
from hsir.report.run import Cell, Drawn, Made
from hsir.report.sheets import Entry, Sheet
from hsir.storage import tables
from hsir.storage.files import read_json

KS = (1, 5, 10, 30)
NOTE = (
    "Over the questions of the pool. pass@k: the probability that at least one of k solutions is correct,"
    " estimated from all samples; maj@drawn: the probability that their majority answer is. 95 % bootstrap"
    " intervals over questions."
)
TOKENS = "tokens"
EVALUATED = (
    "Over the questions of the test set, from {samples} samples per question: avg is the accuracy of one sample, pass"
    " the probability that at least one sample is correct, maj that of the majority answer. 95 % intervals, clustered"
    " by question."
)


@dataclass(frozen=True, slots=True)
class Sampled:
    """A measure of a pool or of a sampled evaluation (`eval/gsm8k@16`) with its 95 % interval, from 0 to 1; those
    called `... tokens` are in tokens."""

    model: str
    task: str
    seed: int
    policy: str
    pool: str
    measure: str
    k: int
    questions: int
    value: float
    low: float
    high: float


def gather(made: Made) -> list[Sampled]:
    """Measure every plain pool of a run with several solutions per question, and read its sampled evaluations."""
    measured = {
        (cell.model, cell.task, cell.seed, cell.policy, drawn.pool, *figure): values
        for drawn in made.drawn()
        for cell in [drawn.cell]
        for figure, values in (_measured(made, drawn) if _several(made, drawn) else {}).items()
    }
    ends: dict[tuple[Any, ...], tuple[float, float]] = {}
    for size in {len(values) for values in measured.values()}:  # pools of equal size share their resamples
        names = [name for name, values in measured.items() if len(values) == size]
        low, high = comparison.bootstrap(np.column_stack([measured[name] for name in names]))
        ends |= dict(zip(names, zip(low.tolist(), high.tolist(), strict=True), strict=True))
    pools = [Sampled(*name, len(values), float(values.mean()), *ends[name]) for name, values in measured.items()]
    return pools + [one for cell in made.evaluated() for one in _evaluated(made, cell)]


def sheets(found: Sequence[Sampled]) -> list[Sheet]:
    """Return a sheet for each model, task and seed: one row per pool."""
    places: dict[tuple[str, str, int], dict[tuple[str, str], list[Sampled]]] = defaultdict(lambda: defaultdict(list))
    for one in found:
        if not one.pool.startswith(EVAL):
            places[one.model, one.task, one.seed][one.policy, one.pool].append(one)
    made = []
    for (model, task, seed), pools in places.items():
        ks = sorted({one.k for pool in pools.values() for one in pool if one.measure == "pass"})
        columns = ["policy", "pool", "drawn", *(f"pass@{k} %" for k in ks), "maj@drawn %"]
        lines = []
        for (policy, pool), figures in pools.items():
            passed = {one.k: one for one in figures if one.measure == "pass"}
            (majority,) = [one for one in figures if one.measure == "maj"]
            shown = [*(passed.get(k) for k in ks), majority]
            lines.append([Entry(policy), Entry(pool), Entry(str(majority.k)), *map(_entry, shown)])
        made.append(Sheet(f"{model}, {task}, seed {seed}: pools", columns, lines, NOTE))
    return made


def evaluated(found: Sequence[Sampled]) -> list[Sheet]:
    """Give a sheet for each model, task, seed and sampled evaluation, with one row per policy."""
    places: dict[tuple[str, str, int, str], dict[str, dict[str, Sampled]]] = defaultdict(lambda: defaultdict(dict))
    for one in found:
        if one.pool.startswith(EVAL):
            places[one.model, one.task, one.seed, one.pool][one.policy][_heading(one)] = one
    made = []
    for (model, task, seed, pool), policies in places.items():
        headings = list(dict.fromkeys(heading for measures in policies.values() for heading in measures))
        lines = [
            [Entry(policy), *(_entry(measures.get(heading)) for heading in headings)]
            for policy, measures in policies.items()
        ]
        title = f"{model}, trained on {task}, evaluated on {pool.removeprefix(EVAL)}, seed {seed}: samples"
        made.append(Sheet(title, ["policy", *headings], lines, EVALUATED.format(samples=samples_of(pool))))
    return made


def _evaluated(made: Made, cell: Cell) -> Iterator[Sampled]:
    """Yield what the sampled evaluations of a policy say; a measure that no question counts for is left out."""
    drawn = [(name, path) for name, path in made.evaluations(cell) if samples_of(name) > 1]
    for name, path in drawn:
        for measure, told in read_json(path)["reduced"].items():
            if told["value"] is not None:
                label, _, k = measure.partition("@")
                yield Sampled(
                    cell.model, cell.task, cell.seed, cell.policy, f"{EVAL}{name}", label, int(k), told["questions"],
                    told["value"], told["low"], told["high"],
                )  # fmt: skip


def _several(made: Made, drawn: Drawn) -> bool:
    pool = made.plan.config.pools[drawn.pool]
    return isinstance(pool, SamplePool) and pool.samples > 1


def _measured(made: Made, drawn: Drawn) -> dict[tuple[str, int], comparison.Array]:
    """Measure a pool, question by question, with equal weights."""
    samples = tables.read("samples", made.shards(drawn), ["sample_id", "question_id", "n_tokens"])
    judged = {row["sample_id"]: row for row in tables.read("verified", made.table(drawn, "verified"))}
    answers = statistics.by_question(judged[row["sample_id"]] | row for row in samples)
    if not answers:
        return {}
    most = min(map(len, answers.values()))
    measures = {("pass", k): PassAt(k=k) for k in KS if k <= most} | {("maj", most): Majority()}
    return {name: np.array([reduce(answers[one]) for one in sorted(answers)]) for name, reduce in measures.items()}


def _heading(one: Sampled) -> str:
    return one.measure if one.measure.endswith(TOKENS) else f"{one.measure}@{one.k} %"


def _entry(one: Sampled | None) -> Entry:
    if one is None:
        return Entry("-")
    scale = 1 if one.measure.endswith(TOKENS) else 100
    return Entry(f"{scale * one.value:.1f}", f"[{scale * one.low:.1f}, {scale * one.high:.1f}]")
