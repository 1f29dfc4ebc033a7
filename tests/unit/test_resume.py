"""Interrupted training ends with the weights of uninterrupted training, whatever interrupted it."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from trl.trainer.utils import RepeatSampler

from hsir import stopping
from hsir.config.settings import Score
from hsir.config.training import Dpo, Grpo, Lora, Sft, Training
from hsir.grading import Number
from hsir.storage import tables
from hsir.storage.models import load_model, load_tokenizer
from hsir.training.finetune import finetune
from hsir.training.grpo import Asked, in_order
from tests.trained import lay_down, questions, rows, stage

SHAPE: dict[str, Any] = {"batch_size": 4, "device_batch_size": 2, "epochs": 3, "learning_rate": 1e-3, "save_steps": 5}
ONLINE: dict[str, Any] = {
    "batch_size": 2, "group_size": 4, "device_batch_size": 4, "max_steps": 9, "learning_rate": 1e-3, "save_steps": 5,
    "max_new_tokens": 12,
    "rewards": [{"kind": "long2short"}, {"kind": "indiv"}],
}  # fmt: skip
KINDS: list[Training] = [Sft(**SHAPE), Dpo(**SHAPE), Grpo(**ONLINE), Sft(**SHAPE, lora=Lora(rank=4))]
IDS = ["sft", "dpo", "grpo", "lora"]
BY_TOKENS: list[Training] = [Sft(**SHAPE, tokens_per_pass=40), Dpo(**SHAPE, tokens_per_pass=80)]
MADE_BY: tables.Row = {"stage": "train"}


def weights(embedded: Path, state: Path, options: Training) -> dict[str, torch.Tensor]:
    model = load_model(str(embedded), "float32")
    asked = Asked({row["question_id"]: row for row in questions()}, Number(), Score())
    finetune(model, load_tokenizer(str(embedded)), rows(options), options, 0, state, MADE_BY, asked)
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("options", KINDS + BY_TOKENS, ids=[*IDS, "sft by tokens", "dpo by tokens"])
def test_resumed_from_a_checkpoint_the_weights_are_the_same(options: Training, embedded: Path, tmp_path: Path) -> None:
    undisturbed = weights(embedded, tmp_path, options)
    shutil.rmtree(tmp_path / "checkpoint-9")
    assert json.loads((tmp_path / "checkpoint-5" / "whole").read_text())["seconds"] > 0
    resumed = weights(embedded, tmp_path, options)
    assert undisturbed.keys() == resumed.keys()
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in undisturbed.items())
    base = load_model(str(embedded), "float32").state_dict()
    assert base.keys() == resumed.keys(), "adapters are merged"
    assert not all(torch.equal(tensor, base[name]) for name, tensor in undisturbed.items())


def test_rollouts_resumed_in_a_later_epoch_are_of_the_same_questions(embedded: Path, tmp_path: Path) -> None:
    options = Grpo(**ONLINE | {"save_steps": 8})
    undisturbed = weights(embedded, tmp_path, options)
    shutil.rmtree(tmp_path / "checkpoint-9")
    resumed = weights(embedded, tmp_path, options)
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in undisturbed.items())


def test_questions_are_drawn_as_trl_draws_them() -> None:
    options = Grpo(**ONLINE | {"batch_size": 5, "max_steps": 7})
    drawn = [int(row["sample_id"]) for row in in_order(rows(options), options, 3)]
    epochs = RepeatSampler(range(12), mini_repeat_count=1, batch_size=5, seed=3)
    assert drawn == [n for _ in range(4) for n in epochs][:35]


@pytest.mark.parametrize("options", KINDS[:3], ids=IDS[:3])
def test_killed_while_it_saves_it_resumes_to_the_same_weights(
    options: Training, embedded: Path, tmp_path: Path
) -> None:
    options = options.model_copy(update={"save_steps": 2})
    lay_down(tmp_path, options)
    assert stage(tmp_path, embedded, options, "whole", stderr=subprocess.DEVNULL).wait() == 0
    killed = stage(tmp_path, embedded, options, "killed", stderr=subprocess.DEVNULL)
    state = tmp_path / ".killed.state"
    while killed.poll() is None and not list(state.glob("checkpoint-[46]")):
        time.sleep(0.001)
    killed.kill()
    killed.wait()
    assert not (tmp_path / "killed").exists() and (state / "checkpoint-2" / "whole").is_file()
    # Where the machine was too busy for the kill to come in mid-save, the mark is taken away.
    (max(state.glob("checkpoint-*")) / "whole").unlink(missing_ok=True)
    assert stage(tmp_path, embedded, options, "killed", stderr=subprocess.DEVNULL).wait() == 0
    assert_same(tmp_path, "whole", "killed")


@pytest.mark.parametrize("options", KINDS[:2], ids=IDS[:2])
def test_on_sigterm_it_saves_first_and_resumes_to_the_same_weights(
    options: Training, embedded: Path, tmp_path: Path
) -> None:
    options = options.model_copy(update={"save_steps": 10, "epochs": 20})
    lay_down(tmp_path, options)
    assert stage(tmp_path, embedded, options, "whole", stderr=subprocess.DEVNULL).wait() == 0
    stopped = stage(tmp_path, embedded, options, "stopped")
    while stopped.poll() is None and not list(tmp_path.glob(".stopped.state/checkpoint-10/whole")):
        time.sleep(0.01)
    stopped.terminate()
    said = stopped.communicate()[1]
    assert stopped.returncode == stopping.CODE, "a scheduler takes it for failed, and a retry goes on"
    saved = max(int(path.parent.name.split("-")[1]) for path in tmp_path.glob(".stopped.state/checkpoint-*/whole"))
    assert f"checkpoint at step {saved}" in said and 10 <= saved < options.steps(12)
    assert not (tmp_path / "stopped").exists()
    resumed = stage(tmp_path, embedded, options, "stopped")
    said = resumed.communicate()[1]
    assert f"resuming at checkpoint-{saved}" in said
    assert re.search(r"training (\d+)/\1 steps, 100 %(, [\d,]+ tokens/s, took [\d:]+, loss \d\.\d{4})?\n", said)
    assert_same(tmp_path, "whole", "stopped")


@pytest.mark.parametrize(
    ("options", "told_at"),
    [*zip(KINDS, (6, 6, 45, 6), strict=True), (KINDS[2], 2), (BY_TOKENS[0], 8)],
    ids=[*IDS, "grpo, first step", "sft by tokens"],
)
def test_on_sigterm_within_a_step_it_stops_and_resumes_to_the_same_weights(
    options: Training, told_at: int, embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rollout takes minutes; whoever stops a job waits less: no further token is drawn."""
    options = options.model_copy(update={"save_steps": 100})
    undisturbed = weights(embedded, tmp_path / "whole", options)
    passes = Counter[str]()
    ask = stopping.break_if_told

    def tell() -> None:
        passes["all"] += 1
        if passes["all"] == told_at:
            signal.raise_signal(signal.SIGTERM)
        ask()
        passes["after"] += passes["all"] > told_at

    monkeypatch.setattr(stopping, "break_if_told", tell)
    with pytest.raises(SystemExit) as ended:
        weights(embedded, tmp_path / "stopped", options)
    assert ended.value.code == stopping.CODE and passes["after"] == 0
    monkeypatch.undo()
    saved = [path.parent.name for path in (tmp_path / "stopped").glob("checkpoint-*/whole")]
    assert len(saved) == (told_at > 2), "there is none of the first step"
    resumed = weights(embedded, tmp_path / "stopped", options)
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in undisturbed.items())


