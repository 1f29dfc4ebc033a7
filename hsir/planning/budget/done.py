"""The finished part of a plan and its actual cost, from the files that finished jobs leave next to their tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hsir.config import Plan
from hsir.config.plan import EVAL
from hsir.planning.budget.estimate import Item
from hsir.planning.budget.measured import costs
from hsir.planning.budget.work import Draw, Scoring, Training, Work
from hsir.storage.files import read_json

Ledger = Mapping[str, Any]


def done(plan: Plan, work: Work, results: Path) -> list[Item]:
    """Return each item of work with a finished job; samples and tokens are known once a ledger contains them."""
    ledgers = {one: read_json(path) for one in work.trainings if (path := _ledger(results, one)).is_file()}
    found = [
        *(_drawn(plan, one, ledgers, results) for one in work.draws),
        *(_scored(one, ledgers, results) for one in work.scorings),
        *(_trained(one, ledgers, results) for one in work.trainings),
    ]
    return [item for item in found if item.jobs]


def _folder(results: Path, one: Draw | Scoring | Training) -> Path:
    return results / one.model / one.task / f"seed{one.seed}" / one.policy


def _ledger(results: Path, one: Training) -> Path:
    return _folder(results, one) / "ledger.json"


def _item(
    one: Draw | Scoring | Training, stage: str, took: list[Mapping[str, float]], samples: float, tokens: float
) -> Item:
    seconds = sum(cost["seconds"] for cost in took)
    on_gpu = sum(cost["seconds"] * cost["devices"] for cost in took)
    name = "/".join(map(str, one[1:]))
    return Item(one.model, stage, name, len(took), samples, tokens, seconds, on_gpu)


def _drawn(plan: Plan, one: Draw, ledgers: Mapping[Training, Ledger], results: Path) -> Item:
    took = costs(_folder(results, one) / one.pool / "samples")
    if one.pool.startswith(EVAL):
        path = _folder(results, one) / f"{one.pool}.json"
        told: Ledger = read_json(path) if path.is_file() else {"questions": 0, "tokens": {"mean": 0}}
        answers = told["questions"] * told.get("samples", 1)
        return _item(one, "evaluate", took, answers, answers * told["tokens"]["mean"])
    reading = [
        ledger["pools"][one.pool]
        for training, ledger in ledgers.items()
        if training[:3] == one[:3] and plan.parent(training.policy) == one.policy and one.pool in ledger["pools"]
    ]
    entry = reading[0] if reading else {"samples": 0, "generated_tokens": 0}
    return _item(one, "sample", took, entry["samples"], entry["generated_tokens"])


def _scored(one: Scoring, ledgers: Mapping[Training, Ledger], results: Path) -> Item:
    path = _folder(results, one) / one.pool / f"{one.score}-scores.cost.json"
    return _item(one, "score", [read_json(path)] if path.is_file() else [], 0, 0)


def _trained(one: Training, ledgers: Mapping[Training, Ledger], results: Path) -> Item:
    path = _folder(results, one) / "train.cost.json"
    told = ledgers.get(one, {"training": {"samples": 0, "training_tokens": 0}})["training"]
    took = [read_json(path)] if path.is_file() else []
    return _item(one, "train", took, told["samples"], told["training_tokens"])
