"""A project in another folder that imports the workflow, changes a rule and reads its results."""

import csv
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflow.conftest import PROJECT, TINY, Job, environment, jobs_of, planned

SNAKEFILE = """
configfile: "mine.yaml"

shell.prefix("set -euo pipefail; export OWN=1; ")

module hsir:
    snakefile: "{workflow}"
    config: config["hsir"]{more}

use rule * from hsir{renamed}

use rule train from hsir{train} with:
    resources:
        mem_mb=1234

rule best:
    default_target: True
    input:
        "{folder}results/runs/one-round/results.csv",
    output:
        "best.txt",
    shell:
        "cut --delimiter=, --fields=4,7 {{input}} > {{output}}; echo OWN=$OWN >> {{output}}"
"""


def project(directory: Path, config: dict[str, Any], **parts: str) -> list[str]:
    """Write a project that imports the workflow, and give the command that runs it."""
    given = {"workflow": str(PROJECT / "workflow/Snakefile"), "more": "", "renamed": "", "train": "", "folder": ""}
    (directory / "Snakefile").write_text(SNAKEFILE.format(**given | parts))
    (directory / "mine.yaml").write_text(yaml.safe_dump({"own": 1, "hsir": config}))
    return [sys.executable, "-m", "snakemake", "--profile", str(PROJECT / "profiles/local"), "--cores", "2"]


def given(folder: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment(), timeout=1200)


def plainly(job: Job, start: str = "", prefix: str = "") -> tuple[str, tuple[str, ...]]:
    return job.rule.removeprefix(start), tuple(path.removeprefix(prefix) for path in job.outputs)


FORMS: dict[str, dict[str, str]] = {
    "plain": {},
    "as": {"renamed": " as hsir_*", "train": " as hsir_train"},
    "prefix": {"more": '\n    prefix: "deep"', "folder": "deep/"},
    "the file at the root": {"workflow": str(PROJECT / "Snakefile")},
}


@pytest.mark.parametrize("form", FORMS)
def test_the_jobs_are_those_of_the_workflow_itself(form: str, tmp_path: Path, tiny: dict[str, Any]) -> None:
    command = project(tmp_path, tiny, **FORMS[form])
    told = given(tmp_path, [*command, "--dry-run", "--set-resources", "score:mem_mb=77"])
    said = told.stdout + told.stderr
    assert told.returncode == 0, said
    alone = tmp_path / "alone"
    alone.mkdir()
    start, prefix = "hsir_" if form == "as" else "", FORMS[form].get("folder", "")
    found = [plainly(job, start, prefix) for job in jobs_of(said) if job.rule != "best"]
    assert sorted(found) == sorted(map(plainly, planned(alone)))
    assert said.count("mem_mb=1234") == sum(rule == "train" for rule, _ in found) > 0
    lost = "set-resources, score: without effect, because the rule is called hsir_score here"
    assert (lost in said, ", mem_mb=77" in said) == (form == "as", form != "as")
    assert "localrules" not in said


def test_without_a_config_the_shipped_one_is_read(tmp_path: Path) -> None:
    snakefile = PROJECT / "workflow/Snakefile"
    (tmp_path / "Snakefile").write_text(f'module hsir:\n    snakefile: "{snakefile}"\n\nuse rule * from hsir\n')
    told = given(tmp_path, [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", "--cores", "1"])
    assert told.returncode == 0 and "hsir-sft" not in told.stderr, told.stdout + told.stderr
    assert "train" in told.stdout + told.stderr


def test_a_config_error_names_the_module_statement(tmp_path: Path, tiny: dict[str, Any]) -> None:
    tiny["runs"]["one-round"]["methods"] = ["hsir-stf"]
    told = given(tmp_path, [*project(tmp_path, tiny), "--dry-run"])
    said = "the config of the module statement, or --config: runs.one-round.methods: unknown method 'hsir-stf'"
    assert told.returncode != 0 and said in told.stdout + told.stderr


def test_a_run_below_a_prefix_ends_with_the_untrained_model_as_a_row(tmp_path: Path) -> None:
    """Imported, with a rule that reads a result; evaluated without training, and after it."""
    config: dict[str, Any] = yaml.safe_load(TINY.read_text())
    config["runs"] = {"one-round": {"models": ["embedded"], "tasks": ["few"], "methods": ["base", "sft-initial"]}}
    config["overrides"]["sample"]["shards"] = 1
    done = given(tmp_path, project(tmp_path, config, **FORMS["prefix"]))
    logs = "\n".join(f"--- {log}\n{log.read_text()}" for log in tmp_path.glob("deep/logs/**/*.log"))
    assert done.returncode == 0, done.stdout + done.stderr + logs
    first, *rows, last = (tmp_path / "best.txt").read_text().split()
    assert (first, last) == ("policy,accuracy", "OWN=1")
    assert [row.split(",")[0] for row in rows] == ["base", "sft-initial"]
    run = tmp_path / "deep/results/runs/one-round"
    trained = [row["trained_on"] for row in csv.DictReader((run / "results.csv").open())]
    assert trained == ["0", "32"] and re.search(r"\| base +\|", (run / "results.md").read_text())
    assert {path.name for path in tmp_path.iterdir()} >= {"deep", "best.txt"} and not (tmp_path / "results").exists()
    assert not (run.parents[1] / "embedded/few/seed0/base/train.json").exists()
