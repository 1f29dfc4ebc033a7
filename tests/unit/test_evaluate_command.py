"""`hsir evaluate`: how a model is named and found, and the config that it writes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from hsir.cli import evaluate
from hsir.errors import ConfigError, InputError
from hsir.planning import workflow


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Enter an empty project, and note what Snakemake would be asked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "results/m/t/seed1/hsir-sft.2/checkpoint").mkdir(parents=True)
    asked: list[Any] = []
    monkeypatch.setattr(workflow, "run", lambda *given: asked.append(given) or 0)
    return asked


@pytest.mark.parametrize(
    ("model", "name", "path"),
    [
        ("Qwen/Qwen2.5-1.5B-Instruct", "Qwen2.5-1.5B-Instruct", "Qwen/Qwen2.5-1.5B-Instruct"),
        ("mine", "mine", "./mine"),
        ("mine/", "mine", "./mine"),
        ("results/m/t/seed1/hsir-sft.2", "m-t-seed1-hsir-sft.2", "./results/m/t/seed1/hsir-sft.2/checkpoint"),
    ],
)
def test_a_model_has_a_name_and_a_path(model: str, name: str, path: str, project: list[Any]) -> None:
    assert (evaluate.named(model), evaluate.weights(model)) == (name, path)


def test_the_config_says_what_was_asked(project: list[Any]) -> None:
    evaluate.main("mine", ["gsm8k"], ["math500", "gsm8k"], samples=8, max_new_tokens=99, engine='{"kind": "vllm"}',
                  seed=3, name="first", dry_run=True, profile=Path("p"), gpus=2)  # fmt: skip
    ((target, configs, profile, gpus, dry_run),) = project
    assert (target, configs, profile, gpus, dry_run) == (
        "first", [Path("evaluations/first.yaml")], Path("p"), 2, True,
    )  # fmt: skip
    config = workflow.opened(configs).config
    assert yaml.safe_load(configs[0].read_text())["models"] == {"mine": {"path": "./mine"}}
    run = config.runs["first"]
    assert (run.tasks, run.methods, run.seeds) == (("gsm8k", "math500"), ("base",), (3,))
    how = config.overrides.evaluate
    assert (how.samples, how.temperature, how.top_p, how.max_new_tokens) == (8, 0.6, 0.95, 99)
    assert config.overrides.sample.engine.kind == "vllm"


def test_a_model_of_the_config_keeps_its_settings(project: list[Any]) -> None:
    evaluate.main("embedded", ["chains"], dry_run=True)
    config = workflow.opened(project[0][1]).config
    assert config.models["embedded"].settings.evaluate.max_new_tokens == 480


def test_a_policy_has_the_settings_of_the_model_that_it_was_trained_from(project: list[Any], tmp_path: Path) -> None:
    (tmp_path / "results/embedded/chains/seed0/restem.1/checkpoint").mkdir(parents=True)
    evaluate.main("results/embedded/chains/seed0/restem.1", ["chains"], dry_run=True)
    model = workflow.opened(project[0][1]).config.models["embedded-chains-seed0-restem.1"]
    assert model.settings.evaluate.max_new_tokens == 480
    assert model.path == "./results/embedded/chains/seed0/restem.1/checkpoint"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": "mine", "benchmarks": ["gsm8"]}, "unknown task 'gsm8'; did you mean 'gsm8k'"),
        ({"model": "./absent", "benchmarks": ["gsm8k"]}, "absent: no such folder"),
        ({"model": "mine", "benchmarks": ["gsm8k"], "samples": 1}, "samples: Input should be greater than"),
        ({"model": "mine", "benchmarks": ["gsm8k"], "engine": "vllm"}, "--engine vllm: not JSON"),
        ({"model": "..", "benchmarks": ["gsm8k"], "engine": '{"kind": "x"}'}, "unknown kind of engine"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(given: dict[str, Any], said: str, project: list[Any]) -> None:
    with pytest.raises((ConfigError, InputError), match=said):
        evaluate.main(**given)
    assert not project


def test_another_model_of_the_same_name_is_rejected(project: list[Any], tmp_path: Path) -> None:
    """Both would write the same results."""
    evaluate.main("mine", ["gsm8k"], dry_run=True)
    evaluate.main("mine/", ["math500"], name="second", dry_run=True)
    (tmp_path / "other/mine").mkdir(parents=True)
    with pytest.raises(InputError, match=r"other/mine: evaluations/mine\.yaml has evaluated \./mine as 'mine'; give"):
        evaluate.main("other/mine", ["gsm8k"], name="third", dry_run=True)
    assert len(project) == 2
