"""Verdicts, and where a failed solution is cut."""

import pytest
from transformers import PreTrainedTokenizerBase

from hsir import traces
from hsir.grading import Item, Judgement, Number
from hsir.recycling.matchers import Explicit
from hsir.recycling.veriexit import Cut, boundaries, find_cut, prefix_ids
from hsir.tasks.chains import Chains
from hsir.tasks.jsonl import Jsonl

CHAINS = Chains(kind="chains")


@pytest.mark.parametrize(
    ("completion", "wanted"),
    [
        ("<think>\na\n\n</think>\n<answer>\n42\n</answer>", Judgement("42", "right", "tags")),
        ("<answer>42.0</answer>", Judgement("42.0", "right", "tags")),
        ("<answer>42</answer> again: <answer>\n42\n</answer>", Judgement("42", "right", "tags")),
        ("<answer>41</answer>", Judgement("41", "wrong", "tags")),
        ("the answer is 42", Judgement(None, "no_answer", "none")),
        ("<answer>42", Judgement(None, "no_answer", "none")),
        ("<answer>\n</answer>", Judgement(None, "no_answer", "empty")),
        ("", Judgement(None, "no_answer", "none")),
        ("<answer>plenty</answer>", Judgement("plenty", "undecided", "tags")),
        ("<answer>41</answer> or <answer>42</answer>", Judgement("41 | 42", "undecided", "several")),
    ],
)
def test_the_verdicts(completion: str, wanted: Judgement) -> None:
    assert CHAINS.grading.judge(Item(completion, "42")) == wanted


def test_a_truncated_completion_counts_only_with_closed_tags() -> None:
    assert Number().judge(Item("The answer is 42", "42", truncated=True)) == (None, "no_answer", "truncated")
    assert Number().judge(Item("<think>It is 42", "42", truncated=True)) == (None, "no_answer", "truncated")
    assert Number().judge(Item("<think>It is 42", "42")) == (None, "no_answer", "unfinished")
    assert Number().judge(Item("<answer>42</answer> and", "42", truncated=True)).verdict == "right"


def test_the_task_decides_what_is_equal() -> None:
    own = Jsonl(kind="jsonl").grading
    assert own.judge(Item("<answer>paris</answer>", "Paris")).verdict == "right"
    assert own.judge(Item("<answer>Rome</answer>", "Paris")).verdict == "wrong"
    assert CHAINS.grading.judge(Item("<answer>Rome</answer>", "Paris")).verdict == "undecided"


def test_the_cut_is_after_the_first_step_that_reaches_the_answer() -> None:
    completion = "<think>\n6*7=42.\n\nThe answer is not 42.\n\nSo the answer is 42.\n\nThe answer is 42.\n\nNo, 41."
    assert find_cut(completion, "42", Explicit(), CHAINS.grading) == Cut(
        2, completion.index("So the answer is 42.") + 20
    )


@pytest.mark.parametrize(
    "completion",
    ["", "<think>\nSo the answer is 41.", "<think>\na\n\n</think>\n<answer>\nThe answer is 42.\n</answer>"],
)
def test_nothing_is_cut_if_no_reasoning_step_reaches_the_answer(completion: str) -> None:
    assert find_cut(completion, "42", Explicit(), CHAINS.grading) is None


@pytest.mark.parametrize(
    ("most", "probed"), [(9, [0, 1, 2, 3, 4]), (5, [0, 1, 2, 3, 4]), (2, [1, 4]), (3, [0, 2, 4]), (1, [4])]
)
def test_the_last_step_and_evenly_spread_ones_before_it_are_probed(most: int, probed: list[int]) -> None:
    completion = "<think>\na\n\nb\n\nc\n\nd\n\ne\n\n</think>\n<answer>\n1\n</answer>"
    found = boundaries(completion, most)
    assert [cut.step for cut in found] == probed
    assert [completion[: cut.end][-1] for cut in found] == ["abcde"[step] for step in probed]


CUTS = [
    "<think>\na\n\nSo the answer is 42.\n\nWait.\n\nNo, 41.\n\n</think>\n<answer>\n41\n</answer>",
    "<think>\na\n\nSo the answer is 42.\n\n\n\nWait.",
    "<think>\na\n\nSo the answer is 42.\n \nWait.",
    "<think>\na\n\nThe answer is 42 apples\n\nWait.",
    "<think>\na\n\nSo the answer is 42",
    "<think>\nnaïve 漢字 😀🚀 → é\n\nSo the answer is 42😀.\n\nWait 😀.",
    "<think>\n漢字 😀 🚀 → é 漢字漢字漢字 😀🚀😀🚀😀🚀 → é\n\n漢字漢字漢字 the answer is 42\n\nWait.",
    "<think>\na\n\nSo the answer is 42. \n\nWait.",
    "<think>\na\n\nSo the answer is 42.",
]


def cut_of(completion: str) -> int:
    """Find where a completion is cut."""
    cut = find_cut(completion, "42", Explicit(), CHAINS.grading)
    assert cut is not None
    return cut.end


@pytest.mark.parametrize("completion", CUTS)
def test_a_prefix_is_the_text_before_the_cut_and_the_exit_prompt(
    completion: str, encoder: PreTrainedTokenizerBase
) -> None:
    end = cut_of(completion)
    got = prefix_ids(encoder, encoder(completion)["input_ids"], end)
    assert encoder.decode(got) == completion[:end] + traces.EXIT_PROMPT


@pytest.mark.parametrize("completion", CUTS)
def test_a_prefix_is_tokenised_as_if_the_policy_had_written_it(
    completion: str, encoder: PreTrainedTokenizerBase
) -> None:
    end = cut_of(completion)
    got = prefix_ids(encoder, encoder(completion)["input_ids"], end)
    assert got == encoder(completion[:end] + traces.EXIT_PROMPT)["input_ids"]


def test_prefixes_of_generated_traces_are_tokenised_as_whole_texts(encoder: PreTrainedTokenizerBase) -> None:
    for record in Chains(kind="chains", test=70).records("test", 0):
        trace = record.trace or ""
        for _, end in traces.steps(trace):
            got = prefix_ids(encoder, [*encoder(trace)["input_ids"], encoder.eos_token_id], end)
            assert got == encoder(trace[:end] + traces.EXIT_PROMPT)["input_ids"]


@pytest.mark.parametrize("completion", CUTS[:2] + CUTS[5:7])
def test_the_samples_own_tokens_are_kept_where_they_are_not_the_tokenizers(
    completion: str, encoder: PreTrainedTokenizerBase
) -> None:
    """Every character is tokenised alone, as a policy may do: all tokens but the last before the cut stay."""
    letters = [encoder(character)["input_ids"] for character in completion]
    own = [token for letter in letters for token in letter]
    end = cut_of(completion)
    before = sum(len(letter) for letter in letters[:end])
    assert own[:before] != encoder(completion[:end])["input_ids"]
    got = prefix_ids(encoder, own, end)
    assert got[: before - 1] == own[: before - 1]
    assert encoder.decode(got) == completion[:end] + traces.EXIT_PROMPT
