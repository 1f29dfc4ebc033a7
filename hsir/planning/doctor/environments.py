"""Can each stage's packages be imported where its job runs?"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from hsir.config import read_yaml
from hsir.planning.doctor.command import answer
from hsir.planning.doctor.finding import Finding, ok, problem

CONDA = (24, 7, 1)
"""The oldest version that Snakemake 9 supports."""
IMPORTS_IN = 300
PROBE = """
import importlib, importlib.metadata as installed, json, sys
modules = {}
for module, names in installed.packages_distributions().items():
    for name in names:
        modules.setdefault(name.lower().replace("_", "-"), []).append(module)
found = {}
for name in sys.argv[1:]:
    told = found[name] = {}
    try:
        told["version"] = installed.version(name)
        for module in sorted(modules.get(name, [])):
            if module.isidentifier() and not module.startswith("_"):
                importlib.import_module(module)
    except Exception as error:
        told["error"] = f"{type(error).__name__}: {error}"
print("\\n" + json.dumps(found))
"""
"""Run by the `python` that jobs find: prints the version of each package, and its import error, if any."""


def pinned(path: Path) -> dict[str, str]:
    """Read the PyPI packages of an environment file, with their versions."""
    listed = [entry["pip"] for entry in read_yaml(path)["dependencies"] if isinstance(entry, dict) and "pip" in entry]
    pairs = (package.split("==") for packages in listed for package in packages if "==" in package)
    return {name.strip().lower().replace("_", "-"): version.strip() for name, version in pairs}


def environments(folder: Path, deployment: Collection[str], unused: Collection[str]) -> Iterator[Finding]:
    """Check the environment of each group of rules; `unused` packages belong to engines that no model uses."""
    if "conda" in deployment:
        yield conda()
        return
    for path in sorted(folder.glob("*.yaml")):
        packages = {name: version for name, version in pinned(path).items() if name not in unused}
        yield _imported(f"environment {path.stem}", packages)


def conda() -> Finding:
    """Look for a conda that Snakemake can create environments with; mamba alone is not enough."""
    remedy = (
        f"install conda {'.'.join(map(str, CONDA))} or newer and put it on the PATH, or use"
        " --software-deployment-method env-modules, which uses the installed packages"
    )
    if shutil.which("conda") is None:
        others = [name for name in ("mamba", "micromamba") if shutil.which(name)]
        told = f"no conda on the PATH{f'; {others[0]} alone is not enough' if others else ''}"
        return problem("conda", told, remedy)
    code, said = answer(["conda", "--version"], 60)
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", said)
    if code or found is None or tuple(map(int, found.groups())) < CONDA:
        return problem("conda", said, remedy)
    return ok("conda", f"{said}; environments are created from envs/ in the first run")


def _imported(what: str, packages: dict[str, str]) -> Finding:
    # Jobs also look there first (workflow/rules/common.smk).
    own = Path(sys.executable).parent
    python = shutil.which("python", path=f"{own}{os.pathsep}{os.environ.get('PATH', '')}")
    if python is None:
        return problem(what, "no `python` on the PATH, which jobs need", "activate the environment of the run")
    try:
        command = [python, "-c", PROBE, *packages]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=IMPORTS_IN)
    except (OSError, subprocess.SubprocessError) as error:
        return problem(what, f"{python}: {error!s:.200}", "check that this Python runs and imports its packages")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    broken = {name: told["error"] for name, told in found.items() if "error" in told}
    if broken:
        listed = "; ".join(f"{name} ({error})" for name, error in broken.items())
        return problem(what, f"{python} cannot import {listed}", "install requirements.lock there, or enable conda")
    others = [
        f"{name} {told['version']}, not {packages[name]}"
        for name, told in found.items()
        if told["version"].split("+")[0] != packages[name]
    ]
    return ok(what, f"{python}: {len(found)} packages" + (f"; {', '.join(others)}" if others else ""))
