"""Memory for training on the CPU: the estimate, the doctor's check, and the limit of the local profile."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from hsir.cli.plan import show_gpus
from hsir.config import Plan, load, read_yaml
from hsir.config.settings import Model
from hsir.config.training import Train, Training
from hsir.planning import gpu_memory, memory
from hsir.planning.budget.summary import Budget
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


def test_a_folder_shows_its_vocabulary_too(embedded: Path) -> None:
    small, large = (estimated(str(embedded), device_batch_size=size, batch_size=16) or 0 for size in (1, 2))
    assert large - small == 2048 * 512 * memory.LOGITS
    for budget, rows in ((100, 1), (3 * 2048, 3)):
        by_tokens = estimated(str(embedded), tokens_per_pass=budget, device_batch_size=16) or 0
        assert by_tokens - small == (rows - 1) * 2048 * 512 * memory.LOGITS


@pytest.mark.parametrize(
    ("needed", "state", "said"),
    [
        (8.1e9, "ok", "8.1 GB for training on the CPU, 25.0 GB here: 3 at a time"),
        (26e9, "problem", "26.0 GB for training on the CPU, 25.0 GB here"),
        (None, "skipped", "is unknown"),
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


def per_gpu(model: str, kind: str, **options: Any) -> float:
    """Return the GPU memory that training a model needs."""
    train: Training = TypeAdapter(Train).validate_python({"kind": kind, "device_batch_size": 2, **options})
    return gpu_memory.each(train, memory.known(Model(path=model)) or 0, 152_000, 80e9)


@pytest.mark.parametrize(
    ("devices", "bytes_per_parameter"),
    [
        ({"kind": "single"}, 16), ({"kind": "ddp", "processes": 8}, 16), ({"kind": "zero2", "processes": 8}, 5.5),
        ({"kind": "zero3", "processes": 8}, 2), ({"kind": "zero3", "processes": 8, "offload": "all"}, 0),
        ({"kind": "zero2", "processes": 8, "offload": "optimizer"}, 4.5),
    ],
)  # fmt: skip
def test_states_are_split_as_the_devices_split_them(devices: dict[str, Any], bytes_per_parameter: float) -> None:
    nothing = per_gpu("a/b-7B", "sft", devices={"kind": "zero3", "processes": 8, "offload": "all"}, batch_size=16)
    assert per_gpu("a/b-7B", "sft", devices=devices, batch_size=16) - nothing == pytest.approx(
        7e9 * bytes_per_parameter
    )


def test_the_size_of_a_model_is_declared_where_its_name_does_not_show_it() -> None:
    assert memory.known(Model(path="a/mini")) is None
    assert memory.known(Model(path="a/mini", parameters=3.8e9)) == 3.8e9
    assert memory.known(Model(path="a/b-7B")) == 7e9


def test_a_reference_comes_on_top_and_adapters_need_no_gradients() -> None:
    plain, free = (per_gpu("a/b-7B", "grpo", beta=beta, batch_size=2) for beta in (0.04, 0.0))
    assert plain - free == pytest.approx(7e9 * 4)
    assert per_gpu("a/b-7B", "sft", lora={}) < per_gpu("a/b-7B", "sft") - 7e9 * 11


def test_zero3_gathers_the_weights_to_draw_rollouts() -> None:
    seven = {"devices": {"kind": "zero3", "processes": 7}, "batch_size": 14, "max_new_tokens": 16, "beta": 0.0}
    full, half = (per_gpu("a/b-7B", "grpo", dtype=dtype, **seven) for dtype in ("float32", "bfloat16"))
    assert full - half == pytest.approx(7e9 * 2)
    assert half == pytest.approx(7e9 * (16 / 7 + 2) + 1e9)


PAPER = sorted(path for path in (PROJECT / "config/paper").glob("*.yaml"))


@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.stem)
def test_every_training_of_the_paper_fits_in_80_gb(path: Path) -> None:
    plan = Plan(load(read_yaml(path), PROJECT / "config"))
    found = gpu_memory.needs(plan, work(plan, plan.built_by_default()), 80e9)
    assert found and gpu_memory.too_large(found, 80e9) == []


def test_what_does_not_fit_is_reported_with_a_fix(capsys: pytest.CaptureFixture[str]) -> None:
    needs = (gpu_memory.Need("m", "grpo", "single", 122e9), gpu_memory.Need("m", "sft", "zero3 x 8", 20e9))
    show_gpus(Budget.model_construct(gpu_memory=needs), 80e9)
    said = " ".join(capsys.readouterr().out.split())
    assert "GPU memory 122.0 GB per GPU: grpo of m (single)" in said
    assert said.count("does not fit") == 1 and "grpo of m does not fit in gpu_memory=8e+10: set `devices" in said
