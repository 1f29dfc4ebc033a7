"""Atomic writes; small JSON files with a checksum; hashes of files and folders."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hsir import disk
from hsir.errors import InputError
from hsir.storage.temporary import sweep
from hsir.storage.temporary import temporary as temporary_name

CHECKSUM = "checksum"
"""The key of a JSON object that contains the hash of the rest."""
_MIB = 1 << 20


def read_json(path: Path) -> Any:
    """Read a JSON file, without its checksum; raises InputError naming it if it is missing or damaged."""
    try:
        with disk.naming(path):
            value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; create it with `snakemake {path}`") from error
    except (OSError, ValueError, RecursionError) as error:
        if disk.refused(error):
            raise
        raise InputError(f"{path}: cannot be read as JSON: {error}; delete it and recreate it") from error
    given = value.pop(CHECKSUM, None) if isinstance(value, dict) else None
    if given is not None and given != checksum(value):
        raise InputError(
            f"{path}: damaged: its content does not match its checksum; delete it and recreate it (if you edited it"
            f" on purpose, remove the line {CHECKSUM!r})"
        )
    return value


def write_json(value: Any, path: Path) -> None:
    """Write JSON atomically, an object with a checksum."""
    sealed = {**value, CHECKSUM: checksum(value)} if isinstance(value, dict) else value
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(sealed, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary file next to `path`, which replaces it once it is complete and on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    temporary = temporary_name(path)
    try:
        with disk.naming(path):
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(path)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename = str(path)  # readers see only what is on disk
        raise
    finally:
        with suppress(OSError):  # if it cannot be deleted either, the first error explains why
            temporary.unlink(missing_ok=True)


def checksum(value: Any) -> str:
    """Hash a value's JSON form to 16 hex digits."""
    plain = json.loads(json.dumps(value))
    return hashlib.blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=8).hexdigest()


def file_hash(path: Path) -> str:
    """Hash a file, or all files in a folder except hidden ones, to 16 hex digits; anything else is hashed by name.

    Of files over 64 MiB (weights), only the size and both ends are hashed, because every shard of every pool does this.
    """
    digest = hashlib.blake2b(digest_size=8)
    if not path.exists():  # a model's name on a hub
        digest.update(path.as_posix().encode())
    inside = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
    for file in [path] if path.is_file() else inside:
        size = file.stat().st_size
        digest.update(f"{file.relative_to(path).as_posix()}:{size}:".encode())
        with disk.naming(file), file.open("rb") as content:
            if size <= 64 * _MIB:
                digest.update(content.read())
            else:
                digest.update(content.read(_MIB))
                content.seek(-_MIB, os.SEEK_END)
                digest.update(content.read())
    return digest.hexdigest()
