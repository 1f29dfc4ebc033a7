"""Training: resumed only from complete checkpoints with the same provenance, and finished once all data is consumed."""

import json
from pathlib import Path

import pytest
import torch
from transformers import TrainerState

from hsir.config.devices import Ddp
from hsir.config.training import Dpo, Grpo, Offline, Sft, Training
from hsir.errors import HsirError
from hsir.storage import tables
from hsir.storage.files import read_json
from hsir.storage.models import load_model, load_tokenizer
from hsir.training.checkpoints import MADE_BY, WHOLE, resumable
from hsir.training.finetune import arguments, check_consumed, finetune

MAKING = {"stage": "train", "options": {"seed": 0, "train": {"epochs": 3}}, "inputs": {"a": "ff"}}


def state(folder: Path, made_by: dict[str, object] | None, checkpoints: dict[int, bool]) -> Path:
    """Leave a trainer's state: checkpoints by step, marked whole or not."""
    folder.mkdir()
    if made_by is not None:
        (folder / MADE_BY).write_text(json.dumps(made_by))
    for step, whole in checkpoints.items():
        (folder / f"checkpoint-{step}").mkdir()
        (folder / f"checkpoint-{step}" / "weights").write_text("w")
        if whole:
            (folder / f"checkpoint-{step}" / WHOLE).touch()
    return folder


def names(folder: Path) -> set[str]:
    """List a folder."""
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("checkpoints", "newest", "left"),
    [
        ({}, None, set()),
        ({10: True}, 10, {10}),
        ({9: True, 10: True, 100: True}, 100, {9, 10, 100}),
        ({10: True, 20: False}, 10, {10}),
        ({10: False, 20: True}, 20, {20}),
        ({10: False}, None, set()),
    ],
)
def test_the_newest_complete_checkpoint_is_resumed_and_broken_ones_dropped(
    checkpoints: dict[int, bool], newest: int | None, left: set[int], tmp_path: Path
) -> None:
    folder = state(tmp_path / "state", MAKING, checkpoints)
    assert resumable(folder, MAKING) == (None if newest is None else folder / f"checkpoint-{newest}")
    assert names(folder) == {MADE_BY, *(f"checkpoint-{step}" for step in left)}


@pytest.mark.parametrize("made_by", [None, {}, MAKING | {"inputs": {"a": "ee"}}, MAKING | {"options": {"seed": 1}}])
def test_the_state_with_other_provenance_is_thrown_away(made_by: dict[str, object] | None, tmp_path: Path) -> None:
    folder = state(tmp_path / "state", made_by, {10: True})
    assert resumable(folder, MAKING) is None
    assert names(folder) == {MADE_BY}
    assert read_json(folder / MADE_BY) == MAKING


def test_a_first_start_stamps_its_making(tmp_path: Path) -> None:
    assert resumable(tmp_path / "deep" / "state", MAKING) is None
    assert read_json(tmp_path / "deep" / "state" / MADE_BY) == MAKING


def test_all_consumed_is_done() -> None:
    check_consumed(TrainerState(global_step=6, num_input_tokens_seen=1234), 1234, 6)


@pytest.mark.parametrize(("seen_steps", "seen_tokens"), [(5, 1234), (7, 1234), (6, 1233), (6, 0), (0, 0)])
def test_another_number_of_steps_or_tokens_is_an_error(seen_steps: int, seen_tokens: int) -> None:
    seen = TrainerState(global_step=seen_steps, num_input_tokens_seen=seen_tokens)
    told = f"consumed {seen_steps} steps and {seen_tokens} tokens, but 6 and 1234 were planned"
    with pytest.raises(HsirError, match=told):
        check_consumed(seen, 1234, 6)


@pytest.mark.parametrize(("examples", "wanted"), [(1, 3), (31, 3), (32, 3), (33, 6), (64, 6), (100, 12)])
def test_steps_are_counted_with_the_short_last_one(examples: int, wanted: int) -> None:
    assert Sft(epochs=3, batch_size=32, device_batch_size=8).steps(examples) == wanted


def test_a_step_has_as_many_solutions_as_the_option_says() -> None:
    told = arguments(Sft(batch_size=32, device_batch_size=8), 5, Path("x"), 10)
    assert told["per_device_train_batch_size"] * told["gradient_accumulation_steps"] == 32
    assert (told["seed"], told["data_seed"]) == (5, 5)


def test_cut_by_tokens_a_step_comes_at_once() -> None:
    told = arguments(Sft(batch_size=30, device_batch_size=8, tokens_per_pass=4096), 0, Path("x"), 10)
    assert (told["per_device_train_batch_size"], told["gradient_accumulation_steps"]) == (30, 1)


def test_a_step_over_all_devices_has_as_many_solutions_too() -> None:
    told = arguments(Sft(batch_size=32, device_batch_size=4, devices=Ddp(processes=4)), 0, Path("x"), 10)
    assert told["per_device_train_batch_size"] * told["gradient_accumulation_steps"] * 4 == 32


def test_of_rollouts_the_steps_alone_are_planned() -> None:
    check_consumed(TrainerState(global_step=6, num_input_tokens_seen=1234), None, 6)
    with pytest.raises(HsirError, match="consumed 5 steps"):
        check_consumed(TrainerState(global_step=5, num_input_tokens_seen=1234), None, 6)


BAD = 499
SMALL = {"batch_size": 4, "device_batch_size": 2, "epochs": 1, "save_steps": 1, "learning_rate": 1e-5}


@pytest.mark.parametrize("bad", [2, 5, 8, 11])
@pytest.mark.parametrize(
    "options", [Sft(**SMALL), Dpo(**SMALL), Sft(**SMALL, tokens_per_pass=5)], ids=["sft", "dpo", "by tokens"]
)
def test_a_loss_that_is_not_a_number_names_its_batch(
    options: Offline, bad: int, embedded: Path, tmp_path: Path
) -> None:
    pairs = options.learns_from == "pairs"
    rows: list[tables.Row] = [
        {"sample_id": f"row-{n}", "prompt_ids": [10, 20 + n], "completion_ids": [30 + n, BAD if n == bad else 31, 32],
         "loser_ids": [60, 61 + n] if pairs else None}
        for n in range(12)
    ]  # fmt: skip
    model = load_model(str(embedded), "float32")
    model.get_input_embeddings().register_forward_hook(
        lambda _, given, out: out.masked_fill((given[0] == BAD)[..., None], torch.nan)
    )
    with pytest.raises(HsirError, match=r"the loss is nan at step (\d), of .*; the last complete checkpoint") as caught:
        finetune(model, load_tokenizer(str(embedded)), rows, options, 0, tmp_path, MAKING)
    step = int(str(caught.value).split("at step ")[1][0])
    named = str(caught.value).split(", of ")[1].split(";")[0].split(", ")
    assert f"row-{bad}" in named and len(set(named)) == 4
    assert {path.name for path in tmp_path.glob("checkpoint-*")} == {f"checkpoint-{n}" for n in range(1, step)[-2:]}


@pytest.mark.parametrize(
    ("options", "on_gpu", "wanted"),
    [
        (Sft(), False, False),
        (Sft(), True, True),
        (Sft(checkpointing="on"), False, True),
        (Sft(checkpointing="off"), True, False),
        (Grpo(checkpointing="on"), False, True),
    ],
)
def test_activations_are_computed_again_where_asked(
    options: Training, on_gpu: bool, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: on_gpu)
    assert arguments(options, 0, Path("x"), 10)["gradient_checkpointing"] is wanted