def test_on_sigterm_any_other_stage_ends_at_once_and_tidies_up(root: Path, tmp_path: Path) -> None:
    code = (
        "import time; from pathlib import Path; from hsir.stages import cli; from hsir.storage import tables\n"
        "def stage(output: Path) -> None:\n"
        "    with cli.locked(output), tables.atomic(output) as half:\n"
        "        half.write_text('half'); time.sleep(60)\n"
        "cli.run(stage)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "out")]
    running = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)
    while running.poll() is None and not list(tmp_path.glob(".out.*.tmp")):
        time.sleep(0.01)
    running.terminate()
    assert "received SIGTERM" in running.communicate()[1]
    assert running.returncode == stopping.CODE
    assert list(tmp_path.iterdir()) == []


def test_one_process_at_a_time_holds_a_lock_and_none_leaves_its_file(root: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from hsir.stages import cli\n"
        "inside = Path(sys.argv[1]).with_name('inside')\n"
        "for _ in range(40):\n"
        "    with cli.locked(Path(sys.argv[1])):\n"
        "        inside.touch(exist_ok=False); inside.unlink()\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "out")]
    running = [subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    told = [one.communicate()[1] for one in running]
    assert [one.returncode for one in running] == [0, 0, 0], told
    assert list(tmp_path.iterdir()) == []


def assert_same(folder: Path, *names: str) -> None:
    """Hold that two policies have the same weights, and tell the same of their training."""
    one, other = (load_file(folder / name / "model.safetensors") for name in names)
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    wanted, told = (json.loads((folder / f"{name}.json").read_text()) for name in names)
    for report in (wanted, told):  # the code may be committed between two trainings
        del report["checksum"], report["provenance"]["commit"]
    assert told == wanted
