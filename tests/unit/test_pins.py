"""One version a package, wherever it is pinned."""

import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml


def pins(lines: list[str]) -> dict[str, str]:
    """Give version by package of lines `name==version`."""
    pairs = (line.split("==") for line in lines if "==" in line)
    return {name.strip().lower().replace("_", "-"): version.strip() for name, version in pairs}


def locked(root: Path) -> dict[str, str]:
    files = [root / f"requirements{name}.lock" for name in ("", "-dev", "-distributed")]
    return pins([line for file in files for line in file.read_text().splitlines()])


@pytest.mark.parametrize("name", ["driver", "tables", "generate", "embed", "train"])
def test_environments_agree_with_the_lock(root: Path, name: str) -> None:
    packages = yaml.safe_load((root / f"envs/{name}.yaml").read_text())["dependencies"][-1]["pip"]
    assert len(pins(packages)) == len(packages), "every package is pinned"
    assert pins(packages).items() <= locked(root).items()


def test_the_project_agrees_with_the_lock(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    direct = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    assert len(pins(direct)) == len(direct)
    assert pins(direct).items() <= locked(root).items()


def test_every_rule_has_an_environment_a_log_and_a_benchmark(root: Path) -> None:
    for file in (root / "workflow/rules").glob("*.smk"):
        for rule in file.read_text().split("\nrule ")[1:]:
            name, body = rule.split(":", 1)
            for key in ("conda:", "log:", "benchmark:"):
                assert f"\n    {key}" in body, f"{file.name}: rule {name} has no {key}"
