"""States and received attention of every architecture in the paper, compared with full eager attention outputs."""

from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)  # fmt: skip

from hsir.diversity.indiv import attention
from hsir.diversity.indiv.logdet import parts
from hsir.diversity.indiv.states import Seen, Tokens, look, truncate
from hsir.errors import InputError

SHAPE = {
    "vocab_size": 64, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4,
    "max_position_embeddings": 256, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
FAMILIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "qwen2": (Qwen2Config, {"num_key_value_heads": 2}),
    "qwen2-sliding": (
        Qwen2Config, {"num_key_value_heads": 2, "use_sliding_window": True, "sliding_window": 9, "max_window_layers": 1}
    ),
    "qwen3": (Qwen3Config, {"num_key_value_heads": 1, "head_dim": 32}),
    "phi3": (Phi3Config, {"num_key_value_heads": 4}),
    "phi3-sliding": (Phi3Config, {"num_key_value_heads": 2, "sliding_window": 11}),
    "mistral": (MistralConfig, {"num_key_value_heads": 2, "sliding_window": None}),
    "mistral-sliding": (MistralConfig, {"num_key_value_heads": 2, "sliding_window": 7}),
    "llama": (LlamaConfig, {"num_key_value_heads": 4}),
}  # fmt: skip
SHAPES = [(3, 40), (1, 5), (20, 1), (0, 33), (7, 17)]


@pytest.fixture(params=FAMILIES)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    """A random model of each family."""
    config, more = FAMILIES[request.param]
    torch.manual_seed(0)
    made: PreTrainedModel = AutoModelForCausalLM.from_config(config(**SHAPE, **more)).eval()
    for block in made.get_decoder().layers:  # attention that is far from uniform
        for weight in block.self_attn.parameters():
            weight.data.mul_(6)
    return made


def batch() -> list[Tokens]:
    """Prompts and solutions of many lengths, down to no prompt and one token."""
    drawn = torch.Generator().manual_seed(1)
    return [Tokens(*(torch.randint(3, 64, (n,), generator=drawn).tolist() for n in shape)) for shape in SHAPES]


@torch.inference_mode()
def oracle(model: PreTrainedModel, row: Tokens, block: int) -> Seen:
    """Run one row alone through the whole model with eager attention, everything put out."""
    model.set_attn_implementation("eager")
    ids = torch.tensor([[*row.prompt_ids, *row.completion_ids]])
    out = model(input_ids=ids, output_hidden_states=True, output_attentions=True, use_cache=False)
    start, end = row.span
    received = out.attentions[block - 1][0, :, start:end, start:end].amax(dim=(0, 1))
    return Seen(out.hidden_states[block][0, start:end], received, start == 0)


