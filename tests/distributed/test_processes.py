"""Two processes on the CPU, with DDP and DeepSpeed, yield the same result as one, for all training types and after
kills."""

import json
import os
import signal
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from hsir import stopping
from hsir.config.devices import Ddp, Several, Zero2, Zero3
from hsir.config.training import Dpo, Grpo, Sft, Training
from hsir.storage import tables
from hsir.storage.models import load_model
from tests.trained import lay_down, stage

DDP, ZERO2, ZERO3 = (kind(processes=2) for kind in (Ddp, Zero2, Zero3))
OFFLOADED = [Zero2(processes=2, offload="optimizer"), Zero3(processes=2, offload="all")]
SHAPE: dict[str, Any] = {"batch_size": 4, "device_batch_size": 1, "epochs": 3, "learning_rate": 1e-3, "save_steps": 2}
ONLINE: dict[str, Any] = {
    "batch_size": 2, "group_size": 4, "device_batch_size": 2, "max_steps": 6, "learning_rate": 1e-3, "save_steps": 2,
    "max_new_tokens": 12,
    "rewards": [{"kind": "long2short"}, {"kind": "indiv"}],
}  # fmt: skip
OF_ALL_KINDS: list[Training] = [Sft(**SHAPE), Dpo(**SHAPE), Grpo(**ONLINE)]


def named(options: Training | Several) -> str:
    kind: str = options.kind  # type: ignore[union-attr]
    return kind if getattr(options, "offload", "none") == "none" else f"{kind}-offloaded"


def skip_without_deepspeed(devices: Several) -> None:
    if devices.deepspeed() is not None and find_spec("deepspeed") is None:
        pytest.skip("DeepSpeed is not installed; `make test-distributed` installs it")


def trained(folder: Path, embedded: Path, options: Training, name: str) -> tuple[dict[str, torch.Tensor], tables.Row]:
    """Run the stage to its end; return the weights and what it told."""
    _, told = (started := stage(folder, embedded, options, name)).communicate()
    assert started.returncode == 0, told
    return load_file(folder / name / "model.safetensors"), json.loads((folder / f"{name}.json").read_text())


