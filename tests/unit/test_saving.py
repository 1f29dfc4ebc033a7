"""A policy is saved in the number format of its initial model, or in a requested one."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from hsir.config.training import SaveDtype, Sft
from hsir.errors import HsirError
from hsir.storage import manifest
from hsir.storage.models import load_model, load_tokenizer
from hsir.training.saving import resolved, save
from tests.trained import lay_down, stage

SHAPE: dict[str, Any] = {"batch_size": 4, "device_batch_size": 2, "epochs": 1, "learning_rate": 1e-3}


@pytest.fixture
def halved(embedded: Path, tmp_path: Path) -> Path:
    """Return the embedded model with weights of half the size."""
    save(load_model(str(embedded), "float32"), load_tokenizer(str(embedded)), tmp_path / "base", torch.bfloat16)
    return tmp_path / "base"


def formats(folder: Path) -> set[torch.dtype]:
    return {weight.dtype for path in folder.glob("*.safetensors") for weight in load_file(path).values()}


@pytest.mark.parametrize(
    ("chosen", "embedded_gives", "halved_gives"),
    [
        ("base", torch.float32, torch.bfloat16),
        ("float32", torch.float32, torch.float32),
        ("bfloat16", torch.bfloat16, torch.bfloat16),
    ],
)
def test_base_is_the_format_of_what_training_begins_with(
    chosen: SaveDtype, embedded_gives: torch.dtype, halved_gives: torch.dtype, embedded: Path, halved: Path
) -> None:
    assert resolved(chosen, str(embedded)) == embedded_gives
    assert resolved(chosen, str(halved)) == halved_gives


def test_a_config_that_names_no_format_gives_float32(halved: Path) -> None:
    told = json.loads((halved / "config.json").read_text())
    del told["dtype"]
    (halved / "config.json").write_text(json.dumps(told))
    assert resolved("base", str(halved)) == torch.float32


@pytest.mark.parametrize(("chosen", "given"), [("base", torch.bfloat16), ("float32", torch.float32)])
def test_a_policy_of_a_halved_model_is_halved_too(
    chosen: SaveDtype, given: torch.dtype, halved: Path, tmp_path: Path
) -> None:
    options = Sft(**SHAPE, save_dtype=chosen)
    lay_down(tmp_path, options)
    process = stage(tmp_path, halved, options, "policy")
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 0, said
    policy = tmp_path / "policy"
    assert formats(policy) == {given} and not manifest.faults(policy)
    assert json.loads((policy / "config.json").read_text())["dtype"] == str(given).removeprefix("torch.")
    trained, base = (load_model(str(path), "float32").state_dict() for path in (policy, halved))
    assert any(not torch.equal(weight, base[name]) for name, weight in trained.items())


def test_gathered_weights_are_converted_and_named_so_in_the_config(embedded: Path, tmp_path: Path) -> None:
    model = load_model(str(embedded), "float32")
    weights = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    save(model, load_tokenizer(str(embedded)), tmp_path / "p", torch.bfloat16, weights)
    assert formats(tmp_path / "p") == {torch.bfloat16} and not manifest.faults(tmp_path / "p")
    assert load_model(str(tmp_path / "p"), "float32").config.tie_word_embeddings
    assert resolved("base", str(tmp_path / "p")) == torch.bfloat16


def test_a_weight_that_the_format_cannot_hold_is_rejected(embedded: Path, tmp_path: Path) -> None:
    model = load_model(str(embedded), "float32")
    with torch.no_grad():
        model.model.norm.weight[0] = 1e5
    with pytest.raises(HsirError, match=r"model.norm.weight cannot be saved in float16: .*save_dtype: float32"):
        save(model, load_tokenizer(str(embedded)), tmp_path / "p", torch.float16)
    assert not (tmp_path / "p").exists()
