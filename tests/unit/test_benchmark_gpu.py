"""The GPU benchmark also runs without a GPU, which tests its code."""

import json
import subprocess
import sys
from pathlib import Path


def test_the_same_code_runs_on_any_machine(root: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--tiny"]
    told = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    measured = [found["generate"], found["sft"]]
    assert all(one["tokens_per_second"] > 0 for one in measured)
    assert [row["tokens_each"] for row in found["score"]] == [512, 2048]
