"""Status reports missing policies, and warnings of stages."""

from pathlib import Path
from typing import Any

import pytest

from hsir.cli.status import ALL_MADE, show
from hsir.config import Plan, load
from hsir.planning.budget.assumptions import Assumptions
from hsir.planning.budget.estimate import Estimator
from hsir.planning.budget.measured import gather
from hsir.planning.budget.status import Standing, standings
from hsir.planning.memory import without_gpu
from hsir.planning.warned import warnings

RAW: dict[str, Any] = {
    "run": "one",
    "runs": {"one": {"models": ["m"], "tasks": ["sums"], "methods": ["start", "plain"]}},
    "models": {"m": {"path": "owner/model-2B"}},
    "tasks": {"sums": {"task": {"kind": "chains"}}},
    "methods": {
        "start": {"iterations": 0},
        "plain": {"initial": "start", "pools": ["k10", "k10-veriexit"], "select": [{"kind": "right"}]},
    },
}


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Return the plan of a finished run in the current folder."""
    monkeypatch.chdir(tmp_path)
    for policy in ("start", "plain.1"):
        folder = Path("results/m/sums/seed0", policy)
        (folder / "checkpoint").mkdir(parents=True)
        (folder / "checkpoint/model.safetensors").touch()
        (folder / "train.json").touch()
    return Plan(load(RAW, Path("nowhere")))


def stood(plan: Plan) -> list[Standing]:
    return standings(plan, ["one"], [], Estimator(plan, gather([], plan), Assumptions()))


def test_a_policy_that_is_gone_is_named_though_nothing_would_run(
    plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    show(["one"], stood(plan))
    assert ALL_MADE in capsys.readouterr().out
    Path("results/m/sums/seed0/start/checkpoint/model.safetensors").unlink()
    found = {one.method: one for one in stood(plan)}
    assert (found["start"].trained, found["start"].missing) == (0, ("start",))
    assert found["start"].gone == ("results/m/sums/seed0/start/checkpoint",) and not found["plain"].gone
    show(["one"], list(found.values()))
    said = capsys.readouterr().out
    assert ALL_MADE not in said and "results/m/sums/seed0/start/checkpoint: missing" in said


def test_warnings_of_stages_are_read_from_the_logs_of_the_runs_pools(plan: Plan) -> None:
    log = Path("logs/m/sums/seed0/start/k10-veriexit/veriexit.log")
    log.parent.mkdir(parents=True)
    log.write_text("hsir: 0 of 9 failed samples are recyclable\nhsir: warning: 0 of 9 failed solutions\n")
    other = Path("logs/m/sums/seed0/other/k10-veriexit/veriexit.log")
    other.parent.mkdir(parents=True)
    other.write_text("hsir: warning: of another run\n")
    trained = Path("logs/m/sums/seed0/start/train.log")
    trained.write_text("hsir: warning: only 1 optimizer steps\n")
    assert warnings(plan, ["one"]) == [
        "m/sums/seed0/start/k10-veriexit: 0 of 9 failed solutions", "m/sums/seed0/start: only 1 optimizer steps",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("there", "profile", "expected"),
    [
        ([], None, True),
        (["sbatch"], None, False),
        (["sbatch"], {"cores": "all"}, True),
        ([], {"executor": "slurm"}, False),
        (["nvidia-smi"], {}, False),
    ],
)
def test_jobs_run_on_a_cpu_where_there_is_no_gpu_and_no_cluster(
    there: list[str], profile: dict[str, Any] | None, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in there:
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert without_gpu(profile) is expected
