"""Checks of the whole config: names exist, and options are compatible."""

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import product

from hsir.config.explain import suggest
from hsir.config.home import found, is_local
from hsir.config.plan import BASE, Plan
from hsir.config.pools import BasePool, DrawnPool, GuidePool, MajorityPool, ProbePool, SamplePool, VeriExitPool
from hsir.config.schema import Config, Method, Run
from hsir.config.settings import Score
from hsir.config.training import Grpo
from hsir.reducers import scores_read
from hsir.rewards import reads_scores
from hsir.selection.filters import compares_raw_scores

TAKEN = {"base", "data", "runs", "benchmarks", "traces", "eval", "all"}
RULES = {
    "data_test", "sample", "verify", "veriexit", "score", "filter", "contamination", "overlap", "train", "evaluate",
    "evaluate_sampled", "report", "analysis", "distill", "probe", "judge", "variants", "score_variants", "div",
    "div_variants", "redundancy", "ask", "ledger", "vote",
}  # fmt: skip
FILES = {
    "eval",
    "checkpoint",
    "filtered.parquet",
    "funnel.json",
    "contamination.json",
    "overlap.json",
    "train.json",
    "ledger.json",
}
RESERVED = {"models": TAKEN, "tasks": TAKEN, "methods": TAKEN, "runs": TAKEN | RULES, "pools": FILES}
HOMELESS = "; `~` is not expanded; write the full path"
Use = tuple[str, str, Iterable[str], Collection[str]]
"""Key, kind of entry that it names, names used, names that exist."""


def unknown_names(config: Config, declared: Mapping[str, Collection[str]]) -> list[str]:
    """Report every unknown name, with the closest known one; `declared` names may belong to invalid entries."""
    return [
        f"{key}: unknown {what} {name!r}{suggest(name, known)}"
        for key, what, names, known in [*_uses_in_runs(config), *_uses_in_entries(config)]
        for name in names
        if name not in known and name not in declared[what]
    ]


def misfits(config: Config) -> list[str]:
    """Report all incompatible options."""
    return [
        *_taken_names(config),
        *_run_misfits(config),
        *_method_misfits(config),
        *_pool_misfits(config),
        *_overlay_misfits(config),
        *_missing_models(config),
    ]


def _uses_in_runs(config: Config) -> Iterable[Use]:
    yield "run", "run", [config.run] if isinstance(config.run, str) else config.run, config.runs
    for name, run in config.runs.items():
        yield f"runs.{name}.models", "model", run.models, config.models
        yield f"runs.{name}.tasks", "task", run.tasks, config.tasks
        yield f"runs.{name}.methods", "method", run.methods, {*config.methods, BASE}
        given = run.benchmarks or ()
        for key, names in given.items() if isinstance(given, dict) else [("", given)]:
            yield f"runs.{name}.benchmarks{key and '.'}{key}", "task", names, config.tasks
        yield f"runs.{name}.reference", "method", [run.reference] if run.reference else [], {*config.methods, BASE}


def _uses_in_entries(config: Config) -> Iterable[Use]:
    for name, method in config.methods.items():
        yield f"methods.{name}.pools", "pool", method.pools, config.pools
        yield f"methods.{name}.questions.of", "pool", [method.questions.of] if method.questions else [], config.pools
        yield f"methods.{name}.score", "score set", [method.score] if method.score else [], config.scores
        yield (
            f"methods.{name}.initial",
            "method",
            [_maker(method.initial)] if method.follows else [],
            {*config.methods, BASE},
        )
    for name, pool in config.pools.items():
        yield f"pools.{name}.of", "pool", [pool.source] if pool.source else [], config.pools
        yield f"pools.{name}.matcher", "pool", pool.sources[1:], config.pools


def _taken_names(config: Config) -> Iterable[str]:
    for kind, taken in RESERVED.items():
        for name in sorted(taken & set(getattr(config, kind))):
            yield f"{kind}.{name}: the workflow uses this name; choose another"


def _run_misfits(config: Config) -> Iterable[str]:
    for name, run in config.runs.items():
        for task in sorted({*run.benchmarks} - {*run.tasks}) if isinstance(run.benchmarks, dict) else []:
            yield f"runs.{name}.benchmarks.{task}: the run does not train on this task, only on {', '.join(run.tasks)}"
        if run.reference is not None and run.reference not in run.methods:
            yield f"runs.{name}.reference: {run.reference!r} is not one of its methods; add it, or choose one of them"


