"""`hsir browse` in a browser: no errors, no request to anyone else, and keys; and on a finished run, every page."""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hsir.browse.listing import Query
from hsir.browse.pages import Pages
from hsir.browse.places import of_run
from hsir.report.run import open_run
from hsir.storage.files import read_json
from tests.browsed import HARD, lay_down
from tests.workflow.conftest import PROJECT, environment

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
POOLS, EVAL = "tiny/sums/seed0/pools", "tiny/sums/seed0/eval/sums"
QUESTIONS = 60


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the command; return its address, and check that it ends on Ctrl-C."""
    folder = tmp_path_factory.mktemp("browsed")
    lay_down(folder / "results", questions=QUESTIONS)
    command = [sys.executable, "-m", "hsir", "browse", "results"]
    with subprocess.Popen(
        command, cwd=folder, env=environment() | {"PYTHONPATH": str(PROJECT)}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        found = re.search(r"results: (http://127\.0\.0\.1:\d+/[\w-]{16}/) \(Ctrl-C", told)
        assert found, told + process.stderr.read()
        yield found[1]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0 and "Traceback" not in process.stderr.read()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, of requirements-dev.lock")
    if CHROMIUM is None:
        pytest.skip("no chromium; tests/install-chromium installs one")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """Return an empty page; fails after the test if a page reported errors, or requested anything of another site."""
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    opened = context.new_page()
    opened.on("console", lambda told: wrong.append(told.text) if told.type in {"error", "warning"} else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith(address) else None)
    yield opened
    context.close()
    assert not wrong


def marked(page: Any) -> str:
    """Return the text of the element that has the focus."""
    text: str = page.evaluate("document.activeElement.textContent")
    return text


def shows(page: Any, selector: str, text: str) -> None:
    """Wait for an element with a text, and until the page reads keys."""
    page.locator(selector, has_text=text).wait_for(timeout=10_000)
    page.wait_for_load_state()


def test_keys_lead_through_the_list_and_its_questions(page: Any, address: str) -> None:
    page.goto(f"{address}{POOLS}")
    for key in "jjjk":
        page.keyboard.press(key)
    assert marked(page) == "What is q001?"
    page.keyboard.press("Enter")
    shows(page, ".question", "What is q001?")
    page.keyboard.press("j")
    shows(page, ".question", "What is q002?")
    page.keyboard.press("k")
    shows(page, ".question", "What is q001?")
    page.keyboard.press("u")
    shows(page, "p.count", "page 1 of 2")
    page.keyboard.press("n")
    shows(page, "p.count", "page 2 of 2")
    page.keyboard.press("p")
    shows(page, "p.count", "page 1 of 2")


def test_the_last_question_of_a_page_is_followed_by_the_next_page(page: Any, address: str) -> None:
    page.goto(f"{address}{POOLS}")
    page.locator("a.open").last.focus()
    page.keyboard.press("j")
    page.locator("p.count", has_text="page 2 of 2").wait_for()


def test_a_search_is_typed_after_a_slash_and_keys_are_letters_there(page: Any, address: str) -> None:
    page.goto(f"{address}{POOLS}")
    page.keyboard.press("/")
    page.keyboard.type("j q001?")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.locator("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()
    page.locator("#search").fill("Q001")
    page.locator("#search").press("Enter")
    page.locator("p.count", has_text="1 of 60 questions").wait_for()
    assert "text=Q001" in page.url
    assert page.locator("a.open").all_inner_texts() == ["What is q001?"]


def test_a_filter_applies_as_soon_as_it_is_chosen_and_stays_on_a_question(page: Any, address: str) -> None:
    page.goto(f"{address}{POOLS}")
    page.locator("select[name=solved]").select_option("up to half")
    page.locator("p.count", has_text="1 of 60 questions").wait_for()
    page.locator("a.open").click()
    page.locator(".question", has_text=f"What is {HARD}?").wait_for()
    assert "1 of 1" in page.locator("nav").inner_text() and page.locator("a[rel=next]").count() == 0


def test_a_question_shows_its_cut_and_opens_and_closes_its_samples(page: Any, address: str) -> None:
    page.goto(f"{address}{POOLS}/question?id={HARD}")
    assert page.locator("details.answer[open]").count() == 1
    page.keyboard.press("o")
    assert page.locator("details.answer[open]").count() == 5
    page.keyboard.press("o")
    assert page.locator("details.answer[open]").count() == 0
    page.locator("details.answer summary", has_text="recycled").click()
    cut = page.locator("li.cut")
    assert "cut after this step" in cut.inner_text() and "So the answer is 7." in cut.inner_text()
    assert page.locator(".continuation .verdict.right").count() == 2 and page.locator(".probes").is_visible()


def test_two_policies_are_next_to_each_other(page: Any, address: str) -> None:
    page.goto(f"{address}{EVAL}/question?id=t1")
    left, right = (one.bounding_box() for one in page.locator("section.group").all())
    assert right["x"] > left["x"] + left["width"] and right["y"] == left["y"]
    page.locator("select[name=left]").select_option("start")
    page.wait_for_url("**left=start*")
    assert page.locator("section.group h2").all_inner_texts() == ["start"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", POOLS, EVAL, f"{POOLS}/question?id={HARD}", f"{EVAL}/question?id=t1"])
def test_a_page_fits_a_narrow_window_in_both_colours(
    path: str, scheme: str, browser: Any, page: Any, address: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 420, "height": 900})
    page.goto(f"{address}{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    ink, ground = (page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("color", "backgroundColor"))
    assert (brightness(ink) < brightness(ground)) == (scheme == "light")


def brightness(colour: str) -> int:
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


def test_every_question_of_a_finished_run_opens_and_agrees_with_its_funnels(finished: Path) -> None:
    made = open_run(finished / "results/runs/two-rounds")
    pages = Pages(of_run(made))
    training, benchmark = pages.places.values()
    assert [path.name for path in training.policies] == ["restem.1", "restem.2", "hsir-sft.1", "hsir-sft.2"]
    trained = dict.fromkeys((path.name for path in training.policies), 0)
    for place in (training, benchmark):
        view = pages.listing(place, Query())
        assert view.found == 14 and not view.notes
        for line in view.lines:
            one = pages.question(place, line.question_id, Query())
            assert one is not None and not one.notes and not one.waiting
            assert not [fault for chosen in one.chosen for fault in chosen.faults]
            every = [answer for group in one.groups for answer in group.answers]
            every += [again for answer in every for cut in answer.cuts for again in cut.continuations]
            for fate in (fate for answer in every for fate in answer.fates if fate.trained):
                for policy in fate.policies:
                    trained[policy] += 1
    funnels = {path.name: read_json(path / "funnel.json") for path in training.policies}
    assert trained == {name: told["steps"][-1]["total"] - told["too_long"] for name, told in funnels.items()}
    assert all(trained.values())
