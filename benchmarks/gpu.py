"""Benchmark the stages at full size on a GPU: `PYTHONPATH=. python benchmarks/gpu.py --out benchmarks/gpu.json`

Each part (`benchmarks/gpu_parts.py`) runs in a process of its own, and the file is written after each, so a run that is
cut off keeps what it measured; the same command then runs the parts that are missing or failed. Models are random, in
Qwen2.5's shapes, so no network is needed. A part whose packages are not installed is skipped, with the reason. `--tiny`
runs the same code on any machine, to check that it works; its numbers are meaningless.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks import gpu_parts, gpu_sizes
from benchmarks.machine import described
from hsir.storage.files import atomic

SECONDS = 240
"""Time limit of a part."""


def main() -> None:
    """Run all parts, or the one that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu.json"), help="The JSON file to write or to complete.")
    parser.add_argument("--tiny", action="store_true", help="Run the same code on any machine, in a minute.")
    parser.add_argument("--parts", nargs="*", default=list(gpu_parts.PARTS), choices=gpu_parts.PARTS)
    parser.add_argument("--one", choices=gpu_parts.PARTS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.tiny and not torch.cuda.is_available():
        sys.exit("no GPU is visible; --tiny runs the same code without one")
    if asked.one:
        print(json.dumps(measured(asked.one, gpu_sizes.TINY if asked.tiny else gpu_sizes.FULL)))
        return
    complete(asked.out, asked.parts, asked.tiny)


def complete(out: Path, parts: list[str], tiny: bool) -> None:
    """Run the parts that the file lacks, and write it after each; exits if it was measured elsewhere."""
    now = {"machine": described(), "gpu": card(), "torch": torch.__version__, "tiny": tiny}
    found: dict[str, Any] = json.loads(out.read_text()) if out.is_file() else now
    other = [f"{key} {found[key]}, not {value}" for key, value in now.items() if found[key] != value]
    if other:
        sys.exit(f"{out} was measured with {'; '.join(other)}: choose another --out")
    for part in parts:
        if part in found and "failed" not in found[part]:
            print(f"{part}: already measured", file=sys.stderr)
            continue
        began = time.monotonic()
        found[part] = apart(part, tiny)
        found[part]["took"] = round(time.monotonic() - began, 1)
        with atomic(out) as temporary:
            temporary.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        print(f"{part}: {json.dumps(found[part])}", file=sys.stderr, flush=True)


def apart(part: str, tiny: bool) -> dict[str, Any]:
    """Run a part in its own process, which gives the GPU's memory back; a failure is returned, not raised."""
    command = [sys.executable, "-m", "benchmarks.gpu", "--one", part, *(["--tiny"] if tiny else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return {"failed": f"not finished after {SECONDS} s"}
    if done.returncode:
        return {"failed": done.stderr.strip()[-1000:]}
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def measured(part: str, size: gpu_sizes.Size) -> dict[str, Any]:
    """Return what a part measures, or the package that it lacks."""
    needed = gpu_parts.NEEDS.get(part)
    if needed and importlib.util.find_spec(needed) is None:
        return {"skipped": f"{needed} is not installed"}
    return gpu_parts.PARTS[part](size)


def card() -> str | None:
    """Return the name of the GPU."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


if __name__ == "__main__":
    main()
