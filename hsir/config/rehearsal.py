"""Rehearse a config: the same graph with the embedded model, few questions and few steps, in a separate folder."""

from pathlib import Path
from typing import Any

from hsir.config.overlay import overlay
from hsir.config.pools import DrawnPool
from hsir.config.schema import Config, Run, TaskEntry
from hsir.config.settings import Model, Settings
from hsir.tasks.benchmark import Benchmark, TrainingBenchmark
from hsir.tasks.chains import Chains
from hsir.tasks.rehearsal import TRACES, lay_down

QUESTIONS, SEED = 24, 12
"""Questions of each part of a benchmark, and those of the training part that are the seed set."""
SAMPLES, ITERATIONS = 4, 2
"""Maximum number of samples per question, and of iterations: the second one samples from a policy of the first."""
MODEL = Model(path="hsir/embedded/model")
SUFFIX = "-rehearsal"
"""Of the folder of results."""
_TOKENS = 96
_FAST: dict[str, Any] = {
    "learning_rate": 1e-3, "batch_size": 4, "device_batch_size": 4, "devices": {"kind": "single"}, "dtype": "float32",
    "lora": None,
}  # fmt: skip
SETTINGS: dict[str, Any] = {
    "sample": {"engine": {"kind": "transformers"}, "shards": 1, "max_new_tokens": _TOKENS},
    "evaluate": {"shards": 1, "max_new_tokens": _TOKENS},
    "div": {"embedder": {"kind": "words"}},
    "redundancy": {"solutions": 10},
    "train": {
        # Enough for letters, which the embedded model has never seen: every method then finds correct solutions.
        "sft": {
            **_FAST, "learning_rate": 3e-3, "epochs": 6, "limits": {"max_length": 1024, "when_empty": "given_only"},
        },
        "dpo": {**_FAST, "learning_rate": 1e-4, "epochs": 1, "limits": {"max_length": 1024}},
        "grpo": {
            **_FAST, "learning_rate": 1e-4, "batch_size": 2, "batch_counts": "questions", "group_size": 4,
            "max_steps": 2, "max_new_tokens": 48, "engine": {"kind": "transformers"},
        },
    },
}  # fmt: skip
"""Merged over the overrides of the config: sizes, rates and places; filters, pools, scores and rewards stay."""


def rehearsed(config: Config) -> Config:
    """Return the rehearsal of a config: the first model and the first seed of each run that it builds.

    Benchmarks are read from files in their own layout, which `prepare` writes to the results folder.
    """
    built = [config.run] if isinstance(config.run, str) else config.run
    runs = {name: _shortened(config.runs[name]) for name in built}
    results = f"{config.results.removesuffix(SUFFIX)}{SUFFIX}"
    names = {name for run in runs.values() for name in run.models}
    used = {n for run in runs.values() for n in [*run.tasks, *(b for bs in run.evaluated_on().values() for b in bs)]}
    given = config.overrides.model_dump(exclude_unset=True)
    drawn = {name: pool for name, pool in config.pools.items() if isinstance(pool, DrawnPool)}
    pools = {**config.pools, **{name: _fewer(pool, "samples", SAMPLES) for name, pool in drawn.items()}}
    methods = {name: _fewer(method, "iterations", ITERATIONS) for name, method in config.methods.items()}
    return config.model_copy(
        update={
            "results": results, "runs": runs, "models": dict.fromkeys(names, MODEL), "teacher": None,
            "overrides": Settings.model_validate(overlay(given, SETTINGS)), "pools": pools, "methods": methods,
            "tasks": {name: _small(config.tasks[name], _folder(results, name)) for name in used},
        }
    )  # fmt: skip


def prepare(config: Config) -> None:
    """Write the files from which a rehearsal reads its benchmarks."""
    for name, entry in config.tasks.items():
        if isinstance(entry.task, Benchmark):
            lay_down(entry.task, _folder(config.results, name), QUESTIONS)


def _folder(results: str, task: str) -> Path:
    return Path(results) / "benchmarks" / task


def _shortened(run: Run) -> Run:
    iterations = None if run.iterations is None else min(run.iterations, ITERATIONS)
    return run.model_copy(update={"models": run.models[:1], "seeds": run.seeds[:1], "iterations": iterations})


def _fewer(entry: Any, key: str, most: int) -> Any:
    return entry.model_copy(update={key: min(getattr(entry, key), most)})


def _small(entry: TaskEntry, folder: Path) -> TaskEntry:
    """Return a task with few questions, with its own generated files if it is a published benchmark."""
    task = entry.task
    if isinstance(task, TrainingBenchmark):
        changed = {"path": folder, "traces": str(folder / TRACES), "seed_size": SEED}
    elif isinstance(task, Benchmark):
        changed = {"path": folder}
    elif isinstance(task, Chains):
        changed = {"seed": SEED, "unlabelled": QUESTIONS - SEED, "test": QUESTIONS, "longest": 4}
    else:
        changed = {"limit": QUESTIONS}
    return entry.model_copy(update={"task": task.model_copy(update=changed)})
