"""Flip bits of a finished run's files, one at a time, and count the outcomes: detected, harmless, silently used.

    python -m benchmarks.bitflips RESULTS --flips 10000

Half of the flips are in tables and JSON files, half in checkpoints with a manifest. The run itself is not changed.
"""

import argparse
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hsir.errors import InputError
from hsir.storage import manifest, tables
from hsir.storage.files import CHECKSUM, read_json

Reader = Callable[[Path], Any]


def rows(kind: str, path: Path) -> Any:
    """Read a table as the stages do, according to its kind."""
    return tables.read(kind, path), tables.metadata(path)


def value(names: frozenset[str], path: Path) -> Any:
    """Read a JSON object's own keys: a flip in the name of the checksum adds one."""
    return {name: one for name, one in read_json(path).items() if name in names}


def checkpoint(path: Path) -> Any:
    """Compare a checkpoint with its manifest, and read the files that the manifest does not cover."""
    found = manifest.faults(path.parent)
    if found:
        raise InputError(found[0])
    return read_json(path.parent / manifest.NAME)["files"]


def targets(results: Path, copy: Path) -> tuple[list[tuple[Path, Reader]], list[tuple[Path, Reader]]]:
    """Copy the files, and return the reader of each: first tables and results, then checkpoints."""
    shutil.copytree(results, copy, ignore=shutil.ignore_patterns(".*", "tracking", "runs"))
    small: list[tuple[Path, Reader]] = []
    weights: list[tuple[Path, Reader]] = []
    for path in sorted(path for path in copy.rglob("*") if path.is_file()):
        if path.parent.name == "checkpoint":
            if (path.parent / manifest.NAME).is_file() and path.suffix in manifest.LOADED:
                weights.append((path, checkpoint))
        elif path.suffix == ".parquet":
            small.append((path, partial(rows, tables.metadata(path)["table"])))
        elif path.suffix == ".json" and CHECKSUM in path.read_text(encoding="utf-8"):
            small.append((path, partial(value, frozenset(read_json(path)))))
    return small, weights


def flip(path: Path, read: Reader, bit: int, wanted: Any) -> str:
    """Flip a bit, read the file, and flip it back."""
    content = path.read_bytes()
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    path.write_bytes(changed)
    try:
        found = read(path)
    except InputError:
        return "detected"
    except Exception as error:
        return f"traceback ({type(error).__name__})"
    else:
        return "harmless" if found == wanted else "silently used"
    finally:
        path.write_bytes(content)


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--flips", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    drawn = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        parts = targets(asked.results, Path(folder) / "copy")
        for what, files in zip(("tables and JSON", "checkpoints"), parts, strict=True):
            since, counts = time.monotonic(), Counter[str]()
            wanted = {path: read(path) for path, read in files}
            for _ in range(asked.flips // 2 if files else 0):
                path, read = drawn.choice(files)
                counts[flip(path, read, drawn.randrange(8 * path.stat().st_size), wanted[path])] += 1
            told = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
            print(f"{what}: {len(files)} files, {sum(counts.values()):,} flips: {told or '-'}"
                  f" ({time.monotonic() - since:.0f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
