"""Every message that the page quotes is still one that the code, or Snakemake, gives."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT

QUOTED = re.findall(r"^### `(.+)`$", (DOCS / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)
ELLIPSIS = "\0"


def texts(folder: Path) -> Iterator[str]:
    """Yield every text in Python files, with a mark where a value is put in; without backticks."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else ELLIPSIS for part in node.values]
                yield "".join(map(str, parts)).replace("`", "")
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value.replace("`", "")


@cache
def known() -> tuple[str, ...]:
    snakemake = find_spec("snakemake")
    assert snakemake is not None and snakemake.origin is not None
    return (*texts(ROOT / "hsir"), *texts(Path(snakemake.origin).parent))


def is_given(quoted: str) -> bool:
    pattern = re.compile(".*".join(map(re.escape, quoted.split("..."))), re.DOTALL)
    return any(pattern.search(text) for text in known())


def test_the_page_has_what_is_most_likely() -> None:
    assert len(QUOTED) >= 20 and len(set(QUOTED)) == len(QUOTED)


@pytest.mark.parametrize("quoted", QUOTED)
def test_a_quoted_message_is_given_by_the_code(quoted: str) -> None:
    assert is_given(quoted), "no text in the code is like it; quote it anew"


def test_a_message_that_nobody_gives_is_found_out() -> None:
    assert not is_given("...: the moon is in the wrong place; wait")
    assert not is_given("missing; it is optional")
