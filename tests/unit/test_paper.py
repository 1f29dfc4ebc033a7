"""The published experiments: every hyper-parameter is the paper's (arXiv 2605.24998, sections 4.1, B and C)."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hsir.config import Plan, load, read_yaml
from hsir.config.pools import ProbePool, SamplePool, VeriExitPool
from hsir.config.settings import Score
from hsir.config.training import Dpo, Grpo, Sft
from hsir.rewards import Cosine, Format
from hsir.selection.filters import Filter, InDiv
from hsir.tasks.benchmark import TrainingBenchmark

CONFIG = Path(__file__).parents[2] / "config"
FILES = sorted((CONFIG / "paper").glob("*.yaml"))
PRINTED = [path for path in FILES if not path.stem.startswith("appendix-")]
APPENDIX = [path for path in FILES if path not in PRINTED]
LARGE = {"qwen2.5-7b", "mistral-7b", "llama3-8b"}
ALL = {"qwen2.5-1.5b", "qwen2.5-3b", "qwen2.5-7b"}
SFT = ["sft-initial", "sft-oracle", "star", "restem", "hsir-sft"]
ROUNDS = {"star": 3, "restem": 3, "hsir-sft": 3, "irpo": 3, "hsir-dpo": 3}
SEED_SIZES = {"medqa": 1000, "gsm8k": 1000, "commonsenseqa": 1000, "arc": 500, "strategyqa": 500}


class Experiment(NamedTuple):
    """What a run of a table or figure compares."""

    models: set[str]
    tasks: list[str]
    methods: set[str]
    rounds: int | None
    """Iterations; None: each method's own."""
    benchmarks: dict[str, list[str]] | None = None


TWO = ["medqa", "gsm8k"]
ITERATED = {"sft-initial", "restem", "hsir-sft", "irpo", "hsir-dpo"}
EXPERIMENTS = {
    "table1": Experiment(ALL, TWO, {*SFT, "rft", "regenesis", "irpo", "hsir-dpo"}, None),
    "table2": Experiment({"qwen3-1.7b", "phi-3.5-mini", "mistral-7b", "llama3-8b"}, TWO, set(SFT), 1),
    "table3": Experiment(
        {"qwen2.5-1.5b"}, TWO,
        {"sft-initial", "star", "restem", "hsir-sft", "answer-driven", "veriexit-only", "length-driven", "indiv-only"},
        1,
    ),
    "table4": Experiment({"qwen2.5-1.5b"}, ["arc", "strategyqa", "commonsenseqa"], set(SFT), 1),
    "table5": Experiment(ALL, TWO, {"sft-initial", "grpo", "long2short", "cosfn", "h-grpo"}, None),
    "table6": Experiment(
        {"qwen2.5-7b"}, TWO, {"irpo", "hsir-dpo"}, None, {"medqa": ["gpqa"], "gsm8k": ["medqa"]}
    ),
    "table7": Experiment(ALL, ["gsm8k"], {"hsir-sft", "h-grpo", "hsir-sft-h-grpo"}, 1),
    "figure1": Experiment(ALL, TWO, {"star", *ITERATED}, None),
    "figure2": Experiment(ALL, ["medqa"], {"restem"}, 1),
    "figure2-right": Experiment(
        {"qwen2.5-1.5b"}, ["medqa"], {"one-random", "one-shortest", "one-div-highest", "one-div-lowest"}, None
    ),
    "figure4": Experiment(
        {"qwen2.5-7b"}, TWO, ITERATED, None, {"medqa": ["medbullets", "medxpertqa"], "gsm8k": ["math500", "amc23"]}
    ),
}  # fmt: skip


@cache
def plan(path: Path) -> Plan:
    """Load one of the published experiments."""
    return Plan(load(read_yaml(path), CONFIG))


def trainings(path: Path) -> set[tuple[str, str, str]]:
    """Return (model, task, policy) of all that a file trains, and of what these come from."""
    made = plan(path)
    cells = {cell for name in made.built_by_default() for cell in made.cells(made.config.runs[name])}
    return {
        (model, task, each) for model, task, _, _, policy in cells for each in (policy, *made.behind(policy))
    }  # fmt: skip


def test_every_table_and_figure_has_its_file_and_runs_what_is_compared_there() -> None:
    found = {}
    for path in PRINTED:
        made = plan(path)
        for name in made.built_by_default():
            run = made.config.runs[name]
            assert name.startswith(path.stem)
            found[name] = Experiment(
                set(run.models), list(run.tasks), set(run.methods), run.iterations,
                {task: list(names) for task, names in run.evaluated_on().items()} if run.benchmarks else None,
            )  # fmt: skip
    assert found == EXPERIMENTS


def test_grpo_and_its_variants_are_compared_with_grpo_itself() -> None:
    assert plan(CONFIG / "paper/table5.yaml").config.runs["table5"].reference == "grpo"


