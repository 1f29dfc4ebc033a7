"""Progress of runs by method: which policies exist, which are missing, what would run, why, and its cost."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hsir.config import Plan
from hsir.config.plan import BASE, EVAL
from hsir.config.settings import Score
from hsir.planning.budget.causes import causes
from hsir.planning.budget.estimate import Estimator
from hsir.planning.budget.work import Draw, Scoring, Training
from hsir.planning.workflow import Job

Group = tuple[str, str, str]
"""Model, task, method; the method is empty for jobs of no method, and all are empty for jobs of no task."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Progress of a method on a model and a task, over all seeds.

    `again` are existing policies that would be retrained, `gone` the checkpoints of missing ones
    that no job would recreate. Pending jobs are counted by rule; those of pools
    sampled from a method's policies count for the method.
    """

    model: str
    task: str
    method: str
    policies: int
    trained: int
    evaluations: int
    evaluated: int
    missing: tuple[str, ...]
    again: tuple[str, ...]
    jobs: Mapping[str, int]
    gone: tuple[str, ...]
    causes: tuple[str, ...]
    hours: float
    gpu_hours: float


def standings(plan: Plan, runs: Iterable[str], jobs: Sequence[Job], estimator: Estimator) -> list[Standing]:
    """Return the progress of each method of runs; `jobs` are the pending jobs of a dry run."""
    todo: dict[Group, list[Job]] = {}
    for job in jobs:
        if job.wildcards:  # an aggregate target has no outputs
            todo.setdefault(_owner(job), []).append(job)
    wanted = _wanted(plan, runs)
    groups = dict.fromkeys([*wanted, *todo])
    return [_standing(plan, group, wanted.get(group, {}), todo.get(group, []), estimator) for group in groups]


def _wanted(plan: Plan, runs: Iterable[str]) -> dict[Group, dict[Training, set[str]]]:
    """Return the policies of runs and their ancestors, each with its benchmarks; includes the untrained model."""
    found: dict[Group, dict[Training, set[str]]] = {}
    for run in (plan.config.runs[name] for name in runs):
        for model, task, seed, _, policy in plan.evaluated(run):
            for made in [*reversed(plan.behind(policy)), policy]:
                group = found.setdefault((model, task, made.split(".")[0]), {})
                group.setdefault(Training(model, task, seed, made), set())
            found[model, task, policy.split(".")[0]][Training(model, task, seed, policy)] |= {
                *plan.evaluations(run, model, task)
            }
    return found


def _standing(
    plan: Plan, group: Group, wanted: Mapping[Training, set[str]], jobs: Sequence[Job], estimator: Estimator
) -> Standing:
    folders = {one: Path(plan.config.results, one.model, one.task, f"seed{one.seed}", one.policy) for one in wanted}
    trained = [one for one in wanted if one.policy != BASE]
    there = [one for one in trained if _is_there(folders[one])]
    training = {_training(job) for job in jobs if job.rule == "train"}
    seeds = len({one.seed for one in wanted}) > 1
    cost = [_cost(plan, job, estimator) for job in jobs]
    return Standing(
        *group, len(trained), len(there), sum(map(len, wanted.values())),
        sum((folders[one] / f"{EVAL}{name}.json").is_file() for one, names in wanted.items() for name in names),
        tuple(_name(one, seeds) for one in trained if one not in there),
        tuple(_name(one, seeds) for one in there if one in training),
        dict(Counter(job.rule for job in jobs)),
        tuple(f"{folders[one]}/checkpoint" for one in trained if one not in there and one not in training),
        tuple(dict.fromkeys(cause for job in jobs for cause in causes(job))),
        round(sum(hours for hours, _ in cost), 4), round(sum(on_gpu for _, on_gpu in cost), 4),
    )  # fmt: skip


def _is_there(folder: Path) -> bool:
    """Return whether a policy has its weights and its training record."""
    return (folder / "train.json").is_file() and any((folder / "checkpoint").glob("*.safetensors"))


def _name(one: Training, seeds: bool) -> str:
    return f"seed{one.seed}/{one.policy}" if seeds else one.policy


def _owner(job: Job) -> Group:
    """Return the owner of a job: the method whose policy folder contains its output."""
    model, task, policy = (job.wildcards.get(name, "") for name in ("model", "task", "policy"))
    method = policy.split(".")[0]
    return (model, task, method) if method else ("", "", "")


def _training(job: Job) -> Training:
    given = job.wildcards
    return Training(given["model"], given["task"], int(given["seed"]), given["policy"])


def _cost(plan: Plan, job: Job, estimator: Estimator) -> tuple[float, float]:
    """Estimate the hours and GPU-hours of a job; light stages count as free."""
    one: Draw | Scoring | Training
    given = job.wildcards
    if job.rule == "train":
        one = _training(job)
    elif job.rule == "sample":
        one = Draw(*_training(job), given["pool"])
    elif job.rule == "score" and isinstance(plan.config.scores[given["score"]], Score):
        one = Scoring(*_training(job), given["pool"], given["score"])
    else:
        return 0.0, 0.0
    item = estimator.item(one)
    return item.seconds / item.jobs / 3600, item.gpu_seconds / item.jobs / 3600
