"""Progress: lines that show rate and time left, from the first seconds."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from hsir import progress
from hsir.progress import Progress, track


@pytest.fixture
def elapsed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the clock that progress goes by, to be set."""
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    return clock


@pytest.mark.parametrize(
    ("made", "given", "seconds", "line"),
    [
        ((640, 0, 0), [(120, 46200)], 20, "120/640 samples, 18 %, 2,310 tokens/s, 0:01:27 left"),
        ((640, 0, 0), [(640, 6400)], 64, "640/640 samples, 100 %, 100 tokens/s, took 0:01:04"),
        ((4, 0, 0), [(1, 0)], 4, "1/4 samples, 25 %, 0.25 samples/s, 0:00:12 left"),
        ((4, 2, 0), [(1, 0)], 4, "3/4 samples, 75 %, 0.25 samples/s, 0:00:04 left"),  # two were made before
        ((4, 0, 1000), [(1, 800)], 8, "1/4 samples, 25 %, 100 tokens/s, 0:00:02 left"),  # the longest came first
        ((4, 4, 0), [], 9, "4/4 samples, 100 %"),
        ((0, 0, 0), [], 9, "0/0 samples, 100 %"),
    ],
)
def test_a_line_shows_rate_and_time_left(
    made: tuple[int, int, int], given: list[tuple[int, int]], seconds: float, line: str, elapsed: list[float]
) -> None:
    total, done, tokens = made
    shown = Progress("sampling", "samples", total, done, tokens)
    for count, drawn in given:
        shown.advance(count, drawn)
    elapsed[0] = seconds
    assert shown.line() == f"sampling {line}"


def test_a_batch_under_way_counts_by_its_share_until_it_is_finished(elapsed: list[float]) -> None:
    shown = Progress("sampling", "samples", 8)
    shown.within(2.0, 500)
    elapsed[0] = 5.0
    assert shown.line() == "sampling 0/8 samples, 25 %, 100 tokens/s, 0:00:15 left"
    shown.advance(4, 1000, "loss 0.5000")
    assert shown.line() == "sampling 4/8 samples, 50 %, 200 tokens/s, 0:00:05 left, loss 0.5000"


def test_lines_come_though_a_step_takes_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "SECONDS_TO_FIRST_LINE", 0.01)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 60.0)
    said = ""
    with Progress("sampling", "samples", 2) as shown:
        while not said:  # nothing is counted meanwhile
            time.sleep(0.01)
            said = capsys.readouterr().err
        shown.advance(2)
    assert said == "hsir: sampling 0/2 samples, 0 %\n"
    assert capsys.readouterr().err.startswith("hsir: sampling 2/2 samples, 100 %, ")


def test_of_what_failed_no_last_line_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="broken"), Progress("sampling", "samples", 2):
        raise ValueError("broken")
    assert capsys.readouterr().err == ""


def test_items_are_counted_on_from_what_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(iter("ab"), "grading", "rows", 5, 3)) == ["a", "b"]
    assert capsys.readouterr().err.startswith("hsir: grading 5/5 rows, 100 %, ")


def test_on_a_terminal_it_is_a_bar(root: Path) -> None:
    code = "from hsir.progress import track; list(track(iter(range(3)), 'grading', 'rows', 3))"
    told = subprocess.run(
        ["script", "-qec", f'{sys.executable} -c "{code}"', "/dev/null"], capture_output=True, text=True, cwd=root
    )
    assert told.returncode == 0 and "100%" in told.stdout and "hsir:" not in told.stdout