@pytest.mark.parametrize("path", APPENDIX, ids=lambda path: path.stem)
def test_an_appendix_varies_one_thing_about_the_papers_method(path: Path) -> None:
    """Whatever differs from HSIR-SFT is named in the method, and no two methods of a run are the same."""
    config = plan(path).config
    (run,) = [config.runs[name] for name in plan(path).built_by_default()]
    assert path.stem == config.run and (run.models, run.tasks, run.iterations) == (("qwen2.5-1.5b",), tuple(TWO), 1)
    assert {"sft-initial", "restem", "hsir-sft"} <= set(run.methods) and run.reference == "hsir-sft"
    made = [
        (
            [config.pools[name].model_dump_json() for name in method.pools],
            [one.model_dump_json() for one in method.select],
            config.scores[method.score].model_dump_json() if method.score else None,
        )
        for method in [config.methods[name] for name in run.methods]
    ]
    assert all(made.count(one) == 1 for one in made)


VARIED: dict[str, dict[str, set[Any]]] = {
    "appendix-tau": {
        "threshold": {-1.0, -0.5, 0.0, 0.3, 0.5}, "standardise": {"zscore", "per_question", "length_residual"},
    },
    "appendix-indiv": {
        "layer": {"middle", 0.25, 0.75}, "alpha": {1e-4, 1e-3, 1e-2}, "weights": {"max", "mean", "sum", "none"},
        "received": {"max", "mean"}, "scale": {"none", "dimension", "unit"}, "tokens": {"all", "think"},
        "states": {"token", "step"},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", VARIED)
def test_the_sensitivity_analyses_cover_the_options(name: str) -> None:
    config = plan(CONFIG / f"paper/{name}.yaml").config
    methods = [config.methods[each] for each in config.runs[name].methods if config.methods[each].score]
    seen: list[Any] = [config.scores[method.score or ""] for method in methods]
    seen += [one for method in methods for one in method.select if isinstance(one, InDiv)]
    for option, values in VARIED[name].items():
        assert {getattr(one, option) for one in seen if hasattr(one, option)} == values


def test_self_consistency_is_the_majority_of_sampled_answers() -> None:
    made = plan(CONFIG / "paper/appendix-self-consistency.yaml")
    evaluate = made.settings("qwen2.5-1.5b", "gsm8k").evaluate
    assert (evaluate.samples, evaluate.temperature, evaluate.top_p, evaluate.max_new_tokens) == (16, 0.6, 0.95, 4096)
    assert "majority" in {one.kind for one in evaluate.reducers}


def test_k_and_j_and_the_matchers_are_varied() -> None:
    pools = plan(CONFIG / "paper/appendix-samples.yaml").config.pools
    assert {pools[name].samples for name in ("k5", "k10", "k20")} == {5, 10, 20}
    names = ["k10-veriexit", "k10-veriexit-1", "k10-veriexit-3", "k10-veriexit-10", "k5-veriexit", "k20-veriexit"]
    assert [pools[name].samples for name in names] == [5, 1, 3, 10, 5, 5]
    kinds = {
        getattr(config.pools[name], "matcher").kind  # noqa: B009
        for stem in ("matchers", "judge")
        for config in [plan(CONFIG / f"paper/appendix-{stem}.yaml").config]
        for method in config.runs[f"appendix-{stem}"].methods
        for name in config.methods[method].pools
        if isinstance(config.pools[name], VeriExitPool)
    }
    assert kinds == {"explicit", "probe", "any", "judge"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_sampling_and_evaluation_are_the_papers(path: Path) -> None:
    made = plan(path)
    for model, task, policy in trainings(path):
        settings = made.settings(model, task)
        assert (settings.sample.max_new_tokens, settings.evaluate.max_new_tokens) == (2048, 4096)
        assert not settings.sample.outside_tags and not settings.evaluate.outside_tags
        for name in made.drawn_for(policy):
            pool = made.pool(model, task, name)
            if path in APPENDIX:  # which varies the pools
                assert pool.temperature == (0.0 if isinstance(pool, ProbePool) else 1.0)
            elif isinstance(pool, VeriExitPool):
                assert (pool.samples, pool.temperature, pool.of) == (5, 1.0, "k10")
            elif isinstance(pool, SamplePool):
                assert (name, pool.samples, pool.temperature, pool.max_new_tokens) in {
                    ("greedy", 1, 0.0, 2048), ("k10", 10, 1.0, 2048), ("k30", 30, 1.0, 2048)
                }  # fmt: skip
        greedy = made.pool(model, task, f"eval/{task}")
        assert (greedy.samples, greedy.temperature, greedy.max_new_tokens) == (1, 0.0, 4096)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_training_is_the_papers(path: Path) -> None:
    made = plan(path)
    for model, task, policy in trainings(path):
        train = made.train(model, task, policy)
        where, name = (path.stem, model, task, policy), policy.split(".")[0]
        assert train.warmup_ratio == 0.1 and train.limits.max_length == 2048 and train.lora is None, where
        if isinstance(train, Sft):
            assert train.start_from == "base" and train.epochs == 3 and train.batch_size == 32, where
            assert train.limits.too_long == "cut", where
            assert train.learning_rate == (2e-6 if model in LARGE else 1e-5), where
        elif isinstance(train, Dpo):
            assert train.start_from == "parent" and train.epochs == 3 and train.batch_size == 16, where
            assert (train.beta, train.nll_weight) == (0.1, 0.5), where
            assert train.limits.too_long == "cut", where
            assert train.learning_rate == (2e-7 if model in LARGE else 1e-6), where
        else:
            assert_reinforcement(train, name)
            first = "hsir-sft.1" if name == "hsir-sft-h-grpo" else "sft-initial"
            assert made.start(model, task, policy) == first, where


def assert_reinforcement(train: Grpo, method: str) -> None:
    """Hold the options of GRPO and its variants against appendix B."""
    assert (train.group_size, train.batch_size, train.max_steps, train.learning_rate) == (8, 14, 300, 1e-6)
    assert (train.epsilon, train.beta, train.advantages, train.temperature) == (0.2, 0.04, "group", 1.0)
    rewards: dict[str, list[tuple[str, float]]] = {
        "grpo": [("accuracy", 1.0), ("format", 1.0)],
        "long2short": [("accuracy", 1.0), ("format", 1.0), ("long2short", 1.0)],
        "cosfn": [("accuracy", 1.0), ("format", 1.0), ("cosine", 1.0)],
        "h-grpo": [("accuracy", 1.0), ("format", 1.0), ("indiv", 0.2)],
    }
    rewards["hsir-sft-h-grpo"] = rewards["h-grpo"]
    assert [(reward.kind, reward.weight) for reward in train.rewards] == rewards[method]


def kinds(select: tuple[Filter, ...]) -> list[tuple[str, Any]]:
    """Return each filter's kind, and the number that it goes by."""
    numbers = {"indiv": "threshold", "at_most": "per_question", "length": "threshold"}
    return [(one.kind, getattr(one, numbers[one.kind], None) if one.kind in numbers else None) for one in select]


RIGHT, TAU, CAP = ("right", None), ("indiv", -0.5), ("at_most", 10)
SELECTED: dict[str, list[tuple[str, Any]]] = {
    "star": [RIGHT], "restem": [RIGHT, CAP], "rft": [RIGHT], "regenesis": [RIGHT], "irpo": [RIGHT],
    "hsir-sft": [RIGHT, CAP, TAU], "hsir-dpo": [RIGHT, CAP, TAU], "indiv-only": [RIGHT, TAU],
    "veriexit-only": [RIGHT, CAP], "length-driven": [RIGHT, ("length", 0.5)],
}  # fmt: skip


@pytest.mark.parametrize("method", SELECTED)
def test_selection_is_the_papers(method: str) -> None:
    config = plan(CONFIG / "paper/table1.yaml").config
    assert kinds(config.methods[method].select) == SELECTED[method]
    assert config.methods[method].iterations == ROUNDS.get(method, 1)


def test_regenesis_samples_thirty_paths_from_the_base_model() -> None:
    config = plan(CONFIG / "paper/table1.yaml").config
    assert config.methods["regenesis"].initial == "base"
    assert [config.pools[name].samples for name in ("regenesis-select", "regenesis-adapt", "regenesis")] == [30, 1, 1]


def test_the_rewards_and_the_sources_are_the_papers() -> None:
    config = plan(CONFIG / "paper/table5.yaml").config
    rewards = {name: {one.kind: one for one in config.methods[name].train.rewards} for name in ("cosfn", "h-grpo")}  # type: ignore[union-attr]
    assert rewards["h-grpo"]["format"] == Format(tags="present")
    assert rewards["cosfn"]["cosine"] == Cosine(right=(1.0, 0.0), wrong=(-1.0, 0.0), exceeded=-1.0)
    assert config.tasks["amc23"].task.hub == "zwhe99/amc23"  # type: ignore[union-attr]
    assert all(getattr(config.tasks[name].task, "unlabelled") == "traced" for name in SEED_SIZES)  # noqa: B009


def test_scores_are_those_that_the_formulas_were_read_as() -> None:
    config = plan(CONFIG / "paper/table1.yaml").config
    score = config.scores["indiv"]
    assert isinstance(score, Score)
    assert (score.layer, score.alpha, score.weights, score.scale) == ("middle", 1e-3, "max", "none")
    assert (score.received, score.tokens, score.states) == ("max", "all", "token")
    (tau,) = [one for one in config.methods["hsir-sft"].select if isinstance(one, InDiv)]
    assert (tau.standardise, tau.threshold) == ("zscore", -0.5)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_traces_of_gsm8k_are_the_papers(path: Path) -> None:
    config = plan(path).config
    if any("gsm8k" in config.runs[name].tasks for name in plan(path).built_by_default()):
        assert config.tasks["gsm8k"].task.traces == "camel-ai/gsm8k_distilled"  # type: ignore[union-attr]
        shipped = load(read_yaml(CONFIG / "config.yaml"), CONFIG).tasks["gsm8k"]
        assert config.tasks["gsm8k"].settings == shipped.settings


@pytest.mark.parametrize("name", SEED_SIZES)
def test_seed_sets_are_as_large_as_the_papers(name: str) -> None:
    task = plan(CONFIG / "paper/table1.yaml").config.tasks[name].task
    assert isinstance(task, TrainingBenchmark) and task.seed_size == SEED_SIZES[name]
