"""The pages' commands are executed as written."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, blocks, check_printed, clean_copy, follow

NAMED = re.compile(r"python -m (hsir[\w.]*)|`((?:hsir|config|profiles|tests|envs|workflow)/[\w./-]+)`")
FOLLOWED = ["tutorial.md", "your-model.md", "your-benchmark.md", "your-method.md", "own-files.md", "evaluating.md"]


@pytest.mark.parametrize("page", FOLLOWED)
def test_a_page_does_what_it_says(page: str, tmp_path: Path) -> None:
    assert {block.language for block in blocks(page)} >= {"sh", "yaml"}
    follow(page, clean_copy(tmp_path / "hsir"))


def test_lines_are_looked_for_in_order() -> None:
    check_printed("a  1\nb 2\n", "job\na 1\nmore b    2\n")
    with pytest.raises(AssertionError, match="'a 1' is not printed"):
        check_printed("b 2\na 1\n", "a 1\nb 2\n")


def test_every_table_and_figure_of_the_report_is_explained() -> None:
    page = (DOCS / "report.md").read_text(encoding="utf-8").casefold()
    rules = (ROOT / "workflow/rules/report.smk").read_text(encoding="utf-8")
    labels = re.findall(r'"what": "([^"]+)"', rules)
    assert len(labels) > 15
    shown = [re.split(r", (?:table|figure)$", label)[0] for label in labels if label != "the same, table"]
    assert [label for label in shown if label.removeprefix("training solutions ") not in page] == []


def test_every_stage_and_file_that_a_page_names_is_there() -> None:
    pages = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    named = {(page, found) for page, text in pages.items() for found in NAMED.findall(text)}
    made = {block.title for page in FOLLOWED for block in blocks(page)}
    assert len(named) > 15
    for page, (module, path) in named:
        assert module == "" or find_spec(module) is not None, f"{page}: no module {module}"
        assert path == "" or path in made or (ROOT / path).exists(), f"{page}: no file {path}"


@pytest.mark.parametrize(
    "page",
    ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "config/README.md", "profiles/README.md"],
)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if link and not ((ROOT / page).parent / link).exists()] == []
