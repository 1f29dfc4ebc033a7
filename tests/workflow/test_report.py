"""The report in a browser: no errors, no network requests, sortable tables, and figures that render."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.conftest import snakemake

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, of requirements-dev.lock")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium; tests/install-chromium installs one")

RUN = "results/runs/two-rounds"
PAGES = {
    "report.html": "#app table td", "results.html": "td", "traces.html": "article", "figures.html": "#figure-5 svg",
    "contamination.html": "td",
}  # fmt: skip
"""Each page, and what is there once it is drawn."""


@pytest.fixture(scope="module")
def pages(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the pages of the finished run, and Snakemake's report of it."""
    folder = tmp_path_factory.mktemp("pages")
    told = snakemake(finished, "--report", str(folder / "report.html"), "two-rounds")
    assert told.returncode == 0, told.stdout + told.stderr
    for name in PAGES.keys() - {"report.html"}:
        shutil.copy(finished / RUN / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a browser without a window."""
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def opened(browser: Any, pages: Path) -> Iterator[Any]:
    """Return what opens a page, and fails behind the test where it told of errors or asked for other files."""
    wrong: list[str] = []
    context = browser.new_context()

    def open_page(name: str, width: int = 1400) -> Any:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        page.on("console", lambda told: wrong.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if not own(request.url, name) else None)
        page.goto((pages / name).as_uri())
        page.locator(PAGES[name]).first.wait_for()
        return page

    yield open_page
    context.close()
    assert not wrong


def own(url: str, name: str) -> bool:
    """Return whether a page asks for itself alone."""
    return url.startswith(("data:", "blob:", "about:")) or url.split("#")[0].endswith(f"/{name}")


@pytest.mark.parametrize("width", [420, 1400])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_needs_no_other_file_and_fits_its_window(name: str, width: int, opened: Any) -> None:
    page = opened(name, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_report_opens_with_what_ran_its_figure_and_its_table(opened: Any) -> None:
    page = opened("report.html")
    front = page.locator("#app .prose").first
    assert "embedded trained on few: 3 methods, 5 policies, 1 seed" in front.inner_text()
    assert front.locator("svg path").count() > 10 and front.locator("td", has_text="hsir-sft.2").count() == 1
    assert "VeriExit could not help" in front.inner_text() and "InDiv dropped" in front.inner_text()
    assert front.bounding_box()["y"] >= 0, "what is above the window could never be scrolled to"
    assert "System Message" not in front.inner_text(), "docutils puts its errors into the page"


def test_categories_follow_the_stages_and_open_their_results(opened: Any) -> None:
    page = opened("report.html")
    names = [text for text in page.locator("#app li").all_inner_texts() if text[:1].isdigit()]
    assert names == [
        "1 Results", "2 Samples", "3 VeriExit", "4 InDiv", "5 Training sets", "6 Training", "7 Traces", "8 Config"
    ]  # fmt: skip
    page.get_by_text("7 Traces").click()
    page.locator("tr", has_text="cut and recovered, dropped and kept").locator("a, button").first.click()
    page.frame_locator("iframe").locator("article").first.wait_for()


def test_a_table_is_sorted_by_the_column_that_is_clicked(opened: Any) -> None:
    page = opened("results.html")
    table = page.locator("table").first
    before = table.locator("tbody tr").all_inner_texts()
    sorted_by = {}
    for way in ("descending", "ascending"):
        table.locator("th button", has_text="tokens").click()
        assert table.locator("th[aria-sort]").get_attribute("aria-sort") == way
        sorted_by[way] = [float(row.split("\t")[2].split()[0]) for row in table.locator("tbody tr").all_inner_texts()]
    assert sorted_by["ascending"] == sorted(sorted_by["ascending"])
    assert sorted_by["descending"] == sorted(sorted_by["descending"], reverse=True)
    table.locator("th button", has_text="policy").click()
    assert sorted(table.locator("tbody tr").all_inner_texts()) == sorted(before) and len(before) == 5


def test_figures_are_drawn_and_show_their_values(opened: Any) -> None:
    page = opened("figures.html")
    assert page.locator("svg.marks").count() == 6, "nothing was rewarded, and no picture says so"
    assert all(box["height"] > 40 for box in (one.bounding_box() for one in page.locator("svg.marks").all()))
    left, right = (page.locator(f"#figure-{n}").bounding_box() for n in (1, 2))
    assert right["x"] > left["x"] + left["width"] and right["y"] == left["y"], "a wide window has room for both"
    page.locator("#figure-1 path[aria-roledescription=point]").first.hover(force=True)
    page.locator("#vg-tooltip-element", has_text="policy").wait_for()


def test_traces_are_chosen_by_what_they_show(opened: Any) -> None:
    page = opened("traces.html")
    every = page.locator("article").count()
    page.locator("select[data-name=kind]").select_option("VeriExit")
    shown = page.locator("article:visible")
    assert 0 < shown.count() < every
    assert page.locator("output").inner_text() == f"{shown.count()} shown"
    assert page.locator("article:visible li.arrives").count() > 0
