"""The effect of sampling more: pass@k and maj@k of the existing pools, without further sampling."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hsir.config.pools import SamplePool
from hsir.evaluation import comparison
from hsir.report.run import Drawn, Made
from hsir.report.sheets import Entry, Sheet
from hsir.storage import tables

KS = (1, 5, 10, 30)
NOTE = (
    "Over the questions of the pool. pass@k: the probability that at least one of k solutions is correct,"
    " estimated from all samples; maj@drawn: the probability that their majority answer is. 95 % bootstrap"
    " intervals over questions."
)


@dataclass(frozen=True, slots=True)
class Sampled:
    """A value of a pool with its 95 % interval, from 0 to 1."""

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
    """Measure every plain pool of a run, except those with one solution per question."""
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
    return [Sampled(*name, len(values), float(values.mean()), *ends[name]) for name, values in measured.items()]


def sheets(found: Sequence[Sampled]) -> list[Sheet]:
    """Return a sheet for each model, task and seed: one row per pool."""
    places: dict[tuple[str, str, int], dict[tuple[str, str], list[Sampled]]] = defaultdict(lambda: defaultdict(list))
    for one in found:
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


def _several(made: Made, drawn: Drawn) -> bool:
    pool = made.plan.config.pools[drawn.pool]
    return isinstance(pool, SamplePool) and pool.samples > 1


def _measured(made: Made, drawn: Drawn) -> dict[tuple[str, int], comparison.Array]:
    """Measure a pool, question by question, with equal weights."""
    samples = tables.arrow("samples", made.shards(drawn), ["sample_id", "question_id"]).to_pandas()
    judged = tables.arrow("verified", made.table(drawn, "verified"), ["sample_id", "extracted", "verdict"]).to_pandas()
    answers = samples.merge(judged, on="sample_id").assign(right=lambda rows: rows["verdict"] == "right")
    if answers.empty:
        return {}
    right, drawn_for = (answers.groupby("question_id")["right"].agg(count) for count in ("sum", "size"))
    most = int(drawn_for.min())
    passed = {("pass", k): comparison.pass_at_k(right, drawn_for, k) for k in KS if k <= most}
    return passed | {("maj", most): comparison.majority(answers).to_numpy()}


def _entry(one: Sampled | None) -> Entry:
    if one is None:
        return Entry("-")
    return Entry(f"{100 * one.value:.1f}", f"[{100 * one.low:.1f}, {100 * one.high:.1f}]")
