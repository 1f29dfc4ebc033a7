"""The pages as a reader uses them: files to write, commands to give, and what these print."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
MADE = shutil.ignore_patterns(
    ".*", "__pycache__", "results", "logs", "runs", "site", "report.html", "build", "dist", "*.egg-info"
)


class Block(NamedTuple):
    """A fenced block; a title is the name of the file that the text is, but of commands that have to fail, `fails`."""

    language: str
    title: str
    text: str


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    return [Block(*found) for found in FENCE.findall((DOCS / page).read_text(encoding="utf-8"))]


def clean_copy(folder: Path) -> Path:
    """Copy the project as it is cloned, without what was made in it."""
    return shutil.copytree(ROOT, folder, ignore=MADE)


def follow(page: str, folder: Path) -> None:
    """Do what a page says, in a folder: write its files, give its commands, and look for what it says they print."""
    printed = ""
    for block in blocks(page):
        if block.language == "sh":
            printed = given(block, folder)
        elif block.language == "text":
            check_printed(block.text, printed)
        elif block.title:
            (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.title).write_text(block.text, encoding="utf-8")


def given(block: Block, folder: Path) -> str:
    """Pass a block's commands to a shell that stops at the first that fails; return what they print."""
    python = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{python}{os.pathsep}{os.environ['PATH']}"}
    told = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text], cwd=folder, env=environment, timeout=1800,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    logs = "\n".join(f"--- {log}\n{log.read_text()}" for log in folder.glob("logs/**/*.log")) if told.returncode else ""
    assert (told.returncode != 0) == (block.title == "fails"), f"{block.text}\n{told.stdout}\n{logs}"
    return told.stdout


def check_printed(expected: str, printed: str) -> None:
    """Find each expected line within a printed one, in order, however many spaces stand between the words."""
    left = iter(" ".join(line.split()) for line in printed.splitlines())
    for line in expected.splitlines():
        told = " ".join(line.split())
        assert any(told in found for found in left), f"{told!r} is not printed in its place:\n{printed}"
