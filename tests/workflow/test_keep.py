"""Methods that are trained on the pools of several policies, from sampling to the report."""

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from hsir.storage import tables
from hsir.storage.files import read_json
from tests.workflow.conftest import TINY, planned, snakemake

MIXED: dict[str, Any] = {
    "kept": {"like": "hsir-sft", "keep": "all", "iterations": 2},
    "halves": {"like": "restem", "keep": "all", "pools": ["half"], "iterations": 2},
    "turns": {"like": "adastar", "pools": ["turn"], "iterations": 2},
    "late": {"initial": "restem.2", "keep": "ancestors", "pools": ["k4"], "select": [{"kind": "right"}]},
}


@pytest.fixture(scope="module")
def root(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the seed of a finished run, to which methods are added."""
    directory = tmp_path_factory.mktemp("mixed") / "copy"
    shutil.copytree(finished, directory, symlinks=True)
    config = yaml.safe_load(TINY.read_text())
    config["methods"] |= MIXED
    config["pools"]["half"] = {"kind": "sample", "samples": 4, "parts": 2}
    config["pools"]["turn"] = {"kind": "sample", "samples": 4, "parts": 2, "order": "adaptive"}
    config["runs"]["two-rounds"]["methods"] += [*MIXED]
    config["overrides"]["evaluate"] |= {"samples": 2, "reducers": [{"kind": "highest_score"}, {"kind": "shortest"}]}
    told = snakemake(directory, "two-rounds", config=config)
    logs = "\n".join(f"--- {log}\n{log.read_text()}" for log in directory.glob("logs/**/*.log"))
    assert told.returncode == 0, told.stdout + told.stderr + logs
    assert planned(directory, "two-rounds", config=config) == []
    return directory / "results/embedded/few/seed0"


def filtered(root: Path, policy: str) -> list[tables.Row]:
    """Return the training set of a policy."""
    return tables.read("filtered", root / policy / "filtered.parquet")


def sampled(root: Path, policy: str, pools: str) -> dict[str, str]:
    """Return the questions of the samples of a policy's pools."""
    paths = sorted(root.glob(f"{policy}/{pools}/samples/*.parquet"))
    return dict(tables.tuples("samples", paths, ["sample_id", "question_id"]))


def test_the_second_iteration_is_trained_on_the_solutions_of_both(root: Path) -> None:
    assert filtered(root, "kept.1") == filtered(root, "hsir-sft.1"), "the first iteration has only one policy to read"
    rows = filtered(root, "kept.2")
    assert {row["source"] for row in rows} >= {"seed", "k4", "sft-initial/k4"}
    assert all(("/" in row["sample_id"]) == ("/" in row["source"]) for row in rows)
    old = {row["sample_id"].removeprefix("sft-initial/") for row in rows if "/" in row["source"]}
    assert old <= sampled(root, "sft-initial", "k4*").keys()


def test_old_samples_are_no_cost_of_a_later_iteration_and_training_tokens_are(root: Path) -> None:
    costs, losses = (read_json(root / f"kept.2/{name}.json") for name in ("ledger", "train"))
    assert costs["own"]["samples"] == len(sampled(root, "kept.1", "k4*"))
    assert costs["own"]["training_tokens"] == losses["tokens"] > read_json(root / "kept.1/train.json")["tokens"]


def test_each_iteration_has_its_own_questions_and_the_training_sets_add_up(root: Path) -> None:
    first, second = ({*sampled(root, policy, "half").values()} for policy in ("sft-initial", "halves.1"))
    every = {name for (name,) in tables.tuples("questions", root / "data/unlabelled.parquet", ["question_id"])}
    assert first | second == every and not first & second
    taught = {row["question_id"] for row in filtered(root, "halves.2") if row["source"] != "seed"}
    assert taught & first and taught <= every


def test_questions_that_count_as_sampled_are_not_sampled_again(root: Path) -> None:
    """Seven questions are sampled, and the first 7 a^2 of these count, where a is the share of correct samples."""
    paths = [root / f"{policy}/turn/asked.parquet" for policy in ("sft-initial", "turns.1")]
    first, second = ([name for (name,) in tables.tuples("asked", path, ["question_id"])] for path in paths)
    verdicts = [row["verdict"] for row in tables.read("verified", root / "sft-initial/turn/verified.parquet")]
    count = int(7 * (verdicts.count("right") / len(verdicts)) ** 2)
    assert len(first) == len(second) == 7 and 0 < count < 7
    assert not {*first[:count]} & {*second} and {*sampled(root, "turns.1", "turn").values()} == {*second}


def test_a_method_is_trained_on_the_pools_of_its_ancestors(root: Path) -> None:
    assert {row["source"] for row in filtered(root, "late.1")} == {"seed", "k4", "restem.1/k4", "sft-initial/k4"}
    assert read_json(root / "late.1/ledger.json")["own"]["samples"] == len(sampled(root, "restem.2", "k4"))


def test_the_sampled_answers_of_a_benchmark_are_chosen_by_their_score(root: Path) -> None:
    folder = root / "kept.2/eval"
    scored = {name for name, _ in tables.scores(folder / "few@2/indiv-scores.parquet")}
    assert len(scored) == 28, "two answers to each of 14 questions, correct or not"
    reduced = read_json(folder / "few@2.json")["reduced"]
    assert reduced.keys() == {"highest indiv@2", "shortest@2"}
    assert all(0 <= one["low"] <= one["value"] <= one["high"] <= 1 for one in reduced.values())


def test_the_report_covers_the_pools_of_all_policies(root: Path) -> None:
    folder = root.parents[2] / "runs/two-rounds"
    lines = list(csv.DictReader((folder / "pools.csv").open()))
    assert {("sft-initial", "half"), ("halves.1", "half"), ("restem.2", "k4")} <= {
        (line["policy"], line["pool"]) for line in lines
    }