def apart(some: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> float:
    assert some.keys() == others.keys()
    return max((others[name] - weight).abs().max().item() for name, weight in some.items())


@pytest.mark.parametrize("devices", [DDP, ZERO2, ZERO3, *OFFLOADED], ids=named)
@pytest.mark.parametrize("options", OF_ALL_KINDS[:2], ids=named)
def test_two_processes_make_what_one_makes(options: Training, devices: Several, embedded: Path, tmp_path: Path) -> None:
    """Of pairs, one process with passes as long as those of both: a pass is their unit."""
    skip_without_deepspeed(devices)
    lay_down(tmp_path, options, 13)
    alone = options.model_copy(update={"device_batch_size": 2})
    one, told = trained(tmp_path, embedded, alone, "one")
    two, told_too = trained(tmp_path, embedded, options.model_copy(update={"devices": devices}), "two")
    assert apart(one, two) < 5e-5
    assert {weight.dtype for weight in two.values()} == {torch.float32}
    assert [told_too[key] for key in ("examples", "steps", "tokens")] == [
        told[key] for key in ("examples", "steps", "tokens")
    ]
    losses = [[step["loss"] for step in each["losses"]] for each in (told, told_too)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    load_model(str(tmp_path / "two"), "float32")


def test_rollouts_of_two_processes_are_those_of_one(embedded: Path, tmp_path: Path) -> None:
    """A rollout follows from seed, step, question and number, whichever process draws it."""
    options = OF_ALL_KINDS[2]
    lay_down(tmp_path, options)
    one, told = trained(tmp_path, embedded, options.model_copy(update={"device_batch_size": 8}), "one")
    two, told_too = trained(tmp_path, embedded, options.model_copy(update={"devices": DDP}), "two")
    assert apart(one, two) < 1e-4
    assert [told_too[key] for key in ("rollouts", "tokens")] == [told[key] for key in ("rollouts", "tokens")]
    rewards = [[step["reward"] for step in each["course"]] for each in (told, told_too)]
    assert rewards[1] == pytest.approx(rewards[0], rel=1e-4) and min(rewards[0]) > 0


@pytest.mark.parametrize("devices", [ZERO2, ZERO3], ids=named)
def test_rollouts_are_those_of_ddp_and_scored_alike(devices: Several, embedded: Path, tmp_path: Path) -> None:
    """InDiv is by the policy in training, whose weights are gathered for it where they are split."""
    skip_without_deepspeed(devices)
    options = OF_ALL_KINDS[2]
    lay_down(tmp_path, options)
    one, told = trained(tmp_path, embedded, options.model_copy(update={"devices": DDP}), "ddp")
    two, told_too = trained(tmp_path, embedded, options.model_copy(update={"devices": devices}), "zero")
    assert apart(one, two) < 1e-4
    assert told["prompt_tokens"] == told["rollouts"] * 2 == 6 * 2 * 4 * 2
    assert told_too["generated_tokens"] == told["generated_tokens"]
    scores = [[step["indiv"] for step in each["course"]] for each in (told, told_too)]
    assert scores[1] == pytest.approx(scores[0], rel=1e-3)


CASES = [(OF_ALL_KINDS[0], ZERO2), (OF_ALL_KINDS[0], ZERO3), *((options, DDP) for options in OF_ALL_KINDS)]


@pytest.mark.parametrize(("options", "devices"), CASES, ids=named)
def test_killed_it_resumes_to_the_same_weights(
    options: Training, devices: Several, embedded: Path, tmp_path: Path
) -> None:
    skip_without_deepspeed(devices)
    options = options.model_copy(update={"devices": devices})
    lay_down(tmp_path, options)
    whole, wanted = trained(tmp_path, embedded, options, "whole")
    killed = killed_when(tmp_path, embedded, options, "checkpoint-[46]", os.killpg)
    # Where the machine was too busy for the kill to come in mid-save, the mark is taken away.
    (max((tmp_path / ".killed.state").glob("checkpoint-*")) / "whole").unlink(missing_ok=True)
    again, told = trained(tmp_path, embedded, options, killed)
    assert apart(whole, again) == 0.0
    assert told == wanted


def test_on_sigterm_all_processes_save_together(embedded: Path, tmp_path: Path) -> None:
    """As a scheduler does it: every process of the job is told."""
    options = Sft(**SHAPE | {"epochs": 20, "save_steps": 10}, devices=DDP)
    lay_down(tmp_path, options)
    whole, _ = trained(tmp_path, embedded, options, "whole")
    stopped = stage(tmp_path, embedded, options, "stopped")
    while stopped.poll() is None and not list(tmp_path.glob(".stopped.state/checkpoint-10/whole")):
        time.sleep(0.01)
    os.killpg(stopped.pid, signal.SIGTERM)
    said = stopped.communicate()[1]
    assert stopped.returncode == stopping.CODE
    saved = max(int(path.parent.name.split("-")[1]) for path in tmp_path.glob(".stopped.state/checkpoint-*/whole"))
    assert f"saving a checkpoint at step {saved}" in said
    again, _ = trained(tmp_path, embedded, options, "stopped")
    assert apart(whole, again) == 0.0


def test_a_start_waits_for_processes_that_outlive_their_launcher(embedded: Path, tmp_path: Path) -> None:
    options = Sft(**SHAPE, devices=DDP)
    lay_down(tmp_path, options)
    whole, _ = trained(tmp_path, embedded, options, "whole")
    killed = killed_when(tmp_path, embedded, options, "checkpoint-2/whole", os.kill)
    again, _ = trained(tmp_path, embedded, options, killed)
    assert apart(whole, again) == 0.0


def killed_when(folder: Path, embedded: Path, options: Training, there: str, kill: Any) -> str:
    """Start the stage and kill it once its state holds `there`; return the name of its output."""
    started = stage(folder, embedded, options, "killed", stderr=None)
    while started.poll() is None and not list((folder / ".killed.state").glob(there)):
        time.sleep(0.001)
    kill(started.pid, signal.SIGKILL)
    started.wait()
    assert not (folder / "killed").exists()
    return "killed"


def test_nodes_meet_and_train_as_one_node_does(embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shell scripts stand for SLURM: two "nodes" of this machine, started as srun would."""
    options = Sft(**SHAPE, devices=DDP)
    lay_down(tmp_path, options, 13)
    here, _ = trained(tmp_path, embedded, options, "here")
    script = 'while [ "$1" != sh ]; do shift; done\nSLURM_PROCID=0 "$@" & a=$!\nSLURM_PROCID=1 "$@" && wait $a\n'
    for name, body in {"srun": script, "scontrol": "echo 127.0.0.1; echo other\n"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("SLURM_JOB_ID", str(os.getpid()))
    monkeypatch.setenv("SLURM_JOB_NODELIST", "n[1-2]")
    there, _ = trained(tmp_path, embedded, Sft(**SHAPE, devices=Ddp(processes=2, nodes=2)), "there")
    assert apart(here, there) == 0.0
