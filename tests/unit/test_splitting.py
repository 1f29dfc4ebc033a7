"""Steps of a trace, by layout: where they are split, and that no text is lost."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hsir import traces
from hsir.splitting import Layout

LAYOUTS: list[Layout] = ["blank_line", "line", "sentence"]


def texts(completion: str, layout: Layout) -> list[str]:
    return [step for step, _ in traces.steps(completion, layout)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One.\nTwo.\n\nThree.", ["One.", "Two.", "Three."]),
        ("It costs 3.5 dollars. So 2 cost 7.", ["It costs 3.5 dollars.", "So 2 cost 7."]),
        ("Take e.g. Ann. She has 2, i.e. Two.", ["Take e.g. Ann.", "She has 2, i.e. Two."]),
        ("See Fig. 3 and Eq. 4. Dr. Roe agrees!", ["See Fig. 3 and Eq. 4.", "Dr. Roe agrees!"]),
        ("1. Add 2.\n2. Take 3. Then 4.", ["1. Add 2.", "2. Take 3.", "Then 4."]),
        ("A. ash\nB. bay", ["A. ash", "B. bay"]),
        ("So option B. It says so.", ["So option B.", "It says so."]),
        ("Let $f(x) = 2. X$ hold. Now \\(a. B\\) too. Done.",
         ["Let $f(x) = 2. X$ hold.", "Now \\(a. B\\) too.", "Done."]),
        ("Wait... is it so? Yes! (It is.) \"Good.\" Then go on.",
         ["Wait... is it so?", "Yes!", "(It is.)", "\"Good.\"", "Then go on."]),
        ("答案是三。所以选乙。", ["答案是三。", "所以选乙。"]),
        ("```\na = 1. B = 2.\n\nc\n``` Then. End.", ["```\na = 1. B = 2.\n\nc\n``` Then.", "End."]),
        ("", []),
        ("  \n \n ", []),
    ],
)  # fmt: skip
def test_sentences(text: str, sentences: list[str]) -> None:
    assert texts(text, "sentence") == sentences
    assert texts(f"<think>\n{text}\n</think>\n<answer>\n4. No. 5\n</answer>", "sentence") == sentences


def test_lines_and_blank_lines() -> None:
    text = "<think>\n1. One.\n  Two. Three.\n \nFour.\n</think>\n<answer>\n4\n</answer>"
    assert texts(text, "line") == ["1. One.", "Two. Three.", "Four."]
    assert texts(text, "blank_line") == ["1. One.\n  Two. Three.", "Four."]


@pytest.mark.parametrize("layout", LAYOUTS)
@given(text=st.text(st.sampled_from("aB1.!? \n\t$\\()[]`*\u3002\"'e.g"), max_size=80))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_layout_loses_or_moves_a_character(layout: Layout, text: str) -> None:
    found = traces.steps(text, layout)
    start, end = traces.reasoning_span(text)
    assert re.sub(r"\s", "", "".join(step for step, _ in found)) == re.sub(r"\s", "", text[start:end])
    assert all(text[:stop].endswith(step) and step == step.strip() != "" for step, stop in found)
    ends = [stop for _, stop in found]
    assert ends == sorted(set(ends))


@given(text=st.text(st.sampled_from("aB1. \n$"), max_size=60))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_finer_layout_parts_wherever_a_coarser_one_does(text: str) -> None:
    if "$" not in text:
        blank, line, sentence = ({stop for _, stop in traces.steps(text, layout)} for layout in LAYOUTS)
        assert blank <= line <= sentence


@pytest.mark.parametrize("part", ["$", "\\(", "\\[", "```", ". ", '." ', "A. ", "\n", " ", "$a. B", "\\(a. B", "。"])
def test_hostile_text_takes_no_more_than_its_length(part: str) -> None:
    text = part * (200_000 // len(part))
    began = time.perf_counter()
    for layout in LAYOUTS:
        traces.steps(text, layout)
    assert time.perf_counter() - began < 10
