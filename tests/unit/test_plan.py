"""The plan: the dependency graph, and the precedence of options."""

from pathlib import Path
from typing import Any

import pytest

from hsir.config import Plan, load
from hsir.planning.budget.work import work

RIGHT = [{"kind": "right"}]
RAW: dict[str, Any] = {
    "run": ["one", "two"],
    "runs": {
        "one": {"models": ["small", "large"], "tasks": ["sums"], "methods": ["start", "plain"], "seeds": [0, 7]},
        "two": {
            "models": ["small"], "tasks": ["sums"], "methods": ["plain"], "iterations": 2, "benchmarks": ["other"],
        },
    },
    "models": {
        "small": {"path": "s"},
        "large": {
            "path": "l",
            "settings": {
                "sample": {"shards": 4, "max_new_tokens": 100, "engine": {"batch_size": 8}},
                "evaluate": {"shards": 3},
                "train": {"sft": {"learning_rate": 0.1, "epochs": 5, "limits": {"max_length": 50}}},
            },
        },
    },
    "tasks": {
        "sums": {
            "task": {"kind": "chains"},
            "settings": {
                "sample": {"max_new_tokens": 200},
                "train": {"sft": {"epochs": 6, "weight_decay": 0.5, "limits": {"too_long": "fail"}}},
            },
        },
        "other": {"task": {"kind": "chains"}},
    },
    "methods": {
        "start": {"iterations": 0},
        "plain": {"initial": "start", "pools": ["k10"], "select": RIGHT, "iterations": 3},
        "own": {
            "initial": "start", "pools": ["k10"], "select": RIGHT,
            "train": {"start_from": "parent", "weight_decay": 0.25, "limits": {"when_empty": "given_only"}},
        },
        "own-more": {"initial": "own-start", "pools": ["k10"], "select": RIGHT, "iterations": 12},
        "own-start": {"iterations": 0, "train": {"start_from": "parent"}},
    },
    "overrides": {"sample": {"engine": {"dtype": "bfloat16"}}, "train": {"sft": {"warmup_ratio": 0.0}}},
    "pools": {"short": {"kind": "sample", "samples": 2, "max_new_tokens": 9}},
}  # fmt: skip


def plan(**changes: Any) -> Plan:
    """Make the plan of the config above, with top-level keys replaced."""
    return Plan(load(RAW | changes, Path("nowhere")))


@pytest.mark.parametrize(
    ("policy", "parent"),
    [
        ("start", "base"), ("plain.1", "start"), ("plain.2", "plain.1"), ("plain.3", "plain.2"), ("own.1", "start"),
        ("own-more.1", "own-start"), ("own-more.10", "own-more.9"), ("own-more.11", "own-more.10"),
    ],
)  # fmt: skip
def test_a_policy_samples_from_its_parent(policy: str, parent: str) -> None:
    assert plan().parent(policy) == parent


@pytest.mark.parametrize(
    ("policy", "start"),
    [
        ("start", "base"), ("plain.1", "base"), ("plain.2", "base"), ("own.1", "start"), ("own.2", "own.1"),
        ("own-start", "base"),
    ],
)  # fmt: skip
def test_training_begins_with_the_base_or_the_parent(policy: str, start: str) -> None:
    assert plan().start("small", "sums", policy) == start


def test_policies_are_counted_from_one() -> None:
    one, two = (plan().config.runs[name] for name in ("one", "two"))
    assert plan().policies(one, "plain") == ["plain.1", "plain.2", "plain.3"]
    assert plan().policies(two, "plain") == ["plain.1", "plain.2"]
    assert plan().policies(one, "start") == plan().policies(two, "start") == ["start"]


def test_cells_are_the_whole_grid_once() -> None:
    cells = list(plan().cells(plan().config.runs["one"]))
    assert len(cells) == len(set(cells)) == 2 * 1 * 2 * (1 + 3)
    assert ("large", "sums", 7, "plain", "plain.2") in cells
    assert ("small", "sums", 0, "start", "start") in cells
    assert len(list(plan().cells(plan().config.runs["two"]))) == 2


def test_every_layer_wins_over_the_one_before_and_keeps_the_rest() -> None:
    settings = plan().settings("large", "sums")
    assert settings.sample.shards == 4
    assert settings.sample.max_new_tokens == 200
    assert (settings.sample.engine.batch_size, settings.sample.engine.dtype) == (8, "bfloat16")
    assert settings.evaluate.max_new_tokens == 4096
    small = plan().settings("small", "other")
    assert (small.sample.shards, small.sample.max_new_tokens, small.sample.engine.batch_size) == (1, 2048, 64)


def test_training_options_are_overlaid_down_to_the_method_and_the_overrides() -> None:
    """The method's own defaults override nothing that a model or a task says."""
    train = plan().train("large", "sums", "own.1")
    assert (train.learning_rate, train.epochs, train.weight_decay, train.warmup_ratio) == (0.1, 6, 0.25, 0.0)
    assert (train.limits.max_length, train.limits.too_long, train.limits.when_empty) == (50, "fail", "given_only")
    assert (train.batch_size, train.start_from) == (32, "parent")
    plain = plan().train("small", "other", "plain.3")
    assert (plain.learning_rate, plain.epochs, plain.weight_decay, plain.start_from) == (1e-5, 3, 0.0, "base")


def test_overrides_win_over_the_method() -> None:
    train = plan(overrides={"train": {"sft": {"weight_decay": 0.125}}}).train("large", "sums", "own.1")
    assert (train.weight_decay, train.warmup_ratio) == (0.125, 0.1)


