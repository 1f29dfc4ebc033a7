"""The site builds without warnings and without a network, and makes no requests to other hosts."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT

FETCHED = {"src", "srcset", "data", "poster", "action", "background"}
FETCHING_LINKS = {"stylesheet", "preconnect", "dns-prefetch", "preload", "prefetch", "icon", "modulepreload"}
ELSEWHERE = re.compile(r"^\s*(?:https?:)?//")
IN_STYLE = re.compile(r"""(?:url\(|@import)\s*["']?\s*(?:https?:)?//""")
BY_SCRIPT = re.compile(r"""["'`](?:https?:)?//[\w.-]+\.[a-z]+[^"'`]*\.(?:js|mjs|css|json|woff2?|svg)["'`]""")
MERMAID = re.compile(r"https://unpkg\.com/mermaid@[\d.]+/dist/mermaid\.min\.js")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site where every attempt to reach another machine fails."""
    if find_spec("mkdocs") is None:
        pytest.skip("mkdocs is not installed; pip install -r requirements-docs.lock, or make test")
    folder = tmp_path_factory.mktemp("site")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    told = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, env=os.environ | nowhere, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    return folder


class Requests(HTMLParser):
    """What a browser fetches for a page by itself; a link that a reader may click is not among it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.found += [value for name, value in given.items() if name in FETCHED]
        if tag == "link" and FETCHING_LINKS & set(given.get("rel", "").split()):
            self.found.append(given.get("href", ""))


def elsewhere(path: Path) -> Iterator[str]:
    """Yield what a file of the site asks of another."""
    text = path.read_text(encoding="utf-8")
    yield from IN_STYLE.findall(text)
    if path.suffix == ".html":
        yield from (url for url in Requests(text).found if ELSEWHERE.match(url))
    if path.suffix == ".js":
        yield from (url for url in BY_SCRIPT.findall(text) if not MERMAID.fullmatch(url[1:-1]))


def test_the_site_asks_nothing_of_any_other(site: Path) -> None:
    files = [path for path in site.rglob("*") if path.suffix in {".html", ".css", ".js"}]
    assert len(files) > 15
    assert {str(path): found for path in files if (found := list(elsewhere(path)))} == {}
    # The theme's script would fetch Mermaid for a diagram in that language; none is.
    assert not [path for path in site.rglob("*.html") if re.search(r'class="[^"]*mermaid', path.read_text())]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script src="https://cdn.example.org/x.js"></script>'),
        ("a.html", '<link rel="stylesheet" href="//fonts.example.org/a.css">'),
        ("a.html", "<style>@import 'https://example.org/a.css'</style>"),
        ("a.css", "a { background: url(https://example.org/a.png) }"),
        ("a.js", 'load("https://unpkg.com/lunr@2/lunr.min.js")'),
    ],
)
def test_what_asks_another_is_found(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert list(elsewhere(tmp_path / name))


def test_mathematics_is_markup_and_no_formula_is_left_as_text(site: Path) -> None:
    page = (site / "method.html").read_text(encoding="utf-8")
    text = re.sub(r"<(script|math)\b.*?</\1>|<[^>]+>", "", page, flags=re.DOTALL)
    assert page.count("<math") > 30
    assert "$" not in text and "\\frac" not in text


def test_the_reference_holds_what_users_call(site: Path) -> None:
    page = (site / "api.html").read_text(encoding="utf-8")
    for name in (
        "config.load.load", "selection.filters.InDiv", "rewards.Indiv", "grading.base.Grader",
        "diversity.indiv.score.score", "diversity.indiv.logdet.parts", "recycling.veriexit.find_cut",
        "evaluation.comparison.holm", "storage.tables.read",
    ):  # fmt: skip
        assert f'id="hsir.{name}"' in page, name


def test_a_page_that_includes_a_file_shows_it(site: Path) -> None:
    for page, text in (
        ("one-page", "Algorithm 2 of arXiv"),
        ("contributing", "Add a part"),
        ("changelog", "Unreleased"),
    ):
        shown = (site / f"{page}.html").read_text(encoding="utf-8")
        assert text in re.sub(r"<[^>]+>", "", shown) and "8&lt;" not in shown, page


def test_the_figure_is_drawn_of_its_source() -> None:
    source, command = (DOCS / "pipeline.dot").read_text(encoding="utf-8"), [sys.executable, "-m", "hsir.report.graph"]
    drawn = subprocess.run(command, input=source, capture_output=True, text=True, cwd=ROOT, check=True)
    assert drawn.stdout == (DOCS / "pipeline.svg").read_text(encoding="utf-8"), "remake it: make site"