def _method_misfits(config: Config) -> Iterable[str]:
    for name, method in config.methods.items():
        yield from (f"methods.{name}.{wrong}" for wrong in _initial_misfits(name, method, config))
        yield from (f"methods.{name}.{wrong}" for wrong in _score_misfits(method, config))
        if any(name in run.methods for run in config.runs.values()):  # a run may replace the pools of others
            yield from (f"methods.{name}.{wrong}" for wrong in _ancestor_misfits(method, config))
        if method.train.learns_from == "pairs" and not any(_draws_several(config.pools.get(p)) for p in method.pools):
            yield (
                f"methods.{name}.train: {method.train.kind} needs correct and failed solutions of the same"
                " question, but its pools sample one per question; add a pool with more samples"
            )
        if method.questions is not None and not _draws_several(config.pools.get(method.questions.of)):
            yield (
                f"methods.{name}.questions.of: {method.questions.of!r} does not sample several answers to a plain"
                " question; name a pool such as k10"
            )
        for pool in method.pools:
            made = config.pools.get(pool)
            if isinstance(made, ProbePool):
                yield f"methods.{name}.pools: {pool!r} contains probes, which are not used for training; remove it"
            source = None if made is None or isinstance(made, GuidePool | MajorityPool) else made.source
            if source is not None and source not in method.pools:
                yield (
                    f"methods.{name}.pools: {pool!r} is sampled from {source!r}, which is not one of the pools; add it"
                )
        labels = {pool: Plan(config).labels(pool) for pool in method.pools if pool in config.pools}
        if len(set(labels.values())) > 1:
            told = ", ".join(f"{pool} by {of or 'the gold answers'}" for pool, of in labels.items())
            yield f"methods.{name}.pools: they are judged differently ({told}); name pools that are judged the same way"


def _initial_misfits(name: str, method: Method, config: Config) -> Iterable[str]:
    """`initial` must be a policy that is trained once, or an iteration of another method."""
    if not method.follows or (first := config.methods.get(_maker(method.initial))) is None:
        return
    if "." in method.initial and not first.iterations:
        yield f"initial: {_maker(method.initial)!r} is trained only once; name it without an iteration"
    if "." not in method.initial and first.iterations:
        yield f"initial: {method.initial!r} has iterations; name one of them, such as {method.initial}.1"
    seen, at = {name}, method
    while at.follows and (before := _maker(at.initial)) in config.methods:
        if before in seen:
            yield f"initial: {method.initial!r} comes from {name!r} itself; name a policy that does not depend on it"
            return
        seen.add(before)
        at = config.methods[before]


def _ancestor_misfits(method: Method, config: Config) -> Iterable[str]:
    """With `keep: ancestors`, the tables of earlier policies are read as they are, so their methods must make them."""
    at, seen = method, set[str]()
    while method.keep == "ancestors" and at.follows and (name := _maker(at.initial)) in {*config.methods} - seen:
        seen.add(name)
        at = config.methods[name]
        lacking = [pool for pool in method.pools if pool not in at.pools]
        if method.score is not None and method.score != at.score:
            lacking.append(method.score)
        if at.follows and lacking:
            yield (
                f"keep: ancestors reads {lacking[0]!r} of {name!r} as well, which does not have it; add it there, or"
                " name only pools and a score set that every ancestor has"
            )


def _score_misfits(method: Method, config: Config) -> Iterable[str]:
    rewards = method.train.rewards if isinstance(method.train, Grpo) else ()
    named = config.scores.get(method.score or "")
    raw = [chosen.kind for chosen in method.select if compares_raw_scores(chosen)]
    if raw and method.keep != "last" and isinstance(named, Score):
        yield (
            f"select: filter {raw[0]!r} compares raw scores, and with keep: {method.keep} these are of several"
            " policies, on different scales; use filter indiv, which standardizes them policy by policy, or keep: last"
        )
    if any(map(reads_scores, rewards)) and named is not None and not isinstance(named, Score):
        yield f"score: the reward indiv reads a score set of kind indiv, and {method.score!r} is of kind {named.kind}"


def _maker(policy: str) -> str:
    """Return the name of the method that trains a policy."""
    return policy.split(".")[0]


def _draws_several(pool: BasePool | None) -> bool:
    """Return whether a pool can contain correct and failed solutions of one question; unknown pools are reported
    elsewhere."""
    return pool is None or isinstance(pool, MajorityPool) or (isinstance(pool, SamplePool) and pool.samples > 1)


