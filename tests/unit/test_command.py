"""`hsir`: every command exists, stages are imported on call, and errors are one line."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hsir.cli import init
from hsir.config import Plan, load
from hsir.config.home import HOME, found, profile_folder
from hsir.errors import InputError


def hsir(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does, on a wide terminal."""
    environment = {"PYTHONPATH": str(root), "COLUMNS": "200", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-m", "hsir", *arguments], capture_output=True, text=True, env=environment, timeout=120
    )


def test_the_help_lists_every_stage_under_what_it_is_for(root: Path) -> None:
    told = hsir(root, "--help").stdout
    listed = set(re.findall(r"^│ (\w+) +\S", told, re.MULTILINE))
    stages = {path.stem for path in (root / "hsir/stages").glob("*.py")} - {"__init__", "cli", "parts"}
    others = {"init", "plan", "doctor", "status", "dag", "push", "show", "compare", "export", "label", "check",
              "browse"}  # fmt: skip
    assert listed == stages | others
    panels = [told.index(panel) for panel in ("Before a run", "While it runs", "Results", "On your own files")]
    assert panels == sorted(panels)


def test_a_stage_has_its_own_help_with_defaults_as_json(root: Path) -> None:
    told = hsir(root, "score", "--help").stdout
    assert "Usage: hsir score" in told and '[default: {"kind": "indiv", "layer": "middle",' in told


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["score", "--score", '{"x": 1}'], 2, "x: unknown key; known: alpha, dtype, kind"),
        (["score", "--score", '{"alpha": "a", "layr": 2}'], 2, "layr: unknown key; did you mean 'layer'?"),
        (["score", "--score", "{"], 2, "not JSON: "),
        (["sample", "--engine", '{"kind": "vlm"}'], 2, "unknown kind of engine"),
        (["score", "--policy", "p", "--in", "rows.jsonl", "--out", "s.txt"], 2, "s.txt: the suffix must be .jsonl"),
        (["grade", "--in", "no.jsonl", "--out", "v.jsonl", "--kind", "number"], 1, "no.jsonl: no such file"),
        (["show", "FOLDER"], 1, "results.csv: no such file"),
        (["compare", "FOLDER", "FOLDER"], 1, "no config.yaml; name the folder of a finished run"),
        (["browse", "FOLDER"], 1, "no run, no folder of a run, and no results; name one"),
        (["--directory", "no", "plan"], 1, "no: no such folder"),
        (["plan", "--directory", "FOLDER"], 1, "config/config.yaml: no such config"),
    ],
)
def test_what_a_user_can_fix_is_reported_without_traceback(
    arguments: list[str], code: int, said: str, root: Path, tmp_path: Path
) -> None:
    told = hsir(root, *(str(tmp_path) if word == "FOLDER" else word for word in arguments))
    text = told.stdout + told.stderr
    assert told.returncode == code and said in text, text
    assert "Traceback" not in text and "pydantic" not in text


def test_init_starts_a_project_and_replaces_nothing(tmp_path: Path) -> None:
    init.main(tmp_path / "mine")
    made = {str(path.relative_to(tmp_path / "mine")) for path in (tmp_path / "mine").rglob("*") if path.is_file()}
    profiles = {"profiles/README.md", "profiles/local/config.yaml", "profiles/slurm/config.yaml"}
    assert made == {"Snakefile", "config/config.yaml"} | profiles
    (tmp_path / "mine" / "Snakefile").write_text("changed")
    with pytest.raises(InputError, match="Snakefile: exists already"):
        init.main(tmp_path / "mine")
    assert (tmp_path / "mine" / "Snakefile").read_text() == "changed"


def test_the_config_of_a_project_holds_with_and_without_its_comments(tmp_path: Path) -> None:
    init.main(tmp_path)
    text = (tmp_path / "config/config.yaml").read_text()
    for given in (text, re.sub(r"^( *)# (?=\w+: \{)", r"\1", text, flags=re.MULTILINE)):
        plan = Plan(load(yaml.safe_load(given), HOME / "config"))
        assert plan.built_by_default() == ("first",)
    assert set(plan.config.runs) == {"first", "mine"} and "qwen" in plan.config.models


def test_the_embedded_model_and_profiles_are_found_from_any_folder(
    tmp_path: Path, embedded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert found("hsir/embedded/model") == embedded
    assert found("Qwen/none") == Path("Qwen/none")
    for name in ("profiles/slurm", "slurm"):
        assert profile_folder(Path(name)) == HOME / "profiles/slurm"
    (tmp_path / "profiles/slurm").mkdir(parents=True)
    (tmp_path / "profiles/slurm/config.yaml").write_text("cores: 1")
    assert profile_folder(Path("profiles/slurm")) == Path("profiles/slurm")
