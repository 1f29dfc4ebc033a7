"""The manifest of a checkpoint: `train` records each file's size and hash, and every load compares them."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

from hsir import disk
from hsir.errors import InputError
from hsir.storage.files import read_json, write_json

NAME = "manifest.json"
BLOCK = 64 << 20
"""Block size in bytes; several blocks are hashed in parallel, because one core does not keep up with a disk."""
LOADED = {".safetensors", ".json", ".jinja", ".model", ".txt"}
"""Suffixes that loaders read: an added file with one of these would be used as well."""


def write(folder: Path) -> None:
    """Record the files of a complete checkpoint."""
    files = {path.name: {"size": path.stat().st_size, "sha256": digest(path)} for path in _inside(folder)}
    write_json({"files": files}, folder / NAME)


@cache
def check(folder: Path, weights: bool = True) -> None:
    """Raise InputError unless a checkpoint is unchanged, with or without its weights; once per process.

    A folder without a manifest (a base model, or a checkpoint of an older version) passes. In multi-process training,
    the first process of each node checks.
    """
    if not (folder / NAME).is_file() or os.environ.get("LOCAL_RANK", "0") != "0":
        return
    for fault in faults(folder, weights):
        raise InputError(
            f"{fault}; the checkpoint has changed since training: recreate it, `snakemake --force {folder}`"
        )


def faults(folder: Path, weights: bool = True) -> list[str]:
    """Return the faults of a checkpoint, by file."""
    noted = _noted(folder / NAME)
    found = {path.name: path for path in _inside(folder)}
    told = [f"{folder / name}: missing" for name in noted if name not in found]
    told += [f"{path}: not a file of this checkpoint" for name, path in found.items() if name not in noted]
    for name, path in found.items():
        if name in noted and path.stat().st_size != noted[name]["size"]:
            told.append(f"{path}: {path.stat().st_size:,} bytes, not {noted[name]['size']:,}")
        elif name in noted and (weights or path.suffix != ".safetensors") and digest(path) != noted[name]["sha256"]:
            told.append(f"{path}: damaged (same size, different content)")
    return told


def _noted(path: Path) -> dict[str, dict[str, Any]]:
    """Read a manifest; raises InputError if it is invalid."""
    value = read_json(path)
    files = value.get("files") if isinstance(value, dict) else None
    entries = files.values() if isinstance(files, dict) else [None]
    if not all(isinstance(entry, dict) and {"size", "sha256"} <= {*entry} for entry in entries):
        raise InputError(f"{path}: no manifest of a checkpoint")
    return dict(value["files"])


def digest(path: Path) -> str:
    """Hash all bytes of a file: SHA-256 of the SHA-256 of each block."""
    offsets = range(0, path.stat().st_size, BLOCK)
    with ThreadPoolExecutor() as threads:
        blocks = threads.map(partial(_block, path), offsets)
        return hashlib.sha256(b"".join(blocks)).hexdigest()


def _block(path: Path, offset: int) -> bytes:
    with disk.naming(path), path.open("rb") as file:
        file.seek(offset)
        return hashlib.sha256(file.read(BLOCK)).digest()


def _inside(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in LOADED and not path.name.startswith(".") and path.name != NAME
    )
