"""HSIR as a package: built as a wheel, installed elsewhere, run from a separate folder."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.docs.pages import clean_copy

DATA = "results/embedded/few/seed0/data/seed.parquet"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bin folder of an environment that holds the wheel, and else what the tests' own has."""
    folder = tmp_path_factory.mktemp("package")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    done(folder, *pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", ".", str(clean_copy(folder / "of")))
    done(folder, sys.executable, "-m", "venv", "--without-pip", "venv")
    here = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
    Path(sysconfig.get_path("purelib", vars=here), "tests.pth").write_text(sysconfig.get_path("purelib"))
    (wheel,) = folder.glob("*.whl")
    done(folder, *pip, "--python", str(folder / "venv/bin/python"), "install", "--no-deps", str(wheel))
    return folder / "venv/bin"


def done(folder: Path, *command: str, **variables: str) -> str:
    """Run a command in a folder, without any path to the checkout; return what it prints."""
    (folder / "home").mkdir(exist_ok=True)
    bare = {"HOME": str(folder / "home"), "PATH": "/usr/bin:/bin", "COLUMNS": "200"} | variables
    given = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "LD_"))} | bare
    told = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout + told.stderr


def test_a_wheel_is_enough_to_start_a_project(installed: Path, tmp_path: Path) -> None:
    hsir, python = str(installed / "hsir"), str(installed / "python")
    assert "Usage: hsir" in done(tmp_path, hsir, "--help")
    done(tmp_path, hsir, "init", "mine")
    assert "38" in done(tmp_path, hsir, "--directory", "mine", "plan")
    snakemake = [python, "-m", "snakemake", "--profile", "profiles/local", "--cores", "1", "--quiet", "rules"]
    plan = done(tmp_path / "mine", *snakemake, "--dry-run")
    assert ["train", "3"] in [line.split() for line in plan.splitlines()]
    done(tmp_path / "mine", *snakemake, "--", DATA)
    assert (tmp_path / "mine" / DATA).is_file()


def test_jobs_whose_environment_lacks_the_package_find_it_alone(installed: Path, tmp_path: Path) -> None:
    """As those of a conda environment: PYTHONPATH must not bring the other packages of the one that Snakemake has."""
    (project,) = installed.parent.glob("lib/python*/site-packages/hsir/project")
    code = (
        "import hsir, hsir.storage.tables; from hsir.config.home import HOME, PACKAGE;"
        " print(hsir.__version__, HOME, PACKAGE)"
    )
    told = done(tmp_path, sys.executable, "-c", code, PYTHONPATH=str(project)).split()
    assert told[1:] == [str(project), str(project.parent)]
    assert {path.name for path in project.iterdir()} - {"__pycache__"} == {
        "Snakefile", "config", "envs", "hsir", "profiles", "workflow",
    }  # fmt: skip
