"""Checks that look at the whole config: names that exist, parts that fit together."""

from collections.abc import Collection, Iterable, Mapping
from itertools import product

from hsir.config.explain import suggest
from hsir.config.plan import Plan
from hsir.config.schema import Config
from hsir.config.settings import SamplePool, VeriExitPool

TAKEN = {"base", "data", "runs", "benchmarks", "eval", "all"}
RULES = {
    "data_test", "sample", "verify", "veriexit", "score", "filter", "contamination", "overlap", "train", "evaluate",
    "report", "analysis", "variants", "score_variants", "div", "redundancy",
}  # fmt: skip
FILES = {"eval", "checkpoint", "filtered.parquet", "funnel.json", "contamination.json", "overlap.json", "train.json"}
RESERVED = {"models": TAKEN, "tasks": TAKEN, "methods": TAKEN, "runs": TAKEN | RULES, "pools": FILES}
Use = tuple[str, str, Iterable[str], Collection[str]]
"""Key, what it names, the names there, the names that exist."""


def unknown_names(config: Config, declared: Mapping[str, Collection[str]]) -> list[str]:
    """Tell every name that stands for nothing, with the nearest that does; `declared` ones may be broken."""
    return [
        f"{key}: unknown {what} {name!r}{suggest(name, known)}"
        for key, what, names, known in [*_uses_in_runs(config), *_uses_in_entries(config)]
        for name in names
        if name not in known and name not in declared[what]
    ]


def misfits(config: Config) -> list[str]:
    """Tell every part that does not fit another."""
    return [*_taken_names(config), *_method_misfits(config), *_pool_misfits(config), *_overlay_misfits(config)]


def _uses_in_runs(config: Config) -> Iterable[Use]:
    yield "run", "run", [config.run] if isinstance(config.run, str) else config.run, config.runs
    for name, run in config.runs.items():
        yield f"runs.{name}.models", "model", run.models, config.models
        yield f"runs.{name}.tasks", "task", run.tasks, config.tasks
        yield f"runs.{name}.methods", "method", run.methods, config.methods
        yield f"runs.{name}.benchmarks", "task", run.benchmarks or (), config.tasks


def _uses_in_entries(config: Config) -> Iterable[Use]:
    for name, method in config.methods.items():
        yield f"methods.{name}.pools", "pool", method.pools, config.pools
        yield f"methods.{name}.score", "score set", [method.score] if method.score else [], config.scores
        yield f"methods.{name}.initial", "method", [method.initial] if method.pools else [], config.methods
    for name, pool in config.pools.items():
        if isinstance(pool, VeriExitPool):
            yield f"pools.{name}.of", "pool", [pool.of], config.pools


def _taken_names(config: Config) -> Iterable[str]:
    for kind, taken in RESERVED.items():
        for name in sorted(taken & set(getattr(config, kind))):
            yield f"{kind}.{name}: the name is taken by the workflow; choose another"


def _method_misfits(config: Config) -> Iterable[str]:
    for name, method in config.methods.items():
        initial = config.methods.get(method.initial)
        if method.pools and initial is not None and initial.iterations:
            yield f"methods.{name}.initial: {method.initial!r} samples itself; name one of iterations: 0"
        if method.train.pairs and not any(_draws_several(config.pools.get(pool)) for pool in method.pools):
            yield (
                f"methods.{name}.train: {method.train.kind} needs right and failed solutions of one question, but its"
                " pools draw one a question; name a pool of more samples"
            )
        for pool in method.pools:
            source = getattr(config.pools.get(pool), "of", pool)
            if source not in method.pools:
                yield f"methods.{name}.pools: {pool!r} recycles {source!r}, which is not among the pools; add it"


def _draws_several(pool: SamplePool | VeriExitPool | None) -> bool:
    """Tell whether a pool may hold right and failed solutions of one question; one that does not exist is told of."""
    return pool is None or (isinstance(pool, SamplePool) and pool.samples > 1)


def _pool_misfits(config: Config) -> Iterable[str]:
    for name, pool in config.pools.items():
        if isinstance(pool, VeriExitPool) and isinstance(config.pools.get(pool.of), VeriExitPool):
            yield f"pools.{name}.of: {pool.of!r} is itself recycled; name a pool of kind sample"
        if pool.temperature == 0 and pool.samples > 1:
            yield (
                f"pools.{name}: {pool.samples} samples at temperature 0 are all the same;"
                " set samples: 1 or a temperature"
            )


def _overlay_misfits(config: Config) -> Iterable[str]:
    """Options that are sound apart may fit no more once laid over one another."""
    plan = Plan(config)
    for name, run in config.runs.items():
        known = [set(run.models) & set(config.models), set(run.tasks) & set(config.tasks)]
        for model, task, method in product(*map(sorted, known), sorted(set(run.methods) & set(config.methods))):
            try:
                plan.settings(model, task)
                _ = plan.train(model, task, method).accumulation
            except ValueError as error:
                yield f"runs.{name}: {method} on {model}, {task}: {error}"