def compare(got: Seen, wanted: Seen) -> None:
    torch.testing.assert_close(got.states, wanted.states, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(got.attention, wanted.attention, rtol=0, atol=1e-5)
    assert got.sink == wanted.sink


@pytest.mark.parametrize("chunk", [1 << 22, 1500])
def test_a_padded_batch_is_seen_as_each_row_alone_is(
    model: PreTrainedModel, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "CHUNK", chunk)
    rows = batch()
    wanted = [oracle(model, row, 2) for row in rows]
    model.set_attn_implementation(attention.NAME)
    for got, one in zip(look(truncate(model, "middle"), rows), wanted, strict=True):
        compare(got, one)


def test_a_batch_of_one(model: PreTrainedModel) -> None:
    row = batch()[0]
    wanted = oracle(model, row, 3)
    model.set_attn_implementation(attention.NAME)
    compare(look(truncate(model, 3), [row])[0], wanted)


def test_only_the_part_that_is_asked_for_counts(model: PreTrainedModel) -> None:
    row = batch()[0]._replace(start=4, end=21)
    wanted = oracle(model, row, 2)
    model.set_attn_implementation(attention.NAME)
    compare(look(truncate(model, 2), [row])[0], wanted)


def test_a_mask_on_the_left_changes_nothing() -> None:
    """Padded on the left, the rows need a mask, and the attention function goes by it."""
    drawn = torch.Generator().manual_seed(2)
    b, heads, groups, m, e = 2, 4, 2, 24, 8
    query, key, value = (torch.randn(b, n, m, e, generator=drawn) for n in (heads, groups, groups))
    alone, maxima = attention.attend(query[:, :, 6:], key[:, :, 6:], value[:, :, 6:], None, 0.3, [(2, m - 6)] * b)
    places = torch.arange(m)
    mask = ((places[:, None] >= places) & (places >= 6)).expand(b, 1, m, m)
    padded, received = attention.attend(query, key, value, mask, 0.3, [(8, m)] * b)
    torch.testing.assert_close(padded[:, 6:], alone)
    torch.testing.assert_close(received[:, 6:], maxima)
    added = torch.zeros(b, 1, m, m).masked_fill(~mask, torch.finfo(torch.float32).min)
    torch.testing.assert_close(attention.attend(query, key, value, added, 0.3, [(8, m)] * b)[1], received)


def test_what_a_token_receives_may_be_the_mean_over_the_queries_from_it_on() -> None:
    drawn = torch.Generator().manual_seed(4)
    b, heads, groups, m, e = 2, 4, 2, 12, 8
    query, key, value = (torch.randn(b, n, m, e, generator=drawn) for n in (heads, groups, groups))
    scores = query @ key.repeat_interleave(heads // groups, 1).transpose(2, 3) * 0.3
    weights = scores.masked_fill(~torch.ones(m, m, dtype=torch.bool).tril(), float("-inf")).softmax(-1)
    wanted = torch.stack([weights[:, :, max(t, 3) : 10, t].mean(-1).amax(-1) for t in range(10)], -1)
    received = attention.attend(query, key, value, None, 0.3, [(3, 10)] * b, "mean")[1]
    torch.testing.assert_close(received[:, :10], wanted)


def test_a_first_token_without_prompt_is_a_sink_and_sets_no_scale() -> None:
    states = torch.randn(5, 16, generator=torch.Generator().manual_seed(3))
    received = torch.tensor([0.99, 0.2, 0.4, 0.1, 0.3])
    (sink,) = parts([Seen(states, received, sink=True)], 1e-3)
    (clamped,) = parts([Seen(states, received.clamp(max=0.4), sink=False)], 1e-3)
    (plain,) = parts([Seen(states, received, sink=False)], 1e-3)
    assert sink == clamped
    assert sink.indiv > plain.indiv


def test_attention_that_is_not_a_plain_softmax_is_rejected() -> None:
    module = torch.nn.Module()
    module.hsir_watch = attention.Watch([(0, 1)])  # type: ignore[assignment]
    one = torch.ones(1, 1, 1, 4)
    with pytest.raises(ValueError, match="softcap"):
        attention.watched(module, one, one, one, None, softcap=30.0)


def test_a_model_whose_attention_is_its_own_is_reported(model: PreTrainedModel) -> None:
    model.set_attn_implementation("sdpa")
    with pytest.raises(InputError, match=r"AttentionInterface.*weights: none"):
        look(truncate(model, "middle"), batch())
    (seen, *_) = look(truncate(model, "middle"), batch(), watching=False)
    assert seen.attention.eq(1).all()


def test_half_precision_ranks_as_single_does(model: PreTrainedModel) -> None:
    drawn = torch.Generator().manual_seed(4)
    rows = [Tokens([5], torch.randint(3, 3 + span, (60,), generator=drawn).tolist()) for span in (2, 4, 8, 16, 32, 60)]
    model.set_attn_implementation(attention.NAME)
    half = truncate(model, "middle")
    single = [one.indiv for one in parts(look(half, rows), 1e-3)]
    low = [one.indiv for one in parts(look(half.to(torch.bfloat16), rows), 1e-3)]
    order = torch.tensor(single).argsort().tolist()
    assert order == torch.tensor(low).argsort().tolist()
