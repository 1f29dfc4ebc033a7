"""Checks that look at the whole config: names that exist, parts that fit together."""

from collections.abc import Iterable

from hsir.config.explain import suggest
from hsir.config.schema import Config
from hsir.config.settings import VeriExitPool

RESERVED = {"base", "data", "runs", "benchmarks", "eval", "all"}


def unknown_names(config: Config, where: str) -> list[str]:
    used: list[tuple[str, str, Iterable[str], Iterable[str]]] = []
    chosen = [config.run] if isinstance(config.run, str) else config.run
    used.append(("run", "run", chosen, config.runs))
    for name, run in config.runs.items():
        used += [
            (f"runs.{name}.models", "model", run.models, config.models),
            (f"runs.{name}.tasks", "task", run.tasks, config.tasks),
            (f"runs.{name}.methods", "method", run.methods, config.methods),
            (f"runs.{name}.benchmarks", "task", run.benchmarks or (), config.tasks),
        ]
    for name, method in config.methods.items():
        used += [
            (f"methods.{name}.pools", "pool", method.pools, config.pools),
            (f"methods.{name}.score", "score set", [method.score] if method.score else [], config.scores),
            (f"methods.{name}.initial", "method", [method.initial] if method.pools else [], config.methods),
        ]
    for name, pool in config.pools.items():
        if isinstance(pool, VeriExitPool):
            used.append((f"pools.{name}.of", "pool", [pool.of], config.pools))
    return [
        f"{where}: {key}: unknown {what} {name!r}{suggest(name, known)}"
        for key, what, names, known in used
        for name in names
        if name not in known
    ]


def misfits(config: Config, where: str) -> list[str]:
    errors = []
    for kind in ("models", "tasks", "methods", "runs"):
        for name in sorted(RESERVED & set(getattr(config, kind))):
            errors.append(f"{where}: {kind}.{name}: the name is taken by the workflow; choose another")
    for name, method in config.methods.items():
        initial = config.methods.get(method.initial)
        if method.pools and initial is not None and initial.iterations:
            errors.append(f"{where}: methods.{name}.initial: {method.initial!r} samples itself; name one of iterations: 0")
        for pool in method.pools:
            source = getattr(config.pools.get(pool), "of", pool)
            if source not in method.pools:
                errors.append(
                    f"{where}: methods.{name}.pools: {pool!r} recycles {source!r}, which is not among the pools; add it"
                )
    for name, pool in config.pools.items():
        if isinstance(pool, VeriExitPool) and isinstance(config.pools.get(pool.of), VeriExitPool):
            errors.append(f"{where}: pools.{name}.of: {pool.of!r} is itself recycled; name a pool of kind sample")
        if pool.temperature == 0 and pool.samples > 1:
            errors.append(
                f"{where}: pools.{name}: {pool.samples} samples at temperature 0 are all the same;"
                " set samples: 1 or a temperature"
            )
    return errors
