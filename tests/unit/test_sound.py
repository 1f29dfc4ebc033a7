"""The filter sound: false equations between plain numbers are found, and nothing else counts as false."""

import pytest

from hsir.selection.filters import Sound
from hsir.selection.filters.base import Candidate
from hsir.selection.filters.sound import false_equations

FALSE = [
    "12+8=19.",
    "2 + 3 * 4 = 20",
    "10 / 3 = 3.34",
    "7-9=2",
    "16 \u2212 4 = 11",
    "$5 x 3 = $16",
    "1,200 - 200 = 100",
]
TRUE = [
    "12+8=20.", "2 + 3 * 4 = 14", "10 / 3 = 3.33", "7 - 9 = -2", "16 \u2212 4 = 12", "$5 x 3 = $15", "3.5 * 2 = 7",
    "$1,200 - 200 = $1,000.",
]  # fmt: skip
UNREAD = [
    "x+2=5", "2x+3=7", "3(4)+2=14", "(2+3)*4=20", "100 - 5%=95", "2^3+1=9", "5/0=1", "1+1=2+1=3", "the answer is 19",
    "2*3 apples = 7",
]  # fmt: skip


@pytest.mark.parametrize("text", FALSE)
def test_a_false_equation_is_found_within_prose(text: str) -> None:
    assert len(false_equations(f"So we get {text} and go on.")) == 1


@pytest.mark.parametrize("text", [*TRUE, *UNREAD])
def test_what_is_true_or_no_plain_arithmetic_is_not_called_false(text: str) -> None:
    assert false_equations(f"So we get {text} and go on.") == []


def test_every_false_equation_is_listed_in_order() -> None:
    assert false_equations("4+8=12.\n\n12+8=19.\n\n19-1=17.") == ["12+8=19", "19-1=17"]


def test_the_filter_drops_solutions_with_a_false_equation() -> None:
    texts = ["<think>\n4+8=12.", "<think>\n4+8=13.", "<think>\nNothing is added."]
    given = [Candidate(str(n), "q", 10, True, completion=text) for n, text in enumerate(texts)]
    assert [one.sample_id for one in Sound(kind="sound")(given, 0)] == ["0", "2"]


@pytest.mark.parametrize("text", ["9" * 50_000 + "+1=2", "1+" * 50_000, "1," * 50_000 + "=3", "1 + 1 = " * 20_000])
def test_hostile_texts_end_in_linear_time(text: str) -> None:
    """A pattern that backtracks would not end within the time limit of the tests."""
    assert isinstance(false_equations(text), list)
