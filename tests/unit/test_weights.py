"""Information from the headers of weights."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from hsir.errors import InputError
from hsir.storage import weights


def test_parameters_are_counted_over_all_files(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(3, 5)}, tmp_path / "one.safetensors", metadata={"format": "pt"})
    save_file({"b": torch.zeros(7), "c": torch.zeros(())}, tmp_path / "two.safetensors")
    assert weights.parameters(tmp_path) == 15 + 7 + 1


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "its header cannot be read"),
        (b"\x80\x02}q\x00.", "its header cannot be read"),
        (b"\xff" * 64, "its header cannot be read"),
        (b"\x02\0\0\0\0\0\0\0[]", "its header cannot be read"),
        (b'\x0d\0\0\0\0\0\0\0{"a": [1, 2]}', "its header cannot be read"),
    ],
)
def test_what_is_not_a_safetensors_file_is_reported(content: bytes, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=wrong):
        weights.parameters(tmp_path)


def test_a_truncated_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.zeros(100)}, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="bytes, but its header declares"):
        weights.parameters(tmp_path)


def test_a_folder_without_safetensors_is_reported(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80")
    with pytest.raises(InputError, match="no safetensors file"):
        weights.parameters(tmp_path)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("Qwen/Qwen2.5-1.5B-Instruct", 1_500_000_000),
        ("HuggingFaceTB/SmolLM2-135M", 135_000_000),
        ("Qwen/QwQ-32B", 32_000_000_000),
        ("microsoft/phi-4", None),
        ("org/model-v2.0b1x", None),
    ],
)
def test_a_name_may_tell_the_number_of_parameters(name: str, count: int | None) -> None:
    assert weights.named(name) == count
