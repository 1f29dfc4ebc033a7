"""Information on safetensors weights from the file headers; nothing is loaded."""

import math
import re
from pathlib import Path
from typing import Any

from hsir import jsontext
from hsir.errors import InputError

LONGEST_HEADER = 100_000_000
"""Limit of the format itself, in bytes."""
IN_NAME = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", re.IGNORECASE)

GGUF = re.compile(r"(?:\.|[-_])gguf$", re.IGNORECASE)
"""Suffixes of such files, and of such models on a hub."""
CONVERT = "convert it as shown in docs/your-model.md, and set `path` in config/models/<name>.yaml to the new folder"
"""Remedy for a GGUF model."""


def header(path: Path) -> dict[str, Any]:
    """Read a file's header: each tensor's dtype, shape and offsets; raises InputError if it is not a complete
    safetensors file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        told = file.read(length) if 0 < length <= min(size, LONGEST_HEADER) else b""
    try:
        tensors: dict[str, Any] = jsontext.parse(told)
        tensors.pop("__metadata__", None)
        end = 8 + length + max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path}: not a safetensors file (its header cannot be read); download it again") from error
    if size != end:
        raise InputError(f"{path}: {size:,} bytes, but its header declares {end:,}; download it again")
    return tensors


def parameters(folder: Path) -> int:
    """Return the number of parameters in a model's folder; raises InputError if a file is damaged or there is none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise InputError(f"{folder}: no safetensors file; HSIR loads no other weights: convert the model")
    return sum(math.prod(tensor["shape"]) for file in files for tensor in header(file).values())


def size(folder: Path) -> int:
    """Return the size in bytes of the weights in a model's folder; 0 if there are none."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def is_gguf(path: str) -> bool:
    """Return whether a model exists only as GGUF: a file, a folder of such files, or such a name on a hub."""
    folder = Path(path)
    if folder.is_dir():
        return any(folder.glob("*.gguf")) and not any(folder.glob("*.safetensors"))
    return GGUF.search(path) is not None


def named(name: str) -> int | None:
    """Parse the number of parameters from a model's name, such as `Qwen2.5-1.5B-Instruct`; None if there is none."""
    found = IN_NAME.findall(name)
    if not found:
        return None
    number, unit = found[-1]
    return round(float(number) * {"b": 1e9, "m": 1e6}[unit.lower()])
