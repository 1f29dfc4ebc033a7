"""A method that keeps the pools of all iterations, from sampling to the report."""

import json
from pathlib import Path
from typing import Any

from hsir.storage import tables
from tests.workflow.conftest import planned, snakemake


def test_the_second_iteration_is_trained_on_the_solutions_of_both(copied: Path, tiny: dict[str, Any]) -> None:
    tiny["methods"]["kept"] = {"like": "hsir-sft", "keep": "all", "iterations": 2}
    tiny["runs"]["two-rounds"]["methods"].append("kept")
    told = snakemake(copied, "two-rounds", config=tiny)
    logs = "\n".join(f"--- {log}\n{log.read_text()}" for log in copied.glob("logs/**/kept*/**/*.log"))
    assert told.returncode == 0, told.stdout + told.stderr + logs
    assert planned(copied, "two-rounds", config=tiny) == []
    root = copied / "results/embedded/few/seed0"
    first, same = (tables.read("filtered", root / name / "filtered.parquet") for name in ("kept.1", "hsir-sft.1"))
    assert first == same, "the first iteration has only one pool to read"
    rows = tables.read("filtered", root / "kept.2/filtered.parquet")
    assert {row["source"] for row in rows} >= {"seed", "k4", "sft-initial/k4"}
    assert all(("/" in row["sample_id"]) == ("/" in row["source"]) for row in rows)
    old = {row["sample_id"].removeprefix("sft-initial/") for row in rows if "/" in row["source"]}
    assert old <= {
        row["sample_id"] for row in tables.read("samples", [*root.glob("sft-initial/k4*/samples/*.parquet")])
    }
    costs = json.loads((root / "kept.2/ledger.json").read_text())
    drawn = sum(len(tables.arrow("samples", path, ["sample_id"])) for path in root.glob("kept.1/k4*/samples/*.parquet"))
    assert costs["own"]["samples"] == drawn, "samples of an earlier iteration are no cost of a later one"
    losses = json.loads((root / "kept.2/train.json").read_text())
    assert losses["tokens"] > json.loads((root / "kept.1/train.json").read_text())["tokens"]
    assert costs["own"]["training_tokens"] == losses["tokens"]
