"""Make a conda environment from a channel in a folder, without a network: `local_channel.py FOLDER SPEC...`.

The channel holds a Python of two versions, which is a script that calls the one that runs this, and a pip that does
nothing. The environment is FOLDER/env.
"""

import asyncio
import hashlib
import io
import json
import os
import sys
import tarfile
from pathlib import Path
from typing import Any

import rattler


def package(folder: Path, name: str, version: str, files: dict[str, bytes]) -> tuple[str, dict[str, Any]]:
    """Write a package; return its file name and its entry in the channel's index."""
    record = {
        "name": name, "version": version, "build": "0", "build_number": 0, "depends": [], "subdir": "noarch",
        "noarch": "generic",
    }  # fmt: skip
    listed = [
        {"_path": path, "path_type": "hardlink", "sha256": hashlib.sha256(text).hexdigest(), "size_in_bytes": len(text)}
        for path, text in files.items()
    ]
    told = {"info/index.json": record, "info/paths.json": {"paths": listed, "paths_version": 1}}
    archive = folder / f"{name}-{version}-0.tar.bz2"
    with tarfile.open(archive, "w:bz2") as packed:
        for path, text in (files | {path: json.dumps(value).encode() for path, value in told.items()}).items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(text), 0o755
            packed.addfile(entry, io.BytesIO(text))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    return archive.name, record | {"sha256": digest, "size": archive.stat().st_size}


def channel(folder: Path) -> str:
    """Write the channel and give its address."""
    python = f'#!/bin/sh\nexec {sys.executable} "$@"\n'.encode()
    noarch, own = folder / "noarch", folder / "linux-64"
    for made in (noarch, own):
        made.mkdir(parents=True)
    packages = dict(
        [
            package(noarch, "python", "3.11.9", {"bin/python": python}),
            package(noarch, "python", "3.12.1", {"bin/python": python}),
            package(noarch, "pip", "25.0", {"bin/pip": b"#!/bin/sh\n"}),
        ]
    )
    for made, entries in ((noarch, packages), (own, {})):
        index = {"info": {"subdir": made.name}, "packages": entries, "packages.conda": {}, "repodata_version": 1}
        (made / "repodata.json").write_text(json.dumps(index))
    return folder.as_uri()


async def create(folder: Path, specs: list[str]) -> dict[str, str]:
    """Solve and install; return the versions."""
    records = await rattler.solve(
        sources=[rattler.Channel(channel(folder / "channel"))],
        specs=[rattler.MatchSpec(spec) for spec in specs],
        platforms=["noarch", "linux-64"],
    )
    await rattler.install(records, target_prefix=folder / "env", cache_dir=folder / "cache", show_progress=False)
    return {record.name.normalized: str(record.version) for record in records}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(create(Path(sys.argv[1]).absolute(), sys.argv[2:]))), flush=True)
    os._exit(0)  # py-rattler 0.28 crashes where the interpreter ends in the usual way
