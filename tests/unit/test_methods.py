"""A method is data: a few lines of YAML, and no code that knows its name."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from hsir.config import Plan, load, read_yaml

ROOT = Path(__file__).parents[2]
METHODS = sorted((ROOT / "config/methods").glob("*.yaml"))
NAMES = {path.stem for path in METHODS}
PYTHON = sorted((ROOT / "hsir").rglob("*.py"))
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow").rglob("*.smk"))]
ASKED = re.compile(
    r"""(?:==|!=|\bin|startswith\()\s*[(\[{]?\s*["']([\w.-]+)["']|["']([\w.-]+)["']\s*(?:==|!=|\bin\b)"""
)


def asked_in_python(code: str) -> set[str]:
    """Return the texts that a module compares something with, matches it against, or looks for at its beginning."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        parts: list[ast.AST] = []
        if isinstance(node, ast.Compare | ast.MatchValue):
            parts = [node]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "startswith":
            parts = list(node.args)
        constants = [one for part in parts for one in ast.walk(part) if isinstance(one, ast.Constant)]
        found |= {one.value for one in constants if isinstance(one.value, str)}
    return found


def asked_in_rules(text: str) -> set[str]:
    """Return the texts that a rule file compares something with."""
    return {name for pair in ASKED.findall(text) for name in pair if name}


# What is the name of a training or of a filter too: `kind` is what these are asked for.
KINDS = {"grpo", "balanced"}


def test_no_code_asks_for_a_method_by_its_name() -> None:
    asked = {path: asked_in_python(path.read_text()) for path in PYTHON}
    asked |= {path: asked_in_rules(path.read_text()) for path in RULES}
    assert {path: found & (NAMES - KINDS) for path, found in asked.items() if found & (NAMES - KINDS)} == {}
    for path in (*PYTHON, *RULES):
        assert not re.search(r"""\b(method|policy|name)\w* *(==|!=|in) *[(\[{]?["'](grpo|balanced)""", path.read_text())


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ('if method == "hsir-sft": pass', "hsir-sft"), ('x = name in ("star", "rft")', "rft"),
        ('match policy:\n    case "irpo": pass', "irpo"), ('if policy.startswith("restem"): pass', "restem"),
    ],
)  # fmt: skip
def test_such_code_would_be_found(code: str, name: str) -> None:
    assert name in asked_in_python(code)
    assert "match" in code or "x =" in code or name in asked_in_rules(code)


@pytest.mark.parametrize("path", METHODS, ids=lambda path: path.stem)
def test_a_method_is_three_to_ten_lines(path: Path) -> None:
    assert 3 <= len(path.read_text().splitlines()) <= 10


def test_a_new_method_is_one_file(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "config/methods/two-shortest.yaml").write_text(
        "# Ours: the two shortest right solutions a question, recycled ones among them.\n"
        "pools: [k10, k10-veriexit]\n"
        "select: [{kind: right}, {kind: at_most, per_question: 2, pick: shortest}]\n"
    )
    raw = read_yaml(tmp_path / "config/config.yaml")
    raw["runs"]["demo"]["methods"].append("two-shortest")
    plan = Plan(load(raw, tmp_path / "config"))
    cells = [policy for *_, policy in plan.cells(plan.config.runs["demo"])]
    assert cells == ["sft-initial", "restem.1", "hsir-sft.1", "two-shortest.1"]
    assert plan.parent("two-shortest.1") == "sft-initial"
    assert plan.drawn_for("two-shortest.1") == ["k10", "k10-veriexit"]
    assert plan.start("embedded", "chains", "two-shortest.1") == "base"
