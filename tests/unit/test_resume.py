"""A training that was cut off ends with the weights of one that was not."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from hsir import tables
from hsir.config.training import Dpo, Offline, Sft
from hsir.models import load_model, load_tokenizer
from hsir.training import finetune

SHAPE: dict[str, Any] = {"batch_size": 4, "device_batch_size": 2, "epochs": 3, "learning_rate": 1e-3, "save_steps": 5}
MADE_BY: tables.Row = {"stage": "train"}


def rows(pairs: bool) -> list[tables.Row]:
    """Twelve solutions of unlike lengths: three steps an epoch, so that step 5 lies within the second."""
    return [
        {"prompt_ids": [10 + n, 20 + n], "completion_ids": list(range(30, 35 + 3 * n)), "sample_id": str(n),
         "loser_ids": list(range(90, 140 - 3 * n)) if pairs else None}
        for n in range(12)
    ]  # fmt: skip


def weights(embedded: Path, state: Path, options: Offline) -> dict[str, torch.Tensor]:
    model = load_model(str(embedded), "float32")
    finetune(model, load_tokenizer(str(embedded)), rows(options.learns_from == "pairs"), options, 0, state, MADE_BY)
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("options", [Sft(**SHAPE), Dpo(**SHAPE)], ids=["sft", "dpo"])
def test_resumed_in_the_middle_of_the_second_epoch_the_weights_are_the_same(
    options: Offline, embedded: Path, tmp_path: Path
) -> None:
    undisturbed = weights(embedded, tmp_path, options)
    shutil.rmtree(tmp_path / "checkpoint-9")
    assert (tmp_path / "checkpoint-5" / "whole").is_file()
    resumed = weights(embedded, tmp_path, options)
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in undisturbed.items())
    base = load_model(str(embedded), "float32").state_dict()
    assert not all(torch.equal(tensor, base[name]) for name, tensor in undisturbed.items())
