"""`python -m hsir`: plan counts as Snakemake does, before and after a run; doctor checks before it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hsir.config import read_yaml
from hsir.planning.doctor.slurm import requests
from hsir.planning.workflow import dry_run
from tests.workflow.conftest import PROJECT, environment

TINY = "tiny.yaml"


def hsir(directory: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a directory."""
    given = environment() | {"PYTHONPATH": str(PROJECT)} | variables
    command = [sys.executable, "-m", "hsir", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=directory, env=given, timeout=600)


def planned(directory: Path, *arguments: str) -> dict[str, Any]:
    told = hsir(directory, "plan", "--json", *arguments)
    assert told.returncode == 0, told.stderr
    read: dict[str, Any] = json.loads(told.stdout)
    return read


def counted(directory: Path, *arguments: str) -> dict[str, int]:
    """Read the table in which Snakemake itself counts the jobs of a dry run."""
    command = [sys.executable, "-m", "snakemake", "-n", "--forceall", "-s", str(PROJECT / "Snakefile"), *arguments]
    told = subprocess.run(command, capture_output=True, text=True, cwd=directory, env=environment(), check=True)
    stats = (told.stdout + told.stderr).split("Job stats:\n")[1].split("\n\n")[0]
    return {name: int(count) for name, count in re.findall(r"^(\S+) +(\d+)$", stats, re.MULTILINE)}


@pytest.mark.parametrize(
    ("config", "run"),
    [("config.yaml", "demo"), ("demo-methods.yaml", "demo-methods"), ("bench-ablations.yaml", "bench-ablations")],
)
def test_jobs_are_those_of_a_dry_run(config: str, run: str, tmp_path: Path) -> None:
    path = str(PROJECT / "config" / config)
    made, stats = planned(tmp_path, run, "--configfile", path), counted(tmp_path, "--configfile", path, "--", run)
    total = stats.pop("total")
    assert made["jobs"] == stats and sum(made["jobs"].values()) == total
    by_stage = {row["stage"]: row["jobs"] for row in made["rows"]}
    assert by_stage.get("sample", 0) + by_stage["evaluate"] == stats["sample"]
    assert (by_stage.get("score", 0), by_stage["train"]) == (stats.get("score", 0), stats["train"])
    assert made["measured"] == [] and made["assumed"]


def test_planned_is_next_to_actual_once_a_run_is_finished(finished: Path, tmp_path: Path) -> None:
    before = planned(tmp_path, "two-rounds", "--configfile", str(finished / TINY))
    (tmp_path / "before.json").write_text(json.dumps(before))
    after = planned(finished, "two-rounds", "--configfile", TINY, "--against", str(tmp_path / "before.json"))
    assert {key: after[key] for key in ("rows", "jobs", "assumed")} == {
        key: before[key] for key in ("rows", "jobs", "assumed")
    }
    done = {row["stage"]: row for row in after["done"]}
    assert {stage: row["jobs"] for stage, row in done.items()} == {row["stage"]: row["jobs"] for row in before["rows"]}
    ledgers = [json.loads(path.read_text()) for path in finished.glob("results/*/*/*/*/ledger.json")]
    assert done["train"]["tokens"] == sum(one["training"]["training_tokens"] for one in ledgers)
    measured = planned(finished, "two-rounds", "--configfile", TINY)
    assert {row["stage"]: row["tokens"] for row in measured["rows"]}["train"] == done["train"]["tokens"]
    assert len(measured["measured"]) == 10
    shown = hsir(finished, "plan", "two-rounds", "--configfile", TINY)
    assert "done" in shown.stdout and "measurement" in shown.stdout and "\x1b" not in shown.stdout


def test_doctor_finds_the_shipped_demo_in_order(tmp_path: Path) -> None:
    given = [str(PROJECT / part) for part in ("config/config.yaml", "profiles/local")]
    told = hsir(tmp_path, "doctor", "--configfile", given[0], "--profile", given[1], NO_COLOR="1")
    assert told.returncode == 0, told.stdout + told.stderr
    jobs = counted(tmp_path, "--configfile", given[0])["total"]
    assert f"ok       workflow: demo: {jobs} jobs" in told.stdout and "environment gpu" in told.stdout
    assert "\x1b" not in told.stdout


def test_doctor_ends_with_1_where_the_profile_is_not_filled_in(tmp_path: Path) -> None:
    given = [str(PROJECT / part) for part in ("config/config.yaml", "profiles/slurm")]
    bare = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin"}
    told = hsir(tmp_path, "doctor", "--configfile", given[0], "--profile", given[1], "--sdm", "conda", **bare)
    assert told.returncode == 1, told.stdout + told.stderr
    assert "problem  profile, slurm_partition: FILL-IN-PARTITION" in told.stdout
    assert "         -> fill it in" in told.stdout
    jobs = counted(tmp_path, "--configfile", given[0])["total"]
    assert f"workflow: demo: {jobs} jobs" in told.stdout, "those within groups too"


