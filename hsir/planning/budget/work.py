"""The work of runs: what is sampled, scored and trained, each once, however many methods read it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from hsir.config import Plan
from hsir.config.plan import EVAL


class Draw(NamedTuple):
    """A pool sampled from a policy; evaluations are pools too."""

    model: str
    task: str
    seed: int
    policy: str
    pool: str


class Scoring(NamedTuple):
    """A pool's correct solutions, scored by a score set."""

    model: str
    task: str
    seed: int
    policy: str
    pool: str
    score: str


class Training(NamedTuple):
    """A training run, which produces a policy."""

    model: str
    task: str
    seed: int
    policy: str


@dataclass(frozen=True)
class Work:
    """All work that loads a model; the light stages in between are omitted."""

    draws: tuple[Draw, ...]
    scorings: tuple[Scoring, ...]
    trainings: tuple[Training, ...]


def work(plan: Plan, runs: Iterable[str]) -> Work:
    """Collect the work of runs, in an order that respects dependencies."""
    draws: dict[Draw, None] = {}
    scorings: dict[Scoring, None] = {}
    trainings: dict[Training, None] = {}
    for run in (plan.config.runs[name] for name in runs):
        for model, task, seed, _, policy in plan.cells(run):
            for made in [*reversed(plan.behind(policy)), policy]:
                method, parent = plan.method(made), plan.parent(made)
                draws |= dict.fromkeys(Draw(model, task, seed, parent, pool) for pool in plan.drawn_for(made))
                if method.score:
                    pools = [Scoring(model, task, seed, parent, pool, method.score) for pool in method.pools]
                    scorings |= dict.fromkeys(pools)
                trainings[Training(model, task, seed, made)] = None
        for model, task, seed, _, policy in plan.evaluated(run):
            for name in plan.evaluations(run, model, task):
                pool = f"{EVAL}{name}"
                draws[Draw(model, task, seed, policy, pool)] = None
                scores = plan.reduced_by(model, name)
                scorings |= dict.fromkeys(Scoring(model, task, seed, policy, pool, score) for score in scores)
    return Work(tuple(draws), tuple(scorings), tuple(trainings))
