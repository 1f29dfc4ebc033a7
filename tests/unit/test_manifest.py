"""Checkpoints are loaded only if unchanged since training, and the command check finds changed ones."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hsir.cli.check import remedy
from hsir.errors import InputError
from hsir.planning import integrity
from hsir.storage import manifest, tables
from hsir.storage.models import load_model, load_tokenizer
from tests.unit.test_belonging import Run


@pytest.fixture
def checkpoint(tmp_path: Path, embedded: Path) -> Path:
    """A checkpoint with its manifest."""
    folder = shutil.copytree(embedded, tmp_path / "checkpoint")
    manifest.write(folder)
    return folder


def flip(path: Path, bit: int) -> None:
    """Turn one bit of a file over."""
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def edit(path: Path, old: bytes, new: bytes) -> None:
    """Change bytes of a file."""
    path.write_bytes(path.read_bytes().replace(old, new))


def load(folder: Path) -> None:
    load_tokenizer(str(folder))
    load_model(str(folder), "float32")


def test_a_complete_checkpoint_is_loaded(checkpoint: Path) -> None:
    load(checkpoint)
    (checkpoint / ".snakemake_timestamp").touch()
    (checkpoint / "README.md").write_text("Notes.")
    manifest.check.cache_clear()
    load(checkpoint)
    assert manifest.faults(checkpoint) == []


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a bit of the weights": (lambda f: flip(f / "model.safetensors", 8_000_003), r"model.safetensors: damaged"),
    "a bit of the tokenizer": (lambda f: flip(f / "tokenizer.json", 90_001), r"tokenizer.json: damaged"),
    "a bit of the manifest": (lambda f: flip(f / "manifest.json", 801), r"manifest.json: "),
    "the template is gone": (lambda f: (f / "chat_template.jinja").unlink(), r"chat_template.jinja: missing"),
    "the generation config is gone": (
        lambda f: (f / "generation_config.json").unlink(), r"generation_config.json: missing",
    ),
    "cut short": (lambda f: (f / "config.json").write_text("{}"), r"config.json: 2 bytes, not \d+"),
    "another file is there": (lambda f: (f / "adapter_config.json").write_text("{}"), r"adapter_config.json: not a"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_checkpoint_that_is_not_what_was_written_is_not_loaded(damage: str, checkpoint: Path) -> None:
    make, told = DAMAGES[damage]
    make(checkpoint)
    with pytest.raises(InputError, match=rf"{checkpoint}.*{told}"):
        load(checkpoint)


def test_a_folder_without_a_manifest_is_loaded(checkpoint: Path) -> None:
    (checkpoint / "manifest.json").unlink()
    flip(checkpoint / "model.safetensors", 8_000_003)
    load(checkpoint)


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 250])
def test_every_byte_is_in_the_hash(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "BLOCK", 100)
    path, hashes = tmp_path / "x", set()
    for changed in range(-1, size):
        path.write_bytes(bytes(n == changed for n in range(size)))
        hashes.add(manifest.digest(path))
    assert len(hashes) == size + 1


def test_the_command_verify_passes_what_was_made(tmp_path: Path) -> None:
    looked = integrity.look([Run(tmp_path).folder])
    assert (looked.faults, looked.unsealed, looked.files) == ([], 0, 15)


FAULTS: dict[str, tuple[Callable[[Run], Any], list[tuple[str, str]]]] = {
    "a flipped bit of a table": (
        lambda run: flip(run.samples()[0], 900), [("damaged", "0-of-2.parquet"), ("stale", "indiv-scores.parquet"),
                                                  ("stale", "verified.parquet")],
    ),
    "a flipped bit of a result": (
        lambda run: edit(run.samples()[0].with_suffix(".cost.json"), b"1.0", b"9.0"), [("damaged", "0-of-2.cost.json")],
    ),
    "the verdicts of another policy": (
        lambda run: shutil.copy(run.verified("two"), run.verified()),
        [("foreign", "verified.parquet"), ("stale", "indiv-scores.parquet")],
    ),
    "the samples of another policy": (
        lambda run: [shutil.copy(*pair) for pair in zip(run.samples("two"), run.samples(), strict=True)],
        [("foreign", "0-of-2.parquet"), ("foreign", "1-of-2.parquet"), ("stale", "indiv-scores.parquet"),
         ("stale", "verified.parquet")],
    ),
    "other questions": (
        lambda run: tables.write("questions", [], run.questions, {}),
        [("stale", f"{n}-of-2.parquet") for n in (0, 1, 0, 1)] + [("stale", "verified.parquet")] * 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_command_verify_names_what_is_wrong_and_how_to_recreate_it(fault: str, tmp_path: Path) -> None:
    run = Run(tmp_path)
    integrity._hash.cache_clear()
    make, told = FAULTS[fault]
    make(run)
    faults = integrity.look([run.folder]).faults
    assert sorted((one.kind, one.path.name) for one in faults) == sorted(told)
    assert all(str(one.path) in remedy(faults) for one in faults)


def test_the_command_verify_reads_checkpoints_by_their_manifest(tmp_path: Path, embedded: Path) -> None:
    folder = shutil.copytree(embedded, tmp_path / "checkpoint")
    manifest.write(folder)
    flip(folder / "model.safetensors", 8_000_003)
    (folder / "config.json").unlink()
    (fault,) = integrity.look([tmp_path]).faults
    assert (fault.path, fault.kind) == (folder, "damaged")
    assert "config.json: missing" in fault.why
    assert "model.safetensors: damaged" in fault.why
