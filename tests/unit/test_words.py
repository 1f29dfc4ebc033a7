"""The documentation avoids a few unwanted words; CONTRIBUTING.md describes the style."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("*.md", "config/*.md", "docs/*.md", "profiles/*.md", "benchmarks/*.md", "workflow/report/*.rst")
PAGES = sorted(path.relative_to(ROOT) for place in PLACES for path in ROOT.glob(place))
BETTER = {
    r"of which": "start a new sentence",
    r"told|tells?": "shown, reported, says",
    r"held against": "checked against",
    r"beside": "next to, in addition to",
    r"mend(?:s|ed|ing)?": "fix",
    r"pictures?": "figure",
    r"the way out": "a suggested fix",
    r"laid over": "merged over",
    r"undisturbed": "uninterrupted",
    r"anew|afresh": "again, from scratch",
    r"whole numbers?": "integer",
    r"for ever": "forever",
    r"goes? on|went on": "resumes, continues",
    r"\w{3,}s an? (?:question|token|line|seed|GPU)(?= *[.,;|)])": "per question",
}
CODE = re.compile(r"^```.*?^```$|``[^`]+``|`[^`]*`|\]\([^)]*\)|^    [^\n]*$|<!--.*?-->", re.MULTILINE | re.DOTALL)


def unwanted(text: str) -> list[str]:
    """List the unwanted words of a text, but for code and links, each with what is better."""
    prose = " ".join(CODE.sub(" x ", text).split())
    return [
        f"{found[0]!r}: {better}"
        for words, better in BETTER.items()
        for found in re.finditer(rf"\b(?:{words})\b", prose, re.IGNORECASE)
    ]


def test_the_pages_are_found() -> None:
    assert len(PAGES) > 50 and Path("README.md") in PAGES and Path("docs/faq.md") in PAGES


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_page_has_no_unwanted_word(page: Path) -> None:
    assert unwanted((ROOT / page).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Two files, one of\nwhich is told.", ["'of which': start a new sentence", "'told': shown, reported, says"]),
        ("Ten samples a question.", ["'samples a question': per question"]),
        ("`test_told` in\n```\nmend it\n```\nand [so](told.md)", []),
        ("Answers a question about pictureframes.", []),
    ],
)
def test_unwanted_words_are_found_outside_code(text: str, found: list[str]) -> None:
    assert unwanted(text) == found
