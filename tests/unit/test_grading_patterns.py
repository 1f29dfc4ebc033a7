"""Every regular expression applied to model output takes linear time."""

import importlib
import pkgutil
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import hsir.grading
import hsir.recycling
from hsir import traces

DEADLINE = 1.0
"""Seconds of processor time a pattern has for each text; linear ones need milliseconds, quadratic ones longer."""

LENGTH = 30_000
PIECES = [
    "a", "A", "1", " ", "\n", "\t", ",", ".", "(", ")", "{", "}", "[", "]", "*", "**", "$", "-", "_", '"', "\\",
    "\\boxed{", "<answer>", "1/", "1,", "1 ", "A ", "the answer is ", "not ", "or ", "if ", "\u00b2", "\u00bd", "\n ",
    ", ",
]  # fmt: skip
SEARCHES = "search|finditer|sub|split|findall"


def modules() -> Iterator[object]:
    yield traces
    for package in (hsir.grading, hsir.recycling):
        for found in pkgutil.iter_modules(package.__path__):
            yield importlib.import_module(f"{package.__name__}.{found.name}")


def patterns() -> Iterator[tuple[str, re.Pattern[str], bool]]:
    """Return each pattern with its name, and whether its module searches with it or only matches at one place."""
    for module in modules():
        source = Path(str(module.__file__)).read_text(encoding="utf-8")  # type: ignore[attr-defined]
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                searched = re.search(rf"\b{name}\.(?:{SEARCHES})\(", source) is not None
                yield f"{module.__name__}.{name}", value, searched  # type: ignore[attr-defined]


ALL = {name: (pattern, searched) for name, pattern, searched in patterns()}


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def read(pattern: re.Pattern[str], searched: bool, text: str) -> None:
    pattern.match(text)
    pattern.match("," + text)
    pattern.fullmatch(text)
    if searched:
        for _ in pattern.finditer(text):
            pass


def test_the_check_finds_a_quadratic_pattern() -> None:
    with pytest.raises(TimeoutError), deadline(0.2):
        read(re.compile(r"\s+x"), True, " " * LENGTH)


@pytest.mark.parametrize("name", ALL)
def test_a_pattern_is_linear_in_the_text(name: str) -> None:
    pattern, searched = ALL[name]
    for piece in PIECES:
        text = piece * (LENGTH // len(piece)) + "!\0"
        try:
            with deadline(DEADLINE):
                read(pattern, searched, text)
        except TimeoutError:
            pytest.fail(f"{name}: {piece!r} repeated over {LENGTH:,} characters takes more than {DEADLINE} s")
