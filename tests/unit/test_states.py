"""The score's inputs from a model, compared with the full model with all outputs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from hsir.config.settings import Score
from hsir.diversity.indiv import attention
from hsir.diversity.indiv.logdet import parts
from hsir.diversity.indiv.reading import Solution
from hsir.diversity.indiv.score import Scorer, score
from hsir.diversity.indiv.states import Tokens, look, truncate
from hsir.errors import InputError
from hsir.storage.models import load_model

Asked = Callable[[int], list[list[int]]]
COMPLETION = [406, 198, 64, 257, 407, 198, 408, 198, 18, 198, 409, 405]


def eager(folder: Path) -> PreTrainedModel:
    """Load the embedded model anew, for truncation changes it."""
    return load_model(str(folder), "float32", attn_implementation="eager")


def watched(folder: Path) -> PreTrainedModel:
    """Load the embedded model so that its attention tells what tokens receive."""
    return load_model(str(folder), "float32", attn_implementation=attention.NAME)


@pytest.mark.parametrize(("layer", "block"), [("middle", 2), (1, 1), (3, 3), (0.25, 1), (0.99, 3)])
def test_states_and_attention_are_those_of_the_whole_model(
    layer: Any, block: int, embedded: Path, asked: Asked
) -> None:
    prompt = asked(1)[0]
    whole = eager(embedded)
    with torch.inference_mode():
        out = whole(input_ids=torch.tensor([prompt + COMPLETION]), output_hidden_states=True, output_attentions=True)
    (seen,) = look(truncate(watched(embedded), layer), [Tokens(prompt, COMPLETION)])
    torch.testing.assert_close(seen.states, out.hidden_states[block][0, len(prompt) :], rtol=1e-4, atol=1e-4)
    heads = out.attentions[block - 1][0]
    for token in range(len(COMPLETION)):
        column = heads[:, len(prompt) :, len(prompt) + token]
        assert seen.attention[token] == pytest.approx(column.max().item(), abs=1e-5)
    assert seen.states.shape == (len(COMPLETION), whole.config.hidden_size)


def test_later_blocks_are_gone(embedded: Path) -> None:
    assert len(truncate(eager(embedded), "middle").get_decoder().layers) == 2


def test_the_middle_of_one_block_is_that_block() -> None:
    shape = {"vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 1}
    single = Qwen2ForCausalLM(Qwen2Config(**shape, num_hidden_layers=1, num_key_value_heads=1))
    assert len(truncate(single, "middle").get_decoder().layers) == 1


def test_a_layer_that_the_model_has_not_is_named(embedded: Path) -> None:
    with pytest.raises(InputError, match="layer 5 was requested, but the model has 4"):
        truncate(eager(embedded), 5)


def test_a_batch_scores_as_its_solutions_do_alone(embedded: Path, asked: Asked) -> None:
    prompts = asked(3)
    solutions = [Solution(f"s{n}", prompt, COMPLETION[: 12 - 3 * n]) for n, prompt in enumerate(prompts)]
    got = dict(score(str(embedded), solutions, Score(weights="mean", alpha=1e-2)))
    middle = truncate(watched(embedded), "middle")
    for solution in solutions:
        (alone,) = parts(look(middle, [solution.tokens]), 1e-2, "mean")
        assert got[solution.sample_id] == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize(
    ("solution", "told"),
    [
        (Solution("x1", [1], []), "sample x1: a solution without tokens"),
        (Solution("x2", [1], [5] * 1024), "sample x2: 1025 tokens, but the model has 1024 positions"),
    ],
)
def test_a_solution_that_cannot_be_scored_is_named(solution: Solution, told: str, embedded: Path) -> None:
    with pytest.raises(InputError, match=told):
        list(score(str(embedded), [solution], Score()))


def test_a_policy_that_gives_no_numbers_is_reported_with_the_sample(embedded: Path) -> None:
    ruined = watched(embedded)
    ruined.get_decoder().layers[0].mlp.down_proj.weight.data.fill_(torch.nan)
    with pytest.raises(InputError, match="sample x3: hidden states or attention are not finite"):
        Scorer(truncate(ruined, "middle"), Score()).score([Solution("x3", [1], [5, 6])])
