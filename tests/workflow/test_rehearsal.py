"""A complete rehearsal: letters, pairs, rollouts, another test set."""

import json
from pathlib import Path

from hsir.config import read_yaml
from tests.workflow.conftest import PROJECT, snakemake

CONFIG = {
    **read_yaml(PROJECT / "config/paper/table6.yaml"),
    "run": "small",
    "runs": {
        "small": {
            "models": ["qwen2.5-7b"], "tasks": ["medqa"], "methods": ["hsir-dpo", "h-grpo"], "benchmarks": ["gpqa"],
            "iterations": 1,
        }
    },
    "rehearse": True,
}  # fmt: skip


def test_a_rehearsal_runs_to_its_report_and_says_what_it_is(tmp_path: Path) -> None:
    done = snakemake(tmp_path, config=CONFIG)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    report = tmp_path / "results-rehearsal/runs/small"
    assert (report / "results.md").read_text().startswith("# Results of small (rehearsal)")
    assert "these numbers mean nothing" in (report / "front.html").read_text()
    figures = sorted(report.glob("*.svg"))
    assert figures and all(">rehearsal</text></svg>" in figure.read_text() for figure in figures)
    policies = tmp_path / "results-rehearsal/qwen2.5-7b/medqa/seed0"
    told = json.loads((policies / "h-grpo.1/train.json").read_text())
    assert told["steps"] == 2 and told["rollouts"] == 16
    assert json.loads((policies / "hsir-dpo.1/train.json").read_text())["examples"] > 0
    assert json.loads((policies / "hsir-dpo.1/eval/gpqa.json").read_text())["questions"] == 24
    assert not (tmp_path / "results").exists()