def test_devices_of_another_kind_replace_those_below() -> None:
    """Of one kind, they are laid over one another."""
    zero3 = {"kind": "zero3", "processes": 8, "offload": "all"}
    large = {"path": "l", "settings": {"train": {"sft": {"devices": zero3}}}}
    models = RAW["models"] | {"large": large}

    def devices(**above: Any) -> dict[str, Any]:
        overrides = {"train": {"sft": {"devices": above}}} if above else {}
        found: dict[str, Any] = plan(models=models, overrides=overrides).train("large", "sums", "plain.1").model_dump()
        return found["devices"]

    assert devices() == zero3 | {"nodes": 1}
    assert devices(kind="zero3", processes=4) == zero3 | {"nodes": 1, "processes": 4}
    assert devices(kind="single") == {"kind": "single"}


def test_pools_get_their_token_limit() -> None:
    limits = {name: plan().pool("large", "sums", name).max_new_tokens for name in ("k10", "short", "k10-veriexit")}
    assert limits == {"k10": 200, "short": 9, "k10-veriexit": 64}
    assert plan().pool("large", "sums", "k10").samples == 10


def test_evaluation_is_a_greedy_pool_with_its_own_shards() -> None:
    pool = plan().pool("large", "sums", "eval/other")
    assert (pool.samples, pool.temperature, pool.max_new_tokens) == (1, 0.0, 4096)
    assert [plan().shards("large", "sums", name) for name in ("k10", "eval/sums")] == [4, 3]


def test_benchmarks_are_the_runs_or_the_tasks_own() -> None:
    assert plan().benchmarks(plan().config.runs["one"], "sums") == ("sums",)
    assert plan().benchmarks(plan().config.runs["two"], "sums") == ("other",)
    by_task = (
        plan().config.runs["two"].model_copy(update={"tasks": ("sums", "own"), "benchmarks": {"sums": ("other",)}})
    )
    assert [plan().benchmarks(by_task, task) for task in by_task.tasks] == [("other",), ("own",)]


def test_runs_are_built_by_default_as_the_config_says() -> None:
    assert plan().built_by_default() == ("one", "two")
    assert plan(run="two").built_by_default() == ("two",)


def test_the_untrained_model_is_evaluated_and_trained_by_nobody() -> None:
    runs = {"one": RAW["runs"]["one"] | {"methods": ["base", "start"], "reference": "base"}}
    made = plan(run="one", runs=runs)
    evaluated, trained = (
        [cell[-1] for cell in cells(made.config.runs["one"])] for cells in (made.evaluated, made.cells)
    )
    assert (set(evaluated), set(trained)) == ({"base", "start"}, {"start"})
    todo = work(made, ["one"])
    assert {one.policy for one in todo.draws} == {"base", "start"} and {one.policy for one in todo.trainings} == {
        "start"
    }
    assert set(made.alone("one").methods) == {"start"}


def test_a_benchmark_with_samples_has_a_second_evaluation() -> None:
    sampled = {"samples": 16, "temperature": 0.8}
    tasks = {**RAW["tasks"], "other": {"task": {"kind": "chains"}, "settings": {"evaluate": sampled}}}
    made = plan(tasks=tasks)
    one, two = made.config.runs["one"], made.config.runs["two"]
    assert made.evaluations(two, "small", "sums") == ("other", "other@16")
    assert made.evaluations(one, "small", "sums") == ("sums",)
    assert made.benchmarks(two, "sums") == ("other",), "the test set is one"
    drawn, greedy = made.pool("small", "sums", "eval/other@16"), made.pool("small", "sums", "eval/other")
    assert (drawn.samples, drawn.temperature, drawn.top_p, drawn.max_new_tokens) == (16, 0.8, 0.95, 4096)
    assert (greedy.samples, greedy.temperature, greedy.top_p) == (1, 0.0, 1.0)
    assert made.shards("large", "sums", "eval/other@16") == 3
    draws = [draw for draw in work(made, ["two"]).draws if draw.pool.startswith("eval/")]
    assert [draw.pool for draw in draws] == ["eval/other", "eval/other@16"] * 2


def test_a_greedy_evaluation_does_not_change_with_the_samples() -> None:
    """Snakemake compares the options of its job: what they were before samples existed, they still are."""
    changed = plan(overrides={"evaluate": {"samples": 4, "top_p": 0.9}})
    for made in (plan(), changed):
        pool = made.pool("small", "sums", "eval/sums")
        assert pool.model_dump_json() == '{"samples":1,"temperature":0.0,"max_new_tokens":4096,"kind":"sample"}'
    assert '"top_p":0.9' in changed.pool("small", "sums", "eval/sums@4").model_dump_json()


def test_the_pool_that_chooses_questions_is_sampled_from_the_policy_before() -> None:
    """Reinforcement learning samples nothing else; without the option, no pool at all."""
    learns = {"given": ["questions"], "initial": "start", "train": {"kind": "grpo"}}
    chosen = learns | {"questions": {"of": "k10", "pass_rate": [0.2, 0.8]}}
    runs = {"one": RAW["runs"]["one"] | {"methods": ["every", "some"]}}
    methods = RAW["methods"] | {"every": learns, "some": chosen}
    plan = Plan(load(RAW | {"run": "one", "runs": runs, "methods": methods}, Path("nowhere")))
    assert (plan.drawn_for("every.1"), plan.drawn_for("some.1")) == ([], ["k10"])
    pools = [(draw.policy, draw.pool) for draw in work(plan, ["one"]).draws if draw.pool.startswith("k")]
    assert set(pools) == {("start", "k10")} and plan.method("some.1").pools == ()
    assert "k10" in plan.alone("one").pools
