"""`hsir evaluate`: a model and a policy on a benchmark, without training, and the comparison of the two."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hsir.report import rows
from hsir.report.compared import Difference
from hsir.report.results import Result
from tests.workflow.conftest import PROJECT, environment

CONFIG = {
    "run": "none",
    "runs": {"none": {"models": ["embedded"], "tasks": ["few"], "methods": ["base"]}},
    "tasks": {
        "few": {
            "task": {"kind": "chains", "test": 6, "shortest": 2, "longest": 3},
            "settings": {"evaluate": {"max_new_tokens": 120}},
        }
    },
}
POLICY = "results/embedded/few/seed0/mine.1"


def hsir(folder: Path, *arguments: str) -> str:
    """Give a command in a folder; it must succeed."""
    told = subprocess.run(
        [sys.executable, "-m", "hsir", *arguments], cwd=folder, capture_output=True, text=True, timeout=600,
        env=environment() | {"PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout + told.stderr


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evaluate the embedded model, and the same as if it were a trained policy of a run."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text(yaml.safe_dump(CONFIG))
    shutil.copytree(PROJECT / "hsir/embedded/model", folder / POLICY / "checkpoint")
    hsir(folder, "evaluate", "--model", "embedded", "--benchmarks", "few", "--samples", "3")
    hsir(folder, "evaluate", "--model", POLICY, "--benchmarks", "few", "--samples", "3")
    return folder


def test_its_results_are_those_of_a_run(evaluated: Path) -> None:
    found = rows.read(Result, evaluated / "results/runs/embedded/results.csv")
    assert [(one.model, one.policy, one.benchmark, one.questions) for one in found] == [
        ("embedded", "base", "few", 6), ("embedded", "base", "few@3", 6),
    ]  # fmt: skip
    assert found[1].accuracy_low <= found[1].accuracy <= found[1].accuracy_high
    assert (evaluated / "evaluations/embedded.yaml").is_file()
    assert "few@3" in (evaluated / "results/runs/embedded/results.html").read_text()


def test_a_policy_is_named_after_its_place(evaluated: Path) -> None:
    named = "embedded-few-seed0-mine.1"
    (greedy, sampled) = rows.read(Result, evaluated / f"results/runs/{named}/results.csv")
    (other, _) = rows.read(Result, evaluated / "results/runs/embedded/results.csv")
    assert greedy.model == sampled.model == named
    assert (greedy.accuracy, greedy.tokens) == (other.accuracy, other.tokens), "they are the same weights"


def test_the_same_command_has_nothing_left_to_do(evaluated: Path) -> None:
    told = hsir(evaluated, "evaluate", "--model", "embedded", "--benchmarks", "few", "--samples", "3", "-n")
    assert "Nothing to be done" in told
    more = hsir(evaluated, "evaluate", "--model", "embedded", "--benchmarks", "few", "chains", "--samples", "3", "-n")
    assert "benchmarks/chains.parquet" in more and "output: results/embedded/few" not in more


def test_two_models_are_compared_by_question(evaluated: Path) -> None:
    one, two = "results/runs/embedded", "results/runs/embedded-few-seed0-mine.1"
    hsir(evaluated, "compare", one, two, "--out", "c.csv")
    greedy, sampled = rows.read(Difference, evaluated / "c.csv")
    assert (greedy.benchmark, sampled.benchmark) == ("few", "few@3")
    assert (greedy.accuracy, greedy.tokens, greedy.questions, sampled.accuracy) == (0.0, 0.0, 6, 0.0)
    assert greedy.model == "embedded and embedded-few-seed0-mine.1"
    assert (greedy.policy, greedy.other) == ("base (embedded)", "base (embedded-few-seed0-mine.1)")
