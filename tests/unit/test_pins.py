"""One version per package, wherever it is pinned; environments that can be created, with all that their stages
import."""

import importlib.metadata
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml
from packaging.requirements import Requirement

ENVIRONMENTS = sorted((Path(__file__).parents[2] / "envs").glob("*.yaml"))
NOT_CALLED = {
    # hsir.storage.models loads tokenizers, and models; light stages load tokenizers alone.
    "tables": {"torch"},
    # The stage data asks the hub; doctor and plan do not, and leave out what mathematics they cannot check.
    "driver": {"datasets", "math-verify"},
}


def pins(lines: list[str]) -> dict[str, str]:
    """Return version by package of lines `name==version`."""
    pairs = (line.split("==") for line in lines if "==" in line)
    return {name.strip().lower().replace("_", "-"): version.strip() for name, version in pairs}


def locked(root: Path) -> dict[str, str]:
    return lines_of(root, *(f"requirements{name}.lock" for name in ("", "-dev", "-distributed", "-docs")))


def lines_of(root: Path, *files: str) -> dict[str, str]:
    return pins([line for file in files for line in (root / file).read_text().splitlines()])


@pytest.mark.parametrize(
    ("name", "lock"),
    [("driver", "requirements.lock"), ("tables", "requirements.lock"), ("gpu", "requirements-gpu.lock")],
)
def test_environments_agree_with_the_lock(root: Path, name: str, lock: str) -> None:
    assert len(pins(packages(root / f"envs/{name}.yaml"))) == len(packages(root / f"envs/{name}.yaml"))
    assert pins(packages(root / f"envs/{name}.yaml")).items() <= lines_of(root, lock).items()


def test_the_project_agrees_with_the_lock(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    gpu = extras.pop("gpu")
    direct = [*project["dependencies"], *chain.from_iterable(extras.values())]
    assert [one for one in direct if "==" not in one] == ["numpy>=2.3.5,<2.5"], "the locks differ in this one alone"
    assert pins(direct).items() <= locked(root).items()
    assert pins([*project["dependencies"], *gpu]).items() <= lines_of(root, "requirements-gpu.lock").items()


def test_a_gpu_has_the_versions_that_the_tests_run_with(root: Path) -> None:
    here, there = lines_of(root, "requirements.lock"), lines_of(root, "requirements-gpu.lock")
    other = {name for name in here.keys() & there.keys() if here[name] != there[name]}
    assert other == {"numpy"}
    driver = {"snakemake-executor-plugin-slurm", "snakemake-executor-plugin-slurm-jobstep", "throttler"}
    assert here.keys() - there.keys() <= driver


def test_every_rule_has_an_environment_a_log_and_a_benchmark(root: Path) -> None:
    for file in (root / "workflow/rules").glob("*.smk"):
        for rule in file.read_text().split("\nrule ")[1:]:
            name, body = rule.split(":", 1)
            for key in ("conda:", "log:", "benchmark:"):
                assert f"\n    {key}" in body, f"{file.name}: rule {name} has no {key}"


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_is_python_from_conda_forge_and_pinned_packages_of_the_index(path: Path) -> None:
    text = path.read_text()
    environment = yaml.safe_load(text)
    assert text.startswith("# "), "it says whose it is"
    assert environment.keys() == {"channels", "dependencies"}
    assert environment["channels"] == ["conda-forge"]
    python, pip, section = environment["dependencies"]
    assert (python, pip, list(section)) == ("python =3.11", "pip", ["pip"])
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][\w.]*", package) for package in section["pip"])
    names = [package.split("==")[0] for package in section["pip"]]
    assert len(set(names)) == len(names), "no package twice"


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_is_made_from_a_local_channel(path: Path, tmp_path: Path, root: Path) -> None:
    if importlib.util.find_spec("rattler") is None:
        pytest.skip("py-rattler is not installed; requirements-dev.lock has it")
    specs = [entry for entry in yaml.safe_load(path.read_text())["dependencies"] if isinstance(entry, str)]
    command = [sys.executable, str(root / "tests/local_channel.py"), str(tmp_path), *specs]
    made = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(made.stdout) == {"python": "3.11.9", "pip": "25.0"}, "and not the newest Python"
    told = subprocess.run([tmp_path / "env/bin/python", "-c", "print(6 * 7)"], capture_output=True, text=True)
    assert told.stdout == "42\n"


@pytest.mark.network
@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_the_packages_of_an_environment_fit_together(path: Path, tmp_path: Path) -> None:
    if (uv := shutil.which("uv")) is None:
        pytest.skip("uv is not installed; requirements-dev.lock has it")
    wanted = tmp_path / "wanted.txt"
    wanted.write_text("\n".join(packages(path)))
    done = subprocess.run(
        [uv, "pip", "compile", "--quiet", "--python-version", "3.11", str(wanted)], capture_output=True, text=True
    )
    if done.returncode and "No solution found" not in done.stderr:
        pytest.skip(f"the package index does not answer: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr
    assert pins(packages(path)).items() <= pins(done.stdout.splitlines()).items()


def test_each_stage_finds_what_it_imports_in_its_environment(root: Path) -> None:
    """By its own imports and those of all that it imports, at the top or within functions."""
    absent = {
        f"{module} in envs/{name}.yaml": lacking
        for module, name in [*callers(root), ("hsir.__main__", "driver"), ("hsir.browse.browse", "driver")]
        if (lacking := imported(module) - brought(root, name) - NOT_CALLED.get(name, set()))
    }
    assert absent == {}


def packages(path: Path) -> list[str]:
    """Return what an environment takes from the package index."""
    listed: list[str] = yaml.safe_load(path.read_text())["dependencies"][-1]["pip"]
    return listed


def callers(root: Path) -> list[tuple[str, str]]:
    """Return (module of a stage, environment) of every rule."""
    rules = [
        rule
        for file in sorted((root / "workflow/rules").glob("*.smk"))
        for rule in re.split(r"^rule ", file.read_text(), flags=re.MULTILINE)[1:]
    ]
    found = [
        (f"hsir.stages.{stage}", re.findall(r"envs/(\w+)\.yaml", rule)[0])
        for rule in rules
        for stage in re.findall(r"-m hsir\.stages\.(\w+)", rule)
    ]
    assert len(found) > 10
    return found


def imported(module: str) -> set[str]:
    """Name the distributions that a module needs, directly or through others of the project."""
    graph: Any = grimp.build_graph("hsir", include_external_packages=True, cache_dir=None)
    outside = {name.split(".")[0] for name in graph.find_upstream_modules(module)} - {"hsir", *sys.stdlib_module_names}
    known = importlib.metadata.packages_distributions()
    return {name for top in outside if not top.startswith("_") for name in map(normal, known.get(top, [top])[:1])}


def brought(root: Path, name: str) -> set[str]:
    """Name what an environment holds: its packages, and what they require."""
    found: set[str] = set()
    todo = [package.split("==")[0] for package in packages(root / f"envs/{name}.yaml")]
    while todo:
        package = normal(re.split(r"[\[;]", todo.pop())[0])
        if package not in found:
            found.add(package)
            todo += [
                need.name for need in required(package) if need.marker is None or need.marker.evaluate({"extra": ""})
            ]
    return found


def required(package: str) -> list[Requirement]:
    """Return what an installed package requires; of one that is not installed here, nothing is known."""
    try:
        return [Requirement(need) for need in importlib.metadata.requires(package) or []]
    except importlib.metadata.PackageNotFoundError:
        return []


def normal(name: str) -> str:
    """Write a distribution's name as pins do."""
    return name.lower().replace("_", "-")
