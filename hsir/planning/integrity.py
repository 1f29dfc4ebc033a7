"""Are outputs unchanged? Checks every table, result and checkpoint of a run by its checksums and inputs."""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hsir.errors import InputError
from hsir.storage import manifest, seal
from hsir.storage.files import file_hash, read_json

READ = {".parquet", ".json"}
OF_A_POOL = {"verify", "score", "div", "evaluate"}
"""Stages whose output is stored next to the samples that it was made from."""


class Fault(NamedTuple):
    """A file that must not be used: damaged, stale (from older inputs) or foreign (from another policy), and why."""

    path: Path
    kind: str
    why: str


class Looked(NamedTuple):
    """The number of files read, the number without a checksum, and the faults."""

    files: int
    unsealed: int
    faults: list[Fault]


def look(folders: Iterable[Path]) -> Looked:
    """Read all tables, JSON files and checkpoints in some folders; skips hidden ones, which are work in progress."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if _made(path, folder)]
    checkpoints = {path.parent for path in paths if path.name == manifest.NAME}
    faults = [fault for folder in sorted(checkpoints) for fault in _checkpoint(folder)]
    unsealed = 0
    for path in paths:
        if path.parent.name != "checkpoint":
            try:
                made, sealed = _opened(path)
            except InputError as error:
                faults.append(Fault(path, "damaged", str(error).removeprefix(f"{path}: ")))
            else:
                unsealed += not sealed
                faults += [*_foreign(path, made), *_stale(path, made)][:1]
    return Looked(len(paths), unsealed, faults)


def _made(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix in READ and path.is_file() and not hidden


def _checkpoint(folder: Path) -> Iterator[Fault]:
    try:
        told = manifest.faults(folder)
    except InputError as error:
        told = [str(error)]
    if told:
        yield Fault(folder, "damaged", "; ".join(told))


def _opened(path: Path) -> tuple[dict[str, Any], bool]:
    """Return a file's provenance, and whether it has a checksum; raises InputError if it is damaged."""
    if path.suffix == ".json":
        value = read_json(path)
        made = value.get("provenance", {}) if isinstance(value, dict) else {}
        if not isinstance(made, dict) or not isinstance(made.get("inputs", {}), dict):
            raise InputError(f"{path}: its provenance cannot be read")
        return made, isinstance(value, dict)
    content = path.read_bytes()
    try:
        stamped = seal.stamped(content)
    except (ValueError, IndexError) as error:
        raise InputError(f"{path}: its provenance cannot be read") from error
    if seal.damaged(content) or content[:4] != b"PAR1" or content[-4:] != b"PAR1":
        raise InputError(f"{path}: its content has changed since it was written")
    return stamped, seal.sealed(content)


def _foreign(path: Path, made: dict[str, Any]) -> Iterator[Fault]:
    """Find files copied from the folder of another pool or policy."""
    own = path.with_suffix("") if path.suffix == ".json" else path.parent
    for given in map(Path, made.get("inputs", {})):
        elsewhere = given.parent.parent if given.parent.name == "samples" else None
        if made.get("stage") in OF_A_POOL and elsewhere and not _same(own, elsewhere):
            yield Fault(path, "foreign", f"made from {given}")
        if made.get("stage") == "sample" and given.name == "checkpoint" and not _within(path, given.parent):
            yield Fault(path, "foreign", f"sampled from {given}")


def _stale(path: Path, made: dict[str, Any]) -> Iterator[Fault]:
    for given, wanted in made.get("inputs", {}).items():
        if Path(given).exists() and _hash(Path(given)) != wanted:
            yield Fault(path, "stale", f"made from a different {given} than the current one")


def _same(one: Path, other: Path) -> bool:
    return one.resolve().parts[-3:] == other.resolve().parts[-3:]


def _within(path: Path, folder: Path) -> bool:
    return any(_same(parent, folder) for parent in path.resolve().parents)


@cache
def _hash(path: Path) -> str:
    return file_hash(path)
