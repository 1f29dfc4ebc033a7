"""Reinforcement learning with the real vLLM in the training process: weights, kills, several processes."""

import importlib.util
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerBase, TrainerCallback

from hsir import stopping
from hsir.config.devices import Zero3
from hsir.config.settings import Score
from hsir.config.training import Grpo
from hsir.grading import Number
from hsir.sampling.engines.base import Prompt
from hsir.sampling.engines.transformers import TransformersRunner
from hsir.storage import tables
from hsir.storage.models import load_model
from hsir.tasks.chains import Chains
from hsir.training.finetune import finetune
from hsir.training.grpo import Asked
from tests.trained import lay_down, stage

if importlib.util.find_spec("vllm") is None:
    pytest.skip("vllm is not installed here; `make test-gpu-env` makes an environment with it", allow_module_level=True)

VLLM: dict[str, Any] = {"kind": "vllm", "dtype": "float32", "memory_share": 0.1, "max_sequences": 32}
ALIKE = 1e-4
"""Rounding of log-probabilities in float32, in nats."""
STEPS = 3
ONE: dict[str, Any] = {
    "batch_size": 4, "group_size": 4, "device_batch_size": 8, "max_steps": STEPS, "learning_rate": 1e-3,
    "max_new_tokens": 200, "engine": VLLM,
}  # fmt: skip
METHODS: dict[str, dict[str, Any]] = {
    "grpo": {"rewards": [{"kind": "accuracy"}, {"kind": "format"}], "resample": 1},
    "h-grpo": {"rewards": [{"kind": "accuracy"}, {"kind": "format"}, {"kind": "indiv", "weight": 0.2}]},
    "adapters": {"rewards": [{"kind": "long2short"}], "lora": {"rank": 4}, "learning_rate": 1e-2},
}


class Compare(TrainerCallback):  # type: ignore[misc]
    """After each step, let vLLM and the model in training answer greedily."""

    def __init__(self, trainer: Any, asked: list[list[int]]) -> None:
        self._trainer, self.told = trainer, list[tuple[list[list[int]], list[list[int]]]]()
        self._prompts = [Prompt("", str(n), ids, n) for n, ids in enumerate(asked)]

    def on_step_end(self, *_: Any, **__: Any) -> None:
        trainer, sampler = self._trainer, self._trainer.sampler
        model = trainer.accelerator.unwrap_model(trainer.model).eval()
        runner = TransformersRunner(model, trainer.processing_class, 0.0, 60)
        own = [one.completion_ids for one in runner.complete(self._prompts)]
        drawn, limit = sampler.temperature, sampler.max_completion_length
        sampler.temperature, sampler.max_completion_length = 0.0, 60
        found = sampler(self._prompts)
        sampler.temperature, sampler.max_completion_length = drawn, limit
        model.train()
        self.told.append(([found[prompt.seed].ids for prompt in self._prompts], own))


@pytest.mark.parametrize("method", METHODS)
def test_after_each_step_vllm_has_the_weights_of_the_trainer(
    method: str, embedded: Path, encoder: PreTrainedTokenizerBase, asked: Callable[[int], list[list[int]]],
    tmp_path: Path,
) -> None:  # fmt: skip
    """In its rollouts, whose log-probabilities are the trainer's own, and in its greedy texts, which change."""
    records, compared = list(Chains(kind="chains", test=70).records("test", 0))[:12], list[Compare]()
    questions = {r.id: {"question_id": r.id, "gold": r.answer, "options": None} for r in records}
    rows: list[tables.Row] = [
        {"sample_id": r.id, "question_id": r.id, "prompt_ids": ids, "completion_ids": None, "loser_ids": None}
        for r, ids in zip(records, asked(12), strict=True)
    ]

    def watch(trainer: Any) -> None:
        compared.append(Compare(trainer, asked(12)))
        trainer.add_callback(compared[0])

    options = Grpo(**ONE | METHODS[method])
    judges, model = Asked(questions, Number(), Score()), load_model(str(embedded), "float32")
    told = finetune(model, encoder, rows, options, 0, tmp_path, {"stage": "train"}, judges, watch).told
    assert len(told["course"]) == len(compared[0].told) == STEPS
    for step in told["course"]:
        assert 0 < step["apart"] < ALIKE and step["ratio"] == pytest.approx(1, abs=0.01) and step["ratio_clipped"] == 0
    for ours, theirs in compared[0].told:
        assert ours == theirs
    assert compared[0].told[0][0] != compared[0].told[-1][0], "the policy has changed"
    assert 0 < told["generated_tokens"] <= told["rollouts"] * 200
    assert any(step["without_spread"] < 1 for step in told["course"])


KILLED = Grpo(
    batch_size=2, group_size=4, device_batch_size=4, max_steps=10, learning_rate=1e-4, save_steps=2, max_new_tokens=100,
    engine=VLLM, rewards=[{"kind": "long2short"}, {"kind": "indiv"}],
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policy of a run without interruptions."""
    folder = tmp_path_factory.mktemp("whole")
    lay_down(folder, KILLED)
    assert stage(folder, embedded, KILLED, "one", stderr=subprocess.DEVNULL).wait() == 0
    return folder


def test_killed_and_told_to_stop_it_resumes_to_the_same_weights(whole: Path, embedded: Path) -> None:
    """SIGKILL after a checkpoint; SIGTERM later, which does not wait for the end of a draw."""
    killed = stage(whole, embedded, KILLED, "two", stderr=subprocess.DEVNULL)
    state = whole / ".two.state"
    while killed.poll() is None and not (state / "checkpoint-2" / "whole").is_file():
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    first = saved(state)
    assert 2 <= first < KILLED.max_steps
    stopped = stage(whole, embedded, KILLED, "two")
    while stopped.poll() is None and saved(state) == first:
        time.sleep(0.01)
    stopped.send_signal(signal.SIGTERM)
    said = stopped.communicate()[1]
    assert stopped.returncode == stopping.CODE, said
    assert f"resuming at checkpoint-{first}" in said and f"checkpoint at step {saved(state)}" in said
    assert first < saved(state) < KILLED.max_steps and not (whole / "two").exists()
    assert stage(whole, embedded, KILLED, "two", stderr=subprocess.DEVNULL).wait() == 0
    one, two = (load_file(whole / name / "model.safetensors") for name in ("one", "two"))
    assert all(torch.equal(two[name], weight) for name, weight in one.items())
    courses = [json.loads((whole / f"{name}.json").read_text())["course"] for name in ("one", "two")]
    assert courses[0] == courses[1] and max(step["apart"] for step in courses[0]) < ALIKE


def saved(state: Path) -> int:
    """Return the step of the last complete checkpoint."""
    return max((int(path.parent.name.split("-")[1]) for path in state.glob("checkpoint-*/whole")), default=0)


def test_two_processes_with_split_weights_have_an_engine_each(whole: Path, embedded: Path) -> None:
    """Their weights are gathered for it, one by one; the rollouts are those of one process."""
    options = KILLED.model_copy(update={"devices": Zero3(processes=2)})
    _, said = (run := stage(whole, embedded, options, "split")).communicate()
    assert run.returncode == 0, said
    one, two = (load_file(whole / name / "model.safetensors") for name in ("one", "split"))
    assert max((two[name] - weight).abs().max().item() for name, weight in one.items()) < 1e-4
    told = [json.loads((whole / f"{name}.json").read_text()) for name in ("one", "split")]
    assert told[0]["tokens"] == told[1]["tokens"]
    assert max(step["apart"] for step in told[1]["course"]) < ALIKE
