"""Graders on hostile text: garbage, lines of a megabyte, power towers."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hsir.grading import Auto, Choice, Grader, Item, Math, Number, Text, YesNo

OPTIONS = {"A": "Aspirin", "B": "Heparin", "C": "Aspirin and heparin", "D": "No treatment", "E": "None of the above"}
MATH = Math(workers=2, deadline=30.0)
HASTY = Math(workers=1, deadline=1.0)

PIECES = [
    "<answer>", "</answer>", "<think>", "</think>", "\\boxed{", "}", "{", "{,}", "\\frac{1}{2}", "\\frac12", "\\frac",
    "\\sqrt{",
    "\\text{", "\\(", "\\)", "\\[", "$", "\\$", "\\left(", "^{", "^", "_", "\\pm", "\\cup", "\\begin{pmatrix}", "&",
    "\\\\", "#### ",
    "The answer is ", "Answer: ", "answer - ", "it is ", "not ", " or ", " and ", "option ", "if ", "答案是", "**", "*",
    "`", '"', "(", ")",
    "[", "]", "A", "B", " a", ". ", ", ", "? ", "\n", "\n\n", "= ", "- ", "/", ":", "%", "1,000", "1 000", "10^",
    "1e", "0", "1", "2", "12",
    ".", "½", "²", "\x00", "\ud800", "\udfff", "\u2028", "\u00a0", "\u2212", "٣", "¿", "😀", "No ", "no", "false", "x",
    "y ", " million",
]  # fmt: skip
NASTY = st.lists(st.one_of(st.sampled_from(PIECES), st.text(alphabet="012 .,{}\\$-", max_size=6)), max_size=30).map(
    "".join
)
FUZZ = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
SLOW_FUZZ = settings(FUZZ, max_examples=100)
# No piece has what these golds are made of.
UNTOLD: list[tuple[Grader, str, dict[str, str] | None]] = [
    (Number(), "7919", None), (Choice(), "Z", {"A": "1", "B": "x", "Z": "zinc"}), (YesNo(), "yes", None),
    (Text(), "zebra", None),
    (Auto(), "7919", None), (Auto(), "zebra", None),
]  # fmt: skip


@pytest.mark.parametrize(("grader", "gold", "options"), UNTOLD)
@FUZZ
@given(text=NASTY, truncated=st.booleans())
def test_garbage_raises_nothing_and_is_never_right(
    grader: Grader, gold: str, options: Any, text: str, truncated: bool
) -> None:
    for completion in (text, f"<answer>{text}</answer>", f"\\boxed{{{text}}}"):
        assert grader.judge(Item(completion, gold, options, truncated)).verdict != "right"
        kind = grader.of(gold, options)
        assert not any(kind.same(one.answer, gold, options) for one in kind.stated(completion, options))
    with suppress(ValueError):
        grader.check_gold(text)


@SLOW_FUZZ
@given(text=NASTY)
def test_garbage_is_never_right_as_mathematics(text: str) -> None:
    items = [Item(completion, "\\frac{7919}{13}") for completion in (text, f"<answer>{text}</answer>")]
    assert "right" not in {judged.verdict for judged in HASTY.judge_all(items)}
    list(HASTY.stated(text))


@FUZZ
@given(text=NASTY)
def test_whatever_is_given_as_the_gold_answer_raises_nothing(text: str) -> None:
    for grader, answer, options in UNTOLD:
        assert grader.judge(Item(f"<answer>{answer}</answer>", text, options)).verdict != "right"


MILLION = 1 << 20
LONG = {
    piece: piece * (MILLION // len(piece))
    for piece in [
        "{", "(", "answer is ", "answer - ", "the answer is A or ", "1,", "1 ", " ", "\n", ",", "*", "-", "9", "½",
        "\u00a0", "A ", "(A) ",
        "A is ", "no,", "it is ", "if ", "$", "\\(", "\\boxed{", "\\frac", "<answer>", "</answer>", "<think>",
        "</think>", "1 2/3 ",
    ]
} | {
    "hundred boxes": "\\boxed{5} " * 100,
    "many answers": "".join(f"<answer>{n}</answer>" for n in range(MILLION // 20)),
    "many empty answers": "<answer></answer>" * (MILLION // 17),
    "an open answer at the end": "x" * MILLION + "<answer>{(1,",
    "a long answer": "<answer>" + "1," * (MILLION // 2) + "</answer>",
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_a_long_line_does_not_hold_the_graders_up(name: str) -> None:
    for grader, gold, options in UNTOLD:
        assert grader.judge(Item(LONG[name], gold, options)).verdict != "right"
        assert list(grader.of(gold, options).stated(LONG[name][-20_000:], options)) is not None


@pytest.mark.parametrize(
    "text", ["\\boxed{10^{10^{10}}}", "(" * MILLION, "\\boxed{9999!!}", "\\boxed{" + "x+" * 1500 + "1}"]
)
def test_what_takes_too_long_is_undecided_and_the_next_row_is_graded(text: str) -> None:
    hard, easy = HASTY.judge_all([Item(text, "5"), Item("\\boxed{5}", "5")])
    assert hard.verdict != "right"
    assert easy.verdict == "right"


def test_a_deadline_is_reported() -> None:
    assert HASTY.judge(Item("(" * MILLION, "5"))[1:] == ("undecided", "deadline")
