"""Weights in safetensors files, as their headers tell of them: nothing is loaded."""

import math
import re
from pathlib import Path
from typing import Any

from hsir import jsontext
from hsir.errors import InputError

LONGEST_HEADER = 100_000_000
"""Bytes; the format's own limit."""
IN_NAME = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", re.IGNORECASE)

GGUF = re.compile(r"(?:\.|[-_])gguf$", re.IGNORECASE)
"""How the names of such files end, and those of such models on a hub."""
CONVERT = "convert it as shown in docs/your-model.md, and set `path` in config/models/<name>.yaml to the new folder"
"""What to do with a model in GGUF."""


def header(path: Path) -> dict[str, Any]:
    """Read a file's tensors: dtype, shape, place; raises InputError for what is no whole safetensors file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        told = file.read(length) if 0 < length <= min(size, LONGEST_HEADER) else b""
    try:
        tensors: dict[str, Any] = jsontext.parse(told)
        tensors.pop("__metadata__", None)
        end = 8 + length + max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path}: no safetensors file (its header cannot be read); download it again") from error
    if size != end:
        raise InputError(f"{path}: {size:,} bytes, but its header declares {end:,}; fetch it again")
    return tensors


def parameters(folder: Path) -> int:
    """Count the parameters of a model's folder; raises InputError where a file is broken or none is there."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise InputError(f"{folder}: no safetensors file; HSIR loads no other weights: convert the model")
    return sum(math.prod(tensor["shape"]) for file in files for tensor in header(file).values())


def size(folder: Path) -> int:
    """Count the bytes of the weights in a model's folder; 0 where there are none."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def is_gguf(path: str) -> bool:
    """Tell whether there is a model in GGUF alone: a file, a folder of such, or a name on a hub that says so."""
    folder = Path(path)
    if folder.is_dir():
        return any(folder.glob("*.gguf")) and not any(folder.glob("*.safetensors"))
    return GGUF.search(path) is not None


def named(name: str) -> int | None:
    """Read the number of parameters out of a model's name, such as `Qwen2.5-1.5B-Instruct`; None if it tells none."""
    found = IN_NAME.findall(name)
    if not found:
        return None
    number, unit = found[-1]
    return round(float(number) * {"b": 1e9, "m": 1e6}[unit.lower()])
