"""The trace format: what is written is read back, and offsets index the completion."""

import pytest

from hsir import traces


@pytest.mark.parametrize(
    ("steps", "answer"),
    [
        (["one"], "42"),
        (["one", "two\nlines", "three."], "A"),
        (["$x < y$ and y > z", "\\boxed{7}"], "\\frac{1}{2}"),
        (["naïve 漢字 😀", "→ 3"], "3"),
    ],
)
def test_composed_traces_are_read_back(steps: list[str], answer: str) -> None:
    trace = traces.compose(steps, answer)
    assert [step for step, _ in traces.steps(trace)] == steps
    assert traces.answers(trace) == [answer]


def test_the_format_is_the_papers() -> None:
    wanted = "<think>\na\n\nb\n\n</think>\n<answer>\n4\n</answer>"
    assert traces.compose(["a", "b"], "4") == wanted
    assert wanted.split("b")[1].startswith(traces.EXIT_PROMPT)


COMPLETIONS = [
    ("<think>\na\n\nb\n\n</think>\n<answer>\n4\n</answer>", ["a", "b"]),
    ("<think>\na\n\nb, cut off by the lim", ["a", "b, cut off by the lim"]),
    ("<think>\na\n\nb\n\n", ["a", "b"]),
    ("a\n\nb", ["a", "b"]),
    ("a\n\nb\n\n</think>\n<answer>4</answer>", ["a", "b"]),
    ("<think>\na\n \t\nb\n\n</think>", ["a", "b"]),
    ("<think>\na \n\n  b  \n\n\n\nc\n</think>", ["a", "b", "c"]),
    ("<think>\na\nstill a\n\nb\n</think>", ["a\nstill a", "b"]),
    ("<think>\r\na\r\n\r\nb\r\n</think>", ["a", "b"]),
    ("before <think>a</think> between <think>b</think>", ["a"]),
    ("<think>\n\n</think>", []),
    ("<think></think>", []),
    ("<think>", []),
    ("\n\n", []),
    ("", []),
]


@pytest.mark.parametrize(("completion", "wanted"), COMPLETIONS)
def test_reasoning_is_split_at_blank_lines(completion: str, wanted: list[str]) -> None:
    assert [step for step, _ in traces.steps(completion)] == wanted


@pytest.mark.parametrize("completion", [completion for completion, _ in COMPLETIONS])
def test_offsets_index_the_completion(completion: str) -> None:
    last = 0
    for step, end in traces.steps(completion):
        assert completion[:end].endswith(step)
        assert end - len(step) >= last
        last = end


@pytest.mark.parametrize("completion", [completion for completion, _ in COMPLETIONS])
def test_the_reasoning_span_is_a_span(completion: str) -> None:
    start, end = traces.reasoning_span(completion)
    assert 0 <= start <= end <= len(completion)
    assert completion[start:end] == completion[start:end].strip()


@pytest.mark.parametrize(
    ("completion", "wanted"),
    [
        ("<think>a</think><answer>\n 42 \n</answer>", ["42"]),
        ("<answer>1</answer> no, <answer>2</answer>", ["1", "2"]),
        ("<answer>two\nlines</answer>", ["two\nlines"]),
        ("<answer>42", []),
        ("42</answer>", []),
        ("no tags at all", []),
        ("", []),
    ],
)
def test_answers_are_the_closed_blocks_in_order(completion: str, wanted: list[str]) -> None:
    assert traces.answers(completion) == wanted