def test_the_queue_is_asked_about_just_the_jobs_that_go_there() -> None:
    folder = PROJECT / "profiles/slurm"
    jobs = dry_run(["demo-methods"], [PROJECT / "config/demo-methods.yaml"], folder, ["--forceall"])
    queued = {rule for rules in requests(jobs).values() for rule in rules}
    assert queued == {"sample", "score", "div", "train"} <= set(read_yaml(folder / "config.yaml")["set-resources"])
    assert all(job.log.startswith("logs/") and job.outputs for job in jobs if job.rule in queued)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plan"], "config/config.yaml: no such config; name one with --configfile"),
        (["plan", "--configfile", "none.yaml"], "none.yaml: no such config"),
        (["plan", "demos", "--configfile", "CONFIG"], "no run 'demos'; the config has demo"),
        (["plan", "--configfile", "CONFIG", "--against", "CONFIG"], "config.yaml: cannot be read as JSON"),
        (
            ["doctor", "--configfile", "CONFIG", "--profile", "none"],
            "none/config.yaml: no such file; --profile expects",
        ),
    ],
)
def test_what_can_be_fixed_is_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    given = [str(PROJECT / "config/config.yaml") if word == "CONFIG" else word for word in arguments]
    told = hsir(tmp_path, *given)
    assert told.returncode == 1
    assert said in told.stderr and told.stderr.startswith("hsir: error: ") and "Traceback" not in told.stderr


def stood(directory: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    """Return how far each method of the finished run's config is."""
    told = hsir(directory, "status", "two-rounds", "--profile", str(PROJECT / "profiles/local"), "--json", *arguments)
    assert told.returncode == 0, told.stderr
    return {row["method"]: row for row in json.loads(told.stdout)}


def test_status_of_a_run_that_did_not_begin_names_every_policy(finished: Path, tmp_path: Path) -> None:
    """Each job is counted once, with the method whose policy it is of; the targets of targets are none."""
    config = ("--configfile", str(finished / TINY))
    rows, stats = stood(tmp_path, *config), counted(tmp_path, *config, "--", "two-rounds")
    assert all((row["trained"], row["evaluated"], row["again"]) == (0, 0, []) for row in rows.values())
    assert rows["hsir-sft"]["missing"] == ["hsir-sft.1", "hsir-sft.2"] and rows["hsir-sft"]["causes"] == ["missing"]
    assert sum(sum(row["jobs"].values()) for row in rows.values()) == stats["total"] - 1
    assert rows["hsir-sft"]["hours"] > 0 and rows[""]["hours"] == 0


def test_status_of_a_finished_run_has_nothing_to_do(finished: Path) -> None:
    rows = stood(finished, "--configfile", TINY)
    assert all(row["jobs"] == {} and row["missing"] == [] for row in rows.values())
    assert {(row["trained"], row["evaluated"]) for row in rows.values()} <= {(1, 1), (2, 2)}


def test_status_of_a_changed_threshold_shows_what_it_reruns_and_why(
    finished: Path, tmp_path: Path, tiny: dict[str, Any]
) -> None:
    select = read_yaml(PROJECT / "config/methods/hsir-sft.yaml")["select"]
    select[2]["threshold"] = -0.25
    tiny["methods"]["hsir-sft"]["select"] = select
    changed = tmp_path / "changed.yaml"
    changed.write_text(yaml.safe_dump(tiny))
    rows = stood(finished, "--configfile", str(changed))
    assert "filter: threshold -0.5 -> -0.25" in rows["hsir-sft"]["causes"]
    assert rows["hsir-sft"]["again"] == ["hsir-sft.1", "hsir-sft.2"] and rows["hsir-sft"]["hours"] > 0
    assert [name for name, row in rows.items() if row["jobs"]] == ["hsir-sft", ""]


def test_dag_draws_the_rules_with_what_is_done_and_what_would_run(finished: Path, tmp_path: Path) -> None:
    profile = ("--profile", str(PROJECT / "profiles/local"), "--configfile", str(finished / TINY))
    for directory, said in ((tmp_path, "1 to run"), (finished, "1 done")):
        told = hsir(directory, "dag", "two-rounds", *profile, "--out", str(tmp_path / "dag.svg"))
        assert told.returncode == 0, told.stderr
        texts = re.findall(r">([^<>]+)</text>", (tmp_path / "dag.svg").read_text())
        assert texts[texts.index("report") + 1] == said
    assert "0 of" in told.stdout
