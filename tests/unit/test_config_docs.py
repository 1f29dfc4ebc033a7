"""The config's documentation matches the models, and its examples work."""

import json
import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, Field

from hsir.config import docs, load, read_yaml
from hsir.config.load import FOLDERS
from hsir.tasks.record import Record

SHIPPED = sorted(path.relative_to(docs.FOLDER).as_posix() for path in docs.FOLDER.rglob("*.yaml"))
EXAMPLES = [example for example in re.findall(r"```yaml\n(.*?)```", docs.readme(), re.DOTALL) if "# config/" in example]


def example(folder: str) -> tuple[str, object]:
    """Return the (name, content) of the README's example of a file in a folder below config/."""
    for text in EXAMPLES:
        if named := re.search(rf"# config/{folder}([a-z0-9-]+)\.yaml", text):
            return named[1], yaml.safe_load(text)
    raise AssertionError(f"the README has no example of config/{folder}")


def test_the_files_are_what_the_models_give() -> None:
    assert docs.stale(docs.FOLDER) == [], "run `python -m hsir.config.docs`"


def test_check_names_the_stale_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert docs.main([], tmp_path) == 0
    assert docs.main(["--check"], tmp_path) == 0
    (tmp_path / "README.md").write_text("old", encoding="utf-8")
    assert docs.main(["--check"], tmp_path) == 1
    told = capsys.readouterr().err
    assert "README.md" in told and "schema.json" not in told


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_files_are_valid_by_the_schema(name: str) -> None:
    whole = docs.schema()
    folder = name.split("/")[0]
    if folder in FOLDERS:
        whole = {"$defs": whole["$defs"], "$ref": docs.DEFS + FOLDERS[folder].__name__}
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator(whole).validate(read_yaml(docs.FOLDER / name))


@pytest.mark.parametrize(
    "wrong",
    [
        {"runs": {}},
        {"run": "a", "runs": {"two words": {"models": ["m"], "tasks": ["t"], "methods": ["x"]}}},
        {"run": "a", "runs": {}, "pool": {}},
        {"run": "a", "runs": {}, "pools": {"p": {"samples": 1}}},
        {"run": "a", "runs": {}, "methods": {"m": {"select": [{"per_question": 1}]}}},
    ],
    ids=["no run", "name with a space", "unknown key", "pool of no kind", "filter of no kind"],
)
def test_the_schema_rejects_what_the_models_reject(wrong: dict[str, object]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    assert not jsonschema.Draft202012Validator(docs.schema()).is_valid(wrong)


def test_the_examples_fit_together() -> None:
    raw = example("")[1]
    assert isinstance(raw, dict)
    config = load(raw | {kind: dict([example(f"{kind}/")]) for kind in FOLDERS}, docs.FOLDER)
    assert config.runs["mine"].seeds == (0, 1, 2)


def test_the_example_of_a_question_is_one() -> None:
    line = re.search(r"```json\n(.*?)\n```", docs.readme(), re.DOTALL)
    assert line is not None
    assert Record(id="riddles-00001", **json.loads(line[1])).trace


def test_every_link_leads_to_a_heading() -> None:
    text = docs.readme()
    headings = {re.sub(r"[^\w -]", "", line[4:].lower()).replace(" ", "-") for line in re.findall("### .*", text)}
    assert set(re.findall(r"\]\(#(.*?)\)", text)) <= headings


def test_a_key_without_a_description_is_rejected() -> None:
    class Bare(BaseModel):
        told: int = Field(1, description="Told.")
        untold: int = 2

    with pytest.raises(ValueError, match=r"Bare\.untold: no description"):
        docs.table(Bare.model_json_schema(), {})
