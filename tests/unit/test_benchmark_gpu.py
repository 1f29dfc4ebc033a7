"""The GPU benchmark also runs without a GPU, which tests its code."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu_parts import NEEDS, PARTS


@pytest.fixture(scope="module")
def ran(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, list[str]]:
    """The numbers, the file, and the command of a tiny run."""
    out = tmp_path_factory.mktemp("gpu") / "gpu.json"
    command = [sys.executable, "-m", "benchmarks.gpu", "--tiny", "--out", str(out)]
    told = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert told.returncode == 0, told.stderr
    return json.loads(out.read_text()), out, command


@pytest.mark.parametrize("part", PARTS)
def test_every_part_runs_on_any_machine(part: str, ran: tuple[dict[str, Any], Path, list[str]]) -> None:
    found = ran[0][part]
    if part in NEEDS and importlib.util.find_spec(NEEDS[part]) is None:
        assert found["skipped"] == f"{NEEDS[part]} is not installed"
    else:
        assert not {"failed", "skipped"} & found.keys(), found
        assert min(rates(found)) > 0


def test_a_second_run_keeps_what_was_measured_and_repeats_what_failed(
    root: Path, ran: tuple[dict[str, Any], Path, list[str]]
) -> None:
    found, out, command = ran
    out.write_text(json.dumps(found | {"generate": {"failed": "cut off"}, "score": {"kept": True}}))
    told = subprocess.run([*command, "--parts", "generate", "score"], capture_output=True, text=True, cwd=root)
    assert told.returncode == 0, told.stderr
    again = json.loads(out.read_text())
    assert again["generate"]["tokens_per_second"] > 0
    assert again["score"] == {"kept": True}


def test_the_numbers_of_two_machines_are_not_mixed(
    root: Path, ran: tuple[dict[str, Any], Path, list[str]], tmp_path: Path
) -> None:
    found, _, command = ran
    other = tmp_path / "gpu.json"
    other.write_text(json.dumps(found | {"gpu": "another card"}))
    told = subprocess.run([*command[:-1], str(other)], capture_output=True, text=True, cwd=root)
    assert told.returncode == 1
    assert "was measured with gpu another card, not None: choose another --out" in told.stderr
    assert json.loads(other.read_text())["gpu"] == "another card"


def rates(found: Any) -> list[float]:
    """Return all rates in a part's numbers."""
    if not isinstance(found, dict):
        return []
    own = [found[key] for key in found if key.endswith("tokens_per_second")]
    flat = [rate for one in own for rate in (one.values() if isinstance(one, dict) else [one])]
    return flat + [rate for one in found.values() for rate in rates(one)]
