"""Resolve the dependency graph: from runs and methods to policies, parents, pools, options and files."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hsir.config.overlay import overlay
from hsir.config.pools import DrawnPool, MajorityPool, SamplePool
from hsir.config.schema import Config, Method, Run, TestSets
from hsir.config.settings import DivScore, Score, Settings
from hsir.config.training import Train
from hsir.reducers import scores_read

BASE = "base"
EVAL = "eval/"
SAMPLED = "@"
"""Between a benchmark and a number of samples per question: no name of a task contains it."""


def test_set(evaluation: str) -> str:
    """Return the benchmark of an evaluation: `gsm8k` of `gsm8k`, `gsm8k@16`, `eval/gsm8k` or `eval/gsm8k@16`."""
    return evaluation.removeprefix(EVAL).partition(SAMPLED)[0]


def samples_of(evaluation: str) -> int:
    """Return the sampled answers per question of an evaluation; 1 if it is greedy."""
    return int(evaluation.partition(SAMPLED)[2] or 1)


@dataclass(frozen=True)
class Plan:
    """The config, and everything that the workflow derives from it.

    A policy is `base`, the name of a method with `iterations: 0`, or `<method>.<iteration>`.
    """

    config: Config

    def settings(self, model: str, task: str) -> Settings:
        """Merge the stage options: defaults < model < task < overrides."""
        layers = [
            self.config.models[model].settings,
            self.config.tasks[task].settings,
            self.config.overrides,
        ]
        return Settings.model_validate(overlay(*(_given(layer) for layer in layers)))

    def score_set(self, name: str, model: str, task: str) -> Score | DivScore:
        """Return a score set; if it reads steps, with the model's step separator unless it has its own."""
        found = self.config.scores[name]
        if not isinstance(found, Score) or found.states != "step" or found.steps:
            return found
        return found.model_copy(update={"steps": self.settings(model, task).traces.steps})

    def train(self, model: str, task: str, policy: str) -> Train:
        """Merge a policy's training options: defaults < model < task < method < overrides."""
        chosen = self.method(policy).train
        blocks = [
            _given(layer).get("train", {}).get(chosen.kind, {})
            for layer in (self.config.models[model].settings, self.config.tasks[task].settings)
        ]
        last = _given(self.config.overrides).get("train", {}).get(chosen.kind, {})
        return type(chosen).model_validate(overlay(*blocks, _given(chosen), last))

    def pool(self, model: str, task: str, pool: str) -> DrawnPool:
        """Return a pool with its token limit; `eval/{benchmark}` is the greedy pool of an evaluation,
        `eval/{benchmark}@{samples}` the sampled one. Raises KeyError for a pool that is not sampled."""
        if pool.startswith(EVAL):
            how, samples = self.settings(model, test_set(pool)).evaluate, samples_of(pool)
            given = {"temperature": how.temperature, "top_p": how.top_p} if samples > 1 else {"temperature": 0.0}
            return SamplePool(kind="sample", samples=samples, max_new_tokens=how.max_new_tokens, **given)
        named = self.config.pools[pool]
        if isinstance(named, MajorityPool):
            raise KeyError(f"nothing is sampled for {pool!r}; its solutions are those of {named.of!r}")
        limit = named.max_new_tokens or self.settings(model, task).sample.max_new_tokens
        return named.model_copy(update={"max_new_tokens": limit})

    def drawn_as(self, pool: str) -> str:
        """Return the pool that contains a pool's solutions: another one, if nothing is sampled for it."""
        named = self.config.pools.get(pool)
        return named.of if isinstance(named, MajorityPool) else pool

    def labels(self, pool: str) -> str | None:
        """Return the pool whose majority answers are the gold answers of a pool; None if they are the task's own."""
        name: str | None = pool
        while (named := self.config.pools.get(name or "")) is not None and not isinstance(named, MajorityPool):
            name = named.source
        return name if named else None

    def shards(self, model: str, task: str, pool: str) -> int:
        """Return the number of jobs that a pool is split into."""
        if pool.startswith(EVAL):
            return self.settings(model, test_set(pool)).evaluate.shards
        return self.settings(model, task).sample.shards

    def outside_tags(self, model: str, task: str, pool: str) -> bool:
        """Return whether answers outside the answer tags count in a pool."""
        if pool.startswith(EVAL):
            return self.settings(model, test_set(pool)).evaluate.outside_tags
        return self.settings(model, task).sample.outside_tags

    def method(self, policy: str) -> Method:
        """Return the method that trains a policy."""
        return self.config.methods[policy.split(".")[0]]

    def parent(self, policy: str) -> str:
        """Return the policy that a policy's pools are sampled from, or that its training starts from."""
        name, _, iteration = policy.partition(".")
        if not iteration:
            return BASE
        return f"{name}.{int(iteration) - 1}" if int(iteration) > 1 else self.method(policy).initial

    def iteration(self, policy: str) -> int:
        """Return the iteration that trained a policy; 0 for one that was trained once, or not at all."""
        return int(policy.partition(".")[2] or 0)

    def behind(self, policy: str) -> list[str]:
        """Return a policy's ancestors, nearest first, without the base model."""
        found: list[str] = []
        while (policy := self.parent(policy)) != BASE:
            found.append(policy)
        return found

    def others(self, policy: str) -> list[str]:
        """Return the other policies whose pools a policy is trained on, in addition to its parent's: those that earlier
        iterations sampled from, latest first, as far as the method keeps them."""
        keep = self.method(policy).keep
        if keep == "last":
            return []
        sampled = [self.parent(one) for one in (policy, *self.behind(policy)) if self.method(one).pools]
        return sampled[1 : self.iteration(policy)] if keep == "all" else sampled[1:]

    def sampled_before(self, policy: str, pool: str) -> list[str]:
        """Return the ancestors of a policy that were sampled for a pool, oldest first."""
        chain = [one for one in (policy, *self.behind(policy)) if one != BASE]
        return [self.parent(one) for one in reversed(chain) if pool in self.pools_for(one)]

    def drawn_for(self, policy: str) -> list[str]:
        """Return the pools that are sampled for a policy: its own, and their source pools."""
        return [name for name in self.pools_for(policy) if self.drawn_as(name) == name]

    def pools_for(self, policy: str) -> list[str]:
        """Return all pools behind a policy: those that the stage filter reads, and their source pools."""
        found: dict[str, None] = {}

        def collect(name: str) -> None:
            for source in self.config.pools[name].sources:
                collect(source)
            found[name] = None

        for name in self.method(policy).reads:
            collect(name)
        return list(found)

    def start(self, model: str, task: str, policy: str) -> str:
        """Return the policy whose weights a policy's training starts from."""
        parent = self.train(model, task, policy).start_from == "parent"
        return self.parent(policy) if parent else BASE

    def policies(self, run: Run, method: str) -> list[str]:
        """Return a method's policies within a run, by iteration; for `base`, only the untrained model."""
        if method == BASE:
            return [BASE]
        rounds = self.config.methods[method].iterations
        if not rounds:
            return [method]
        return [f"{method}.{i}" for i in range(1, (run.iterations or rounds) + 1)]

    def cells(self, run: Run) -> Iterator[tuple[str, str, int, str, str]]:
        """Yield (model, task, seed, method, policy) of everything that a run trains."""
        yield from (cell for cell in self.evaluated(run) if cell[-1] != BASE)

    def evaluated(self, run: Run) -> Iterator[tuple[str, str, int, str, str]]:
        """Yield (model, task, seed, method, policy) of everything that a run evaluates, including the untrained
        model."""
        for model in run.models:
            for task in run.tasks:
                for seed in run.seeds:
                    for method in run.methods:
                        for policy in self.policies(run, method):
                            yield model, task, seed, method, policy

    def benchmarks(self, run: Run, task: str) -> tuple[str, ...]:
        """Return the benchmarks on which policies trained on a task are evaluated."""
        return run.evaluated_on()[task]

    def evaluations(self, run: Run, model: str, task: str) -> tuple[str, ...]:
        """Name the evaluations of a model's policies that are trained on a task: `{benchmark}`, which is greedy, and
        `{benchmark}@{samples}` if samples are set."""
        named: list[str] = []
        for benchmark in self.benchmarks(run, task):
            samples = self.settings(model, benchmark).evaluate.samples
            named += [benchmark, *([f"{benchmark}{SAMPLED}{samples}"] if samples else [])]
        return tuple(named)

    def reduced_by(self, model: str, evaluation: str) -> tuple[str, ...]:
        """Return the score sets that the reducers of an evaluation of several samples read; none if it is greedy."""
        how = self.settings(model, test_set(evaluation)).evaluate
        return scores_read(how.reducers) if samples_of(evaluation) > 1 else ()

    def tested(self, model: str, task: str, seed: int, policy: str) -> TestSets:
        """Return the test sets of every run that trains a policy or samples from it; the task's own, if there is
        none."""
        names = [
            benchmark
            for run in self.config.runs.values()
            if model in run.models and task in run.tasks and seed in run.seeds and policy in self._made_by(run)
            for benchmark in self.benchmarks(run, task)
        ]
        return TestSets({name: self.config.tasks[name].task.for_split("test") for name in names or [task]})

    def built_by_default(self) -> tuple[str, ...]:
        """Return the runs that plain `snakemake` builds."""
        return (self.config.run,) if isinstance(self.config.run, str) else self.config.run

    def alone(self, name: str) -> Config:
        """Return the config of one run with everything that it names, so that it builds the same run elsewhere."""
        config, run = self.config, self.config.runs[name]
        policies = self._made_by(run)
        methods = {policy.split(".")[0]: self.method(policy) for policy in policies}
        reduced = [
            score
            for model in run.models
            for task in run.tasks
            for name in self.evaluations(run, model, task)
            for score in self.reduced_by(model, name)
        ]
        used = {
            "models": run.models,
            "tasks": (*run.tasks, *(name for names in run.evaluated_on().values() for name in names)),
            "methods": methods,
            "pools": dict.fromkeys(pool for policy in policies for pool in self.pools_for(policy)),
            "scores": dict.fromkeys([method.score for method in methods.values() if method.score] + reduced),
        }
        parts = {kind: {key: getattr(config, kind)[key] for key in keys} for kind, keys in used.items()}
        return config.model_copy(update={"run": name, "runs": {name: run}, **parts})

    def _made_by(self, run: Run) -> list[str]:
        """Return the policies that a run trains, and their ancestors."""
        policies = [policy for name in run.methods if name != BASE for policy in self.policies(run, name)]
        return list(dict.fromkeys(policies + [old for policy in policies for old in self.behind(policy)]))


def _given(options: Any) -> dict[str, Any]:
    """Return only the fields that were set, so that an overlay does not override anything with a default."""
    given: dict[str, Any] = options.model_dump(exclude_unset=True)
    return given
