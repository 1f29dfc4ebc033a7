"""Import rules: the workflow is parsed without any heavy package."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "transformers", "pandas", "pyarrow", "scipy", "datasets", "trl", "tokenizers", "safetensors"}
MODEL_LIBRARIES = {
    "torch", "transformers", "sentence_transformers", "trl", "datasets", "pandas", "openai", "sympy", "math_verify",
}  # fmt: skip
STAGES = (
    "data", "distill", "sample", "verify", "grade", "veriexit", "score", "filter", "contamination", "train", "evaluate",
    "variants", "div",
)  # fmt: skip
LOAD = """
from pathlib import Path
from hsir.config import Plan, load, read_yaml
Plan(load(read_yaml(Path({0!r})), Path({1!r})))
"""


def loaded(code: str, root: Path) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds behind some code."""
    told = "\nimport json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code + told], capture_output=True, text=True, check=True, cwd=root)
    return set(json.loads(done.stdout))


def test_the_config_is_loaded_without_anything_heavy(root: Path) -> None:
    code = LOAD.format(str(root / "config" / "config.yaml"), str(root / "config"))
    modules = loaded(code, root)
    assert {"hsir", "pydantic"} <= modules
    assert not modules & HEAVY


def test_the_command_line_is_loaded_without_anything_heavy(root: Path) -> None:
    assert not loaded("import hsir.__main__", root) & HEAVY


@pytest.mark.parametrize("stage", STAGES)
def test_a_stages_help_is_shown_without_the_model_libraries(stage: str, root: Path) -> None:
    """What a stage needs not, or only once it runs, it does not load."""
    assert not loaded(f"import hsir.stages.{stage}", root) & MODEL_LIBRARIES


def test_commands_on_ones_own_files_load_no_more(root: Path) -> None:
    imports = "import " + ", ".join(f"hsir.own.{name}" for name in ("sample", "veriexit", "score", "filter", "train"))
    assert not loaded(imports, root) & MODEL_LIBRARIES


def test_pages_of_a_run_are_served_without_the_model_libraries(root: Path) -> None:
    """A login node has none of them, and that is where results are."""
    assert not loaded("import hsir.browse.browse", root) & (MODEL_LIBRARIES | {"torch", "scipy", "altair"})
