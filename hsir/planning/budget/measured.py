"""Measurements of earlier runs: their ledgers, funnels, evaluations, and job durations."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hsir.config import Plan
from hsir.config.pools import BasePool, SamplePool
from hsir.errors import InputError
from hsir.storage.files import read_json

Key = tuple[str, ...]


class Measured:
    """Ratios of sums over all files found, by subject."""

    def __init__(self) -> None:
        self._sums: dict[Key, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self.files: list[Path] = []

    def ratio(self, *key: str) -> float | None:
        """Return a ratio, or None if nothing was measured."""
        above, below = self._sums.get(key, (0.0, 0.0))
        return above / below if below > 0 else None

    @property
    def on_gpu(self) -> bool:
        """Whether any job was measured on a GPU."""
        return any(key[0] == "devices" and above > 0 for key, (above, _) in self._sums.items())

    def add(self, above: float, below: float, *key: str) -> None:
        """Add to the two sums of a ratio."""
        if below > 0:
            self._sums[key][0] += above
            self._sums[key][1] += below


def gather(folders: Iterable[Path], plan: Plan) -> Measured:
    """Read the measurements of all finished runs; raises InputError for an invalid file."""
    found = Measured()
    for folder in dict.fromkeys(folders):
        for path in sorted(folder.glob("*/*/seed*/*/ledger.json")):
            model, task, _, policy = path.parent.relative_to(folder).parts
            found.files.append(path)
            with _read(path):
                _ledger(found, read_json(path), plan, model, task, policy)
            if (funnel := path.with_name("funnel.json")).is_file():
                with _read(funnel):
                    _funnel(found, read_json(funnel)["steps"], plan, model, task)
        for path in sorted(folder.glob("*/*/seed*/*/eval/*.json")):
            model, task = path.parent.relative_to(folder).parts[:2]
            found.files.append(path)
            with _read(path):
                _evaluation(found, path, model, task)
    return found


@contextmanager
def _read(path: Path) -> Iterator[None]:
    """Turn a missing key into an InputError that names the file."""
    try:
        yield
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a file of this version ({error!r}); delete it and rerun") from error


def costs(folder: Path) -> list[Mapping[str, float]]:
    """Read the durations of a pool's jobs."""
    return [read_json(path) for path in sorted(folder.glob("*.cost.json"))]


def _ledger(found: Measured, told: Any, plan: Plan, model: str, task: str, policy: str) -> None:
    for name, entry in told["pools"].items():
        pool = plan.config.pools.get(name)
        for length in (("length", model, task, name), *([("length", model, task)] if _fresh(pool) else [])):
            found.add(entry["generated_tokens"], entry["samples"], *length)
        source = told["pools"].get(plan.drawn_as((pool.source if pool else None) or ""))
        if source:
            found.add(entry["samples"], source["samples"], "drawn", model, task, name)
        _took(found, entry["generated_tokens"], entry["sample_seconds"], entry["device_seconds"], "sample", model)
    scored, trained = told["scored"], told["training"]
    _took(found, scored["scored_tokens"], scored["score_seconds"], scored["device_seconds"], "score", model)
    found.add(trained["training_tokens"], 1, "trained", model, task, policy)
    method = plan.config.methods.get(policy.split(".")[0])
    if method is not None:
        took = (trained["training_tokens"], trained["train_seconds"], trained["device_seconds"])
        _took(found, *took, method.train.kind, model)


def _took(found: Measured, tokens: float, seconds: float, device_seconds: float, stage: str, model: str) -> None:
    found.add(tokens, seconds, "tokens a second", stage, model)
    found.add(device_seconds, seconds, "devices", stage, model)


def _funnel(found: Measured, steps: list[Any], plan: Plan, model: str, task: str) -> None:
    if len(steps) < 2 or not steps[1]["total"]:
        return
    drawn, right = steps[0]["by_pool"], steps[1]["by_pool"]
    for name in (name for name in drawn if _fresh(plan.config.pools.get(name))):
        found.add(drawn[name] - right.get(name, 0), drawn[name], "failed", model, task)


def _evaluation(found: Measured, path: Path, model: str, task: str) -> None:
    told, took = read_json(path), costs(path.with_suffix("") / "samples")
    answers = told["questions"] * told.get("samples", 1)
    tokens = answers * told["tokens"]["mean"]
    found.add(tokens, answers, "length", model, task, f"eval/{path.stem}")
    seconds = sum(one["seconds"] for one in took)
    _took(found, tokens, seconds, sum(one["seconds"] * one["devices"] for one in took), "evaluate", model)


def _fresh(pool: BasePool | None) -> bool:
    return isinstance(pool, SamplePool)
