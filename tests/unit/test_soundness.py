"""Incomplete models are rejected by name, and code that comes with a model never runs."""

import ast
import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from hsir.errors import InputError
from hsir.sampling.engines.decode import Decoding, decode
from hsir.storage.models import load_model, load_tokenizer
from hsir.storage.soundness import check_files

Tensors = dict[str, torch.Tensor]
HEAD, GATE = "model.embed_tokens.weight", "model.layers.2.mlp.gate_proj.weight"


@pytest.fixture
def folder(tmp_path: Path, embedded: Path) -> Path:
    """A copy of the embedded model, to damage."""
    return shutil.copytree(embedded, tmp_path / "model")


def changed(path: Path, change: Callable[[Any], None]) -> None:
    """Change a JSON file."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def reweigh(folder: Path, change: Callable[[Tensors], None]) -> None:
    """Change the weights of a model's folder."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def one_nan(tensors: Tensors) -> None:
    tensors[GATE][3, 5] = float("nan")


def one_infinity(tensors: Tensors) -> None:
    tensors[GATE][3, 5] = float("-inf")


WEIGHTS: dict[str, tuple[Callable[[Tensors], Any], str]] = {
    "missing": (lambda t: t.pop(GATE), rf"weights are missing: {GATE}; download"),
    "unexpected": (lambda t: t.update({"model.extra": torch.ones(2)}), r"not part of the model.*: model\.extra;"),
    "misshapen": (
        lambda t: t.update({GATE: t[GATE][:-1].clone()}),
        rf"of a different shape.*: {GATE} \[\d+, 128\], not \[\d+, 128\];"
    ),
    "nan": (one_nan, rf"not finite numbers: {GATE};"),
    "infinite": (one_infinity, rf"not finite numbers: {GATE};"),
    "zeros": (lambda t: t[GATE].zero_(), rf"all zeros: {GATE};"),
    "all zeros": (lambda t: [one.zero_() for one in t.values()], r"all zeros: .* and \d+ more;"),
}  # fmt: skip


@pytest.mark.parametrize("damage", WEIGHTS)
def test_weights_that_are_not_complete_are_named(damage: str, folder: Path) -> None:
    change, told = WEIGHTS[damage]
    reweigh(folder, change)
    with pytest.raises(InputError, match=told) as error:
        load_model(str(folder), "float32")
    assert str(error.value).startswith(f"{folder}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [("num_hidden_layers", 5, "weights are missing: model.layers.4"),
     ("num_hidden_layers", 3, "not part of the model in config.json: model.layers.3"),
     ("intermediate_size", 100, "of a different shape than in config.json"),
     ("hidden_size", "wide", "the model cannot be loaded"),
     ("model_type", "qwen0", "the model cannot be loaded")],
)  # fmt: skip
def test_a_config_that_does_not_fit_the_weights_is_named(key: str, value: Any, told: str, folder: Path) -> None:
    changed(folder / "config.json", lambda config: config.update({key: value, "layer_types": None}))
    with pytest.raises(InputError, match=told):
        load_model(str(folder), "float32")


@pytest.mark.parametrize(
    ("damage", "told"),
    [(lambda file: file.unlink(), "the tokenizer turns 'The answer is 42.' into ''"),
     (lambda file: changed(file, lambda t: t["model"]["vocab"].clear()), "cannot be loaded|the tokenizer turns"),
     (lambda file: file.write_bytes(b"{"), "the model cannot be loaded"),
     (lambda file: file.write_bytes(file.read_bytes().replace(b'"model"', b'"mod\xffl"')), "cannot be loaded")],
)  # fmt: skip
def test_a_tokenizer_that_loses_text_is_rejected(damage: Callable[[Path], Any], told: str, folder: Path) -> None:
    damage(folder / "tokenizer.json")
    with pytest.raises(InputError, match=told):
        load_tokenizer(str(folder))


@pytest.mark.parametrize("damage", ["nan", "infinite", "zeros"])
def test_weights_that_another_library_loads_are_looked_at_too(damage: str, folder: Path) -> None:
    check_files(str(folder))
    reweigh(folder, WEIGHTS[damage][0])
    with pytest.raises(InputError, match=rf"{folder}: weights are .*: {GATE};"):
        check_files(str(folder))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize(("value", "told"), [(float("nan"), "not finite"), (0.0, "the same for every token")])
def test_logits_that_mean_nothing_stop_sampling(
    value: float, told: str, temperature: float, policy: PreTrainedModel
) -> None:
    broken = copy.deepcopy(policy)
    broken.model.norm.weight.data.fill_(value)
    with pytest.raises(InputError, match=rf"model: the model's logits are {told}"):
        decode(broken, [[1, 2, 3]], [0], Decoding(temperature, 3, frozenset([0])))


MARKER = "import pathlib; pathlib.Path({!r}).write_text('ran')\n"
LOADS = """
import sys
from hsir.errors import InputError
from hsir.stages import cli
from hsir.storage.models import load_model, load_tokenizer, positions, stop_ids_at
def load() -> None:
    for one in (load_tokenizer, lambda path: load_model(path, "float32"), positions):
        try:
            one({path!r})
        except InputError as error:
            print(error)
    raise InputError(f"stdin held {{sys.stdin.read()!r}}")
cli.run(load)
"""


def test_code_in_a_models_folder_never_runs_whatever_stdin_says(folder: Path, tmp_path: Path) -> None:
    """A class for each loader; transformers asks on stdin whether to run them, and the answer there is yes."""
    ran, code = tmp_path / "ran", "code.Foreign"
    (folder / "code.py").write_text(MARKER.format(str(ran)))
    own = {"AutoConfig": code, "AutoModelForCausalLM": code, "AutoTokenizer": [code, code]}
    changed(folder / "config.json", lambda config: config.update({"model_type": "foreign", "auto_map": own}))
    changed(folder / "tokenizer_config.json", lambda config: config.update(
        {"tokenizer_class": "Foreign", "auto_map": {"AutoTokenizer": [code, code]}}
    ))  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", LOADS.format(path=str(folder))], input="y\n" * 50, capture_output=True, text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1"}, timeout=120,
    )  # fmt: skip
    assert not ran.exists()
    assert done.stdout.count("requires its own code (`auto_map`), which HSIR never runs") == 3, (
        done.stdout + done.stderr
    )
    assert "stdin held ''" in done.stderr


def test_a_model_that_transformers_knows_is_loaded_by_its_class_though_it_brings_code(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "code.py").write_text(MARKER.format(str(tmp_path / "ran")))
    own = {"AutoConfig": "code.Foreign", "AutoModelForCausalLM": "code.Foreign"}
    changed(folder / "config.json", lambda config: config.update({"auto_map": own}))
    assert type(load_model(str(folder), "float32")).__name__ == "Qwen2ForCausalLM"
    assert not (tmp_path / "ran").exists()


AUTO = ("AutoTokenizer", "AutoConfig", "AutoModelForCausalLM", "SentenceTransformer", "LLM")


def loads(path: Path) -> Iterator[ast.Call]:
    """Find the calls that load a model, or a part of one, by a class that could run code of it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.removesuffix(".from_pretrained") in AUTO:
                yield node


def test_every_load_says_that_no_code_of_the_model_runs(root: Path) -> None:
    found = [call for path in root.glob("hsir/**/*.py") for call in loads(path)]
    assert len(found) >= 6
    for call in found:
        said = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert said.get("trust_remote_code") == "False", ast.unparse(call)
