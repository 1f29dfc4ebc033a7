"""The memory that trainings take on the CPU: what is estimated, what doctor says, what the local profile allows."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hsir.config import Plan, load
from hsir.planning import memory
from hsir.planning.budget.work import work
from hsir.planning.doctor.memory import memory as findings

PROJECT = Path(__file__).parents[2]
RUN: dict[str, Any] = {"run": "r", "runs": {"r": {"models": ["m"], "tasks": ["chains"], "methods": ["restem"]}}}


def estimated(path: str, **sft: Any) -> float | None:
    config = {**RUN, "models": {"m": {"path": path}}, "overrides": {"train": {"sft": sft}}}
    plan = Plan(load(config, PROJECT / "config"))
    (most,) = memory.by_model(plan, work(plan, ["r"])).values()
    return most


def test_weights_gradients_and_moments_are_counted() -> None:
    assert estimated("someone/model-0.5B") == pytest.approx(0.5e9 * 16 + memory.PACKAGES)
    assert estimated("someone/model-0.5B", lora={}) == pytest.approx(0.5e9 * 4 + memory.PACKAGES)
    assert estimated("someone/model-0.5B", devices={"kind": "ddp", "processes": 2}, device_batch_size=2) == (
        pytest.approx(2 * (0.5e9 * 16 + memory.PACKAGES))
    )
    assert estimated("someone/nameless") is None


def test_a_folder_tells_its_vocabulary_too(embedded: Path) -> None:
    small, large = (estimated(str(embedded), device_batch_size=size, batch_size=16) or 0 for size in (1, 2))
    assert large - small == 2048 * 512 * memory.LOGITS
    for budget, rows in ((100, 1), (3 * 2048, 3)):
        by_tokens = estimated(str(embedded), tokens_per_pass=budget, device_batch_size=16) or 0
        assert by_tokens - small == (rows - 1) * 2048 * 512 * memory.LOGITS


@pytest.mark.parametrize(
    ("needed", "state", "said"),
    [
        (8.1e9, "ok", "8.1 GB for a training on the CPU, 25.0 GB here: 3 at a time"),
        (26e9, "problem", "26.0 GB for a training on the CPU, 25.0 GB here"),
        (None, "skipped", "nothing tells"),
    ],
)
def test_doctor_compares_a_training_with_the_machine(needed: float | None, state: str, said: str) -> None:
    (found,) = findings({"m": needed}, 25e9)
    assert (found.state, found.what) == (state, "memory, model m") and said in found.told
    assert bool(found.remedy) == (state == "problem")


def test_the_local_profile_gives_what_most_of_the_machine_holds(tmp_path: Path) -> None:
    profile = PROJECT / "profiles/local"
    assert yaml.safe_load((profile / "config.yaml").read_text())["resources"]["mem_mb"].startswith("?")
    (tmp_path / "Snakefile").write_text("print('given', workflow.resource_settings.resources)\nrule all:\n")
    command = [sys.executable, "-m", "snakemake", "--profile", str(profile), "--dry-run", "--directory", str(tmp_path)]
    told = subprocess.run(
        [*command, "--snakefile", str(tmp_path / "Snakefile")], capture_output=True, text=True, check=True
    )
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 10**6
    assert str(total * 9 // 10) in told.stdout + told.stderr