def _pool_misfits(config: Config) -> Iterable[str]:
    for name, pool in config.pools.items():
        source = config.pools.get(pool.source or "")
        if source is not None and not isinstance(source, _sources_of(pool)):
            yield f"pools.{name}.of: {pool.source!r} is itself derived from a pool; name a pool of kind sample"
        if isinstance(source, SamplePool) and source.parts and pool.asked:
            yield (
                f"pools.{name}.of: {pool.source!r} samples a part of the questions, and a pool of kind {pool.kind}"
                " would sample the others as well; name a pool without parts"
            )
        for probed in pool.sources[1:]:
            probe = config.pools.get(probed)
            if probe is not None and not (isinstance(probe, ProbePool) and probe.of == pool.source):
                yield (
                    f"pools.{name}.matcher: {probed!r} does not probe {pool.source!r}; name a pool of kind probe with"
                    f" of: {pool.source}"
                )
        if isinstance(pool, VeriExitPool) and pool.matcher.judged and config.judge is None:
            yield f"pools.{name}.matcher: the matcher judge needs a model; set judge: in the config"
        if isinstance(pool, GuidePool) and name in _sources(name, config):
            yield f"pools.{name}.of: the pool is derived from itself; name another"
        if isinstance(pool, SamplePool) and (said := re.fullmatch(r"k(\d+)", name)) and int(said[1]) != pool.samples:
            yield (
                f"pools.{name}: its name says {said[1]} samples per question, but it has {pool.samples}; rename it"
                f" k{pool.samples}, and use that name in the methods: {{like: restem, pools: [k{pool.samples}]}}"
            )
        if isinstance(pool, DrawnPool) and pool.temperature == 0 and pool.samples > 1:
            yield (
                f"pools.{name}: {pool.samples} samples at temperature 0 are all the same;"
                " set samples: 1 or a temperature"
            )


def _sources_of(pool: BasePool) -> tuple[type[BasePool], ...]:
    """Return the kinds of pools that a pool can be derived from."""
    if isinstance(pool, GuidePool):
        return (BasePool,)
    return (SamplePool, MajorityPool) if isinstance(pool, VeriExitPool | ProbePool) else (SamplePool,)


def _missing_models(config: Config) -> Iterable[str]:
    """Report missing models of the runs being built, so that they fail before the first job."""
    built = [config.run] if isinstance(config.run, str) else config.run
    for name in sorted({model for run in built if run in config.runs for model in config.runs[run].models}):
        model = config.models.get(name)
        if model is None:
            continue
        if is_local(model.path) and not found(model.path).is_dir():
            yield f"models.{name}.path: {model.path}: no such folder{HOMELESS if model.path.startswith('~') else ''}"
        if model.chat_template is not None and not found(model.chat_template).is_file():
            yield f"models.{name}.chat_template: {model.chat_template}: no such file"


def _sources(name: str, config: Config) -> set[str]:
    """Return all direct and indirect source pools of a pool."""
    found: set[str] = set()
    while (source := getattr(config.pools.get(name), "source", None)) is not None and source not in found:
        found.add(source)
        name = source
    return found


def _overlay_misfits(config: Config) -> Iterable[str]:
    """Report options that are valid on their own but not when merged."""
    plan = Plan(config)
    for name, run in config.runs.items():
        known = [set(run.models) & set(config.models), set(run.tasks) & set(config.tasks)]
        yield from (f"runs.{name}: {wrong}" for wrong in _reducer_misfits(run, config))
        for model, task, method in product(*map(sorted, known), sorted(set(run.methods) & set(config.methods))):
            try:
                plan.settings(model, task)
                _ = plan.train(model, task, method).accumulation
            except ValueError as error:
                yield f"runs.{name}: {method} on {model}, {task}: {error}"


def _reducer_misfits(run: Run, config: Config) -> Iterable[str]:
    """Report reducers that read a score set that does not exist, or is not InDiv."""
    plan = Plan(config)
    benchmarks = {name for names in run.evaluated_on().values() for name in names} & {*config.tasks}
    for model, benchmark in product(sorted({*run.models} & {*config.models}), sorted(benchmarks)):
        for score in scores_read(plan.settings(model, benchmark).evaluate.reducers):
            if not isinstance(config.scores.get(score), Score):
                known = sorted(one for one, made in config.scores.items() if isinstance(made, Score))
                yield (
                    f"a reducer of {benchmark} reads the score set {score!r}, which is not one of kind indiv"
                    f" ({', '.join(known)}); name one of these"
                )
