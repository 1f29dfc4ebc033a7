"""What a score reads: tokens grouped by step or by number, and the states that groups share."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase

from hsir import traces
from hsir.config.settings import Score
from hsir.diversity.indiv import reading
from hsir.diversity.indiv.logdet import parts
from hsir.diversity.indiv.reading import Solution, read, windows
from hsir.diversity.indiv.score import opened
from hsir.diversity.indiv.states import Seen
from hsir.stages import score as stage
from hsir.storage import tables

TRACE = traces.compose(["Ann has 5 cats.", "She gets 3 more: 5 + 3 = 8.", "So she has 8."], "8")
BY_STEP = Score(states="step")


def solution(text: str, encoder: PreTrainedTokenizerBase) -> Solution:
    return Solution("s", [1], encoder(text, add_special_tokens=False)["input_ids"])


def texts(one: Solution, encoder: PreTrainedTokenizerBase) -> list[str]:
    """Return the text of each group of tokens."""
    begins = [one.start, *one.ends[:-1]]
    return [encoder.decode(list(one.completion_ids[a:b])) for a, b in zip(begins, one.ends, strict=True)]


def test_steps_are_those_of_the_reasoning_without_tags_and_answer(encoder: PreTrainedTokenizerBase) -> None:
    found = read(solution(TRACE, encoder), encoder, BY_STEP)
    assert found is not None
    assert [text.strip() for text in texts(found, encoder)] == [step for step, _ in traces.steps(TRACE)]


def test_the_step_separator_is_an_option(encoder: PreTrainedTokenizerBase) -> None:
    one = solution("<think>\nAnn has 5. She gets 3.\nSo 8.\n</think>", encoder)
    counts = {
        layout: read(one, encoder, BY_STEP.model_copy(update={"steps": layout})) for layout in ("line", "sentence")
    }
    assert {layout: len(found.ends) for layout, found in counts.items() if found} == {"line": 2, "sentence": 3}


def test_reasoning_that_is_absent_is_not_read(encoder: PreTrainedTokenizerBase) -> None:
    empty = solution("<think>\n\n</think>\n<answer>\n8\n</answer>", encoder)
    assert read(empty, encoder, BY_STEP) is read(empty, encoder, Score(tokens="think")) is None
    assert read(empty, encoder, Score()) is empty


@pytest.mark.parametrize("options", [BY_STEP, Score(tokens="think"), Score(states=8)], ids=str)
def test_a_single_token_is_one_state(options: Score, encoder: PreTrainedTokenizerBase) -> None:
    one = solution("8", encoder)
    assert len(one.completion_ids) == 1
    found = read(one, encoder, options)
    assert found is not None and found.tokens.span == (1, 2) and list(found.ends) in ([], [1])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text("ab 5\n.\u00e9\u4e16\U0001f600", min_size=1, max_size=12), min_size=1, max_size=6))
def test_places_do_not_depend_on_how_they_are_found(encoder: PreTrainedTokenizerBase, steps: list[str]) -> None:
    ids = encoder(traces.compose(steps, "8"), add_special_tokens=False)["input_ids"]
    text = encoder.decode(ids)
    token_at = reading._places(ids, text, encoder)
    for _, end in traces.steps(text):
        at = token_at(end)
        assert (
            len(encoder.decode(ids[:at])) >= end > min(len(encoder.decode(ids[:n])) for n in range(max(at - 1, 0), at))
        )


@given(st.integers(1, 300), st.integers(1, 64))
def test_windows_cover_all_tokens_and_differ_by_one_at_most(tokens: int, size: int) -> None:
    one = windows(Solution("s", [1], [5] * (tokens + 2), start=1, end=tokens + 1), size)
    sizes = one.tokens.sizes
    assert sum(sizes) == tokens and one.ends[-1] == tokens + 1
    assert max(sizes) - min(sizes) <= 1 and (len(sizes) == 1 or size / 2 <= min(sizes) <= max(sizes) <= 2 * size)


def test_a_state_is_the_mean_of_its_tokens_weighted_by_attention() -> None:
    states = torch.tensor([[3.0, 1.0, 2.0], [0.0, 6.0, 0.0], [1.0, 1.0, 7.0]])
    attention = torch.tensor([0.25, 0.75, 0.1])
    (grouped,) = parts([Seen(states, attention, False, [2, 1])], 0.5)
    centred = states.double() - states.double().mean(1, keepdim=True)
    rows = torch.stack([0.25 * centred[0] + 0.75 * centred[1], centred[2]])
    expected = torch.logdet(rows @ rows.T + 0.5 * torch.eye(2, dtype=torch.float64)).item()
    assert grouped.logdet == pytest.approx(expected, rel=1e-6)
    assert (grouped.m, grouped.n_tokens, grouped.indiv) == (2, 3, grouped.logdet / 2)


def test_groups_of_one_token_without_weights_are_the_tokens() -> None:
    states, attention = torch.randn(7, 16, generator=torch.Generator().manual_seed(0)), torch.ones(7)
    (single,) = parts([Seen(states, attention, False)], 1e-3, "none")
    (grouped,) = parts([Seen(states, attention, False, [1] * 7)], 1e-3, "none")
    assert grouped.logdet == pytest.approx(single.logdet, rel=1e-9)


def test_a_repeated_step_adds_nothing_and_a_new_one_does(encoder: PreTrainedTokenizerBase, embedded: Path) -> None:
    steps = ["Ann has 5 cats.", "She gets 3 more: 5 + 3 = 8.", "So she has 8."]
    repeated = traces.compose([*steps, steps[1]], "8")
    other = traces.compose([*steps, "Bob buys 4 boxes of 6 pens."], "8")
    found = [read(solution(text, encoder), encoder, BY_STEP) for text in (repeated, other)]
    scorer = opened(str(embedded), BY_STEP)
    low, high = (scorer.score([one])[0][1] for one in found if one)
    assert low.m == high.m == 4 and low.indiv < high.indiv


def test_the_stage_scores_steps_and_counts_their_tokens(
    tmp_path: Path, embedded: Path, encoder: PreTrainedTokenizerBase
) -> None:
    rows, out = tmp_path / "rows.jsonl", tmp_path / "scores.parquet"
    rows.write_text(json.dumps({"prompt": "How many?", "completion": TRACE}) + "\n")
    stage.main(str(embedded), out, rows, score=BY_STEP)
    (row,) = tables.read("indiv-scores", out)
    assert row["m"] == 3 < row["n_tokens"] < len(encoder(TRACE)["input_ids"])
