"""`snakemake analysis`: its inputs, its outputs, and that it runs."""

import json
from pathlib import Path
from typing import Any

from tests.workflow.conftest import planned, snakemake

FOLDER = "results/runs/one-round/redundancy"
RULES = {"variants", "score_variants", "div_variants", "redundancy"}


def test_it_takes_what_a_run_has_drawn_and_reaches_its_report(copied: Path, tiny: dict[str, Any]) -> None:
    assert {job.rule for job in planned(copied, "analysis")} == RULES
    built = snakemake(copied, "analysis")
    assert built.returncode == 0, built.stdout + built.stderr
    told = json.loads((copied / FOLDER / "redundancy.json").read_text())
    assert told["of"] == "embedded, few, seed 0: sft-initial, k4"
    assert told["solutions"] > 0 and told["embedder"]["kind"] == "words"
    assert planned(copied, "analysis") == []
    report = snakemake(copied, "--report", "report.html", "analysis")
    assert report.returncode == 0 and "redundancy.svg" in (copied / "report.html").read_text()
    tiny["overrides"]["div"] = {"threshold": 0.9}
    assert [job.rule for job in planned(copied, "analysis", config=tiny)] == ["div_variants", "redundancy"]


def test_a_plain_run_has_none_of_it(finished: Path) -> None:
    assert not RULES & {job.rule for job in planned(finished)}


def test_a_run_that_draws_nothing_is_reported(tmp_path: Path, tiny: dict[str, Any]) -> None:
    tiny["runs"]["one-round"]["methods"] = ["sft-initial"]
    told = snakemake(tmp_path, "--dry-run", "analysis", config=tiny)
    assert told.returncode != 0
    assert "runs.one-round.methods: none samples solutions" in told.stdout + told.stderr
