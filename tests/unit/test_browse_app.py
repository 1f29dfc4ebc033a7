"""The pages of `hsir browse`: whatever a model wrote stays text, and nobody else gets an answer."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from hsir import traces
from hsir.browse.app import HEADERS, app
from hsir.browse.places import on_disk
from hsir.storage import tables
from tests.browsed import HARD, lay_down, question, sample, write
from tests.unit.test_exhibits import ACTING, HOSTILE

POOLS, EVAL = "/s/tiny/sums/seed0/pools", "/s/tiny/sums/seed0/eval/sums"
AWAY = {"src", "href", "formaction", "srcset", "poster", "data"}


class Tags(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def client(results: Path, host: str = "127.0.0.1:8000") -> TestClient:
    return TestClient(app("a run", on_disk(results), "s"), base_url=f"http://{host}", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browsed")
    lay_down(folder)
    return folder


@pytest.fixture
def pages(results: Path) -> Iterator[TestClient]:
    with client(results) as opened:
        yield opened


PATHS = [
    "/s/", POOLS, f"{POOLS}?text=q00&sort=-solved&pool=start/k5", f"{POOLS}/question?id={HARD}", EVAL,
    f"{EVAL}/question?id=t1", f"{EVAL}/question?id=t1&left=m.1&right=start",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_page_links_to_nothing_but_this_site(path: str, pages: TestClient) -> None:
    answer = pages.get(path)
    assert answer.status_code == 200 and {name: answer.headers[name] for name in HEADERS} == HEADERS
    found = Tags(answer.text)
    links = [value or "" for _, given in found.tags for name, value in given.items() if name in AWAY]
    forms = [
        given.get("action") or "" for tag, given in found.tags if tag == "form" and given.get("method") != "dialog"
    ]
    assert links and all(link.startswith("/s/") for link in links + forms)
    assert not [name for _, given in found.tags for name in given if name.startswith("on") or name == "style"]
    for link in set(links):
        assert pages.get(link).status_code == 200, link


@pytest.mark.parametrize("name", ["style.css", "keys.js"])
def test_its_files_come_with_it_and_ask_for_no_other(name: str, pages: TestClient) -> None:
    answer = pages.get(f"/s/{name}")
    assert answer.status_code == 200 and not re.search(r"https?:|url\(|@import|import\(|fetch|innerHTML", answer.text)


def hostile_run(folder: Path, text: str) -> None:
    """Write a run with a text in every place that a page shows."""
    root = lay_down(folder)
    name = f"q-{text}"
    asked = question("q0") | {"question_id": name, "question": text, "gold": text}
    tables.write("questions", [asked, question(HARD)], root / "data/unlabelled.parquet", {})
    drawn = [sample(f"{name}-k5-0", name, traces.compose([text, f"{text}!"], text)), sample("x", name, text)]
    write(root / "start/k5", [(row, "8") for row in drawn], {"kind": "sample", "samples": 2})
    judged = [
        {"sample_id": row["sample_id"], "extracted": text, "verdict": "wrong", "why": text} for row in drawn
    ]  # fmt: skip
    tables.write("verified", judged, root / "start/k5/verified.parquet", {})


@pytest.mark.parametrize("text", [*HOSTILE, *ACTING])
def test_whatever_a_model_writes_stays_text(text: str, tmp_path: Path) -> None:
    tags = {}
    for name, written in (("plain", "a text"), ("hostile", f"x{text}y")):
        hostile_run(tmp_path / name, written)
        with client(tmp_path / name) as pages:
            question_page = f"{POOLS}/question?id={quote(f'q-{written}', safe='')}"
            asked = [pages.get(path).text for path in (POOLS, question_page, f"{POOLS}?text={quote(written, safe='')}")]
        tags[name] = [[(tag, sorted(given)) for tag, given in Tags(page).tags] for page in asked]
    assert tags["hostile"] == tags["plain"] and all(len(found) > 50 for found in tags["plain"])
    assert not set("".join(asked)) & set("\x00\x1b\u200b\u2028\u202e\u2066\ufeff")
    if text in HOSTILE:
        assert Tags(asked[1]).text.count(text) >= 6
    else:
        assert f"&lt;U+{ord(next(c for c in text if not c.isprintable())):04X}&gt;" in asked[1]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "192.168.0.1", "[::1]"])
def test_another_name_of_the_host_is_refused(host: str, results: Path) -> None:
    with client(results) as pages:
        answer = pages.get(POOLS, headers={"host": host})
    assert answer.status_code == 400 and "q000" not in answer.text
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize("host", ["localhost", "localhost:9999", "127.0.0.1"])
def test_this_machine_has_two_names_and_any_port(host: str, results: Path) -> None:
    with client(results, host) as pages:
        assert pages.get(POOLS).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_but_get_is_answered(method: str, pages: TestClient) -> None:
    assert pages.request(method, POOLS).status_code == 405


@pytest.mark.parametrize(
    "path", ["/", "/tiny/sums/seed0/pools", "/t/tiny/sums/seed0/pools", "/s/../etc/passwd", "/style.css"]
)
def test_without_the_secret_there_is_nothing(path: str, pages: TestClient) -> None:
    answer = pages.get(path)
    assert answer.status_code == 404 and "q000" not in answer.text


def test_the_secret_is_another_one_each_time(results: Path) -> None:
    roots = {app("a run", on_disk(results)).state.root for _ in range(3)}
    assert len(roots) == 3 and all(len(root) > 15 for root in roots)


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        (f"{POOLS}?page=0", 400, "page: Input should be greater than or equal to 1"),
        (f"{POOLS}?sort=<b>", 400, "sort: Input should be"),
        (f"{POOLS}?text={'x' * 501}", 400, "text: String should have at most 500 characters"),
        (f"{POOLS}/question?id=<b>no", 404, "no question &#39;&lt;b&gt;no&#39; in tiny/sums/seed0/pools"),
        (f"{POOLS}/question", 404, "no question &#39;&#39;"),
        ("/s/tiny/sums/seed9/pools", 404, "no questions &#39;tiny/sums/seed9/pools&#39; in a run"),
        ("/s/..%2f..%2fetc/passwd", 404, "no questions"),
        ("/s/templates/base.html", 404, "no questions"),
    ],
)
def test_an_address_that_means_nothing_is_an_error_page(path: str, code: int, said: str, pages: TestClient) -> None:
    answer = pages.get(path)
    assert answer.status_code == code and said in answer.text and "Traceback" not in answer.text
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]


def test_a_damaged_table_is_named_on_the_page(tmp_path: Path) -> None:
    root = lay_down(tmp_path)
    path = root / "start/k5/samples/1-of-2.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with client(tmp_path) as pages:
        for address in (POOLS, f"{POOLS}/question?id=q000"):
            answer = pages.get(address)
            assert (
                answer.status_code == 200 and str(path) in answer.text and "not a complete Parquet file" in answer.text
            )


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    root = lay_down(tmp_path)
    (root / "start/k5/verified.parquet").unlink()
    with client(tmp_path) as pages:
        assert "1 of 11 tables not created yet" in pages.get("/s/").text
        answer = pages.get(POOLS)
        assert "1 table not created yet" in answer.text and str(root / "start/k5/verified.parquet") in answer.text


def test_a_long_text_is_shown_in_part(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("hsir.browse.question.LONGEST", 50)
    lay_down(tmp_path)
    with client(tmp_path) as pages:
        text = pages.get(f"{POOLS}/question?id=q000").text
    assert "First 3+4=7." in text and "Wait, 7+1=8." not in text and "more characters" in text


def test_a_question_without_a_known_answer_is_shown(tmp_path: Path) -> None:
    root = lay_down(tmp_path)
    asked = [question(HARD) | {"gold": None}, question("q000")]
    tables.write("questions", asked, root / "data/unlabelled.parquet", {})
    with client(tmp_path) as pages:
        assert pages.get(f"{POOLS}?text=7").text.count('class="open text"') == 1
        assert "no known answer" in pages.get(f"{POOLS}/question?id={HARD}").text
