"""Shared beginnings of contexts are computed once, without changing any text."""

import random
from collections.abc import Callable

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from hsir.sampling.engines.base import Prompt, alike, batches, prefilled, share
from hsir.sampling.engines.decode import Decoding, decode
from hsir.sampling.engines.prefill import prefill
from hsir.sampling.engines.seeds import sample_seed
from hsir.sampling.engines.shared import Origin, origins
from hsir.sampling.engines.transformers import TransformersRunner
from hsir.storage import ledger
from hsir.storage.models import stop_ids

Asked = Callable[[int], list[list[int]]]
TRACE = list(range(10, 50))


def test_a_context_that_occurs_again_is_kept_completely() -> None:
    assert origins([[1, 2], [3, 4, 5], [1, 2], [3, 4, 5]]) == [Origin(0, 0), Origin(1, 0), Origin(0, 2), Origin(1, 3)]


def test_prefixes_of_a_trace_continue_from_the_longest() -> None:
    contexts = [[*TRACE[:n], 1, 2] for n in (20, 30, 40)]
    assert origins(contexts) == [Origin(2, 20), Origin(2, 30), Origin(2, 0)]


def test_at_least_one_token_is_computed_and_equally_many_for_all() -> None:
    assert origins([TRACE[:30], TRACE]) == [Origin(1, 29), Origin(1, 0)]
    assert origins([TRACE[:30], [*TRACE[:20], 1, 2, 3], TRACE]) == [Origin(2, 27), Origin(2, 20), Origin(2, 0)]


def test_a_branch_that_would_make_all_others_compute_more_is_read_completely() -> None:
    short = [[*TRACE[:n], 1] for n in range(25, 39)]
    apart = [*TRACE[:20], *range(100, 118)]
    found = origins([*short, apart, TRACE])
    assert found[-2:] == [Origin(14, 0), Origin(15, 0)]
    assert found[:-2] == [Origin(15, n) for n in range(25, 39)]


def test_what_shares_less_than_half_is_not_joined() -> None:
    assert origins([[*TRACE[:9], *range(100, 111)], TRACE]) == [Origin(0, 0), Origin(1, 0)]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_kept_is_always_what_the_source_has(seed: int) -> None:
    draw = random.Random(seed)
    trunks = [[draw.randrange(3) for _ in range(40)] for _ in range(3)]
    contexts = [
        draw.choice(trunks)[: draw.randrange(1, 40)] + [draw.randrange(3)] * draw.randrange(3) for _ in range(30)
    ]
    found = origins(contexts)
    for context, one in zip(contexts, found, strict=True):
        assert context[: one.kept] == contexts[one.source][: one.kept]
    fresh = {len(c) - one.kept for n, (c, one) in enumerate(zip(contexts, found, strict=True)) if one.source != n}
    assert len(fresh - {0}) <= 1
    again = [n for n, one in enumerate(found) if one.kept == len(contexts[n])]
    assert len({tuple(c) for c in contexts}) == len(contexts) - len(again)


def test_logits_and_cache_are_those_of_reading_each_context_alone(policy: PreTrainedModel, asked: Asked) -> None:
    long, other = asked(2)
    contexts = [[*long[:n], 7, 8] for n in (12, 20)] + [long, other, long]
    with torch.inference_mode():
        read = prefill(policy, contexts)
        for row, context in enumerate(contexts):
            alone = prefill(policy, [context])
            torch.testing.assert_close(read.logits[row], alone.logits[0], rtol=0, atol=1e-4)
            assert read.mask[row].tolist() == [0] * (len(read.mask[0]) - len(context)) + [1] * len(context)
            for ours, theirs in zip(read.cache.layers, alone.cache.layers, strict=True):
                kept = ours.keys[row, :, -len(context) :], ours.values[row, :, -len(context) :]
                torch.testing.assert_close(kept, (theirs.keys[0], theirs.values[0]), rtol=0, atol=1e-4)


def test_a_sliding_window_is_as_wide_as_for_each_context_alone() -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_key_value_heads": 1}
    config = MistralConfig(vocab_size=60, num_hidden_layers=2, sliding_window=6, head_dim=8, **sizes)
    model = MistralForCausalLM(config).eval()
    contexts = [[*TRACE[:n], 1, 2] for n in (20, 30, 40)]
    with torch.inference_mode():
        read = prefill(model, contexts)
        alone = torch.cat([prefill(model, [context]).logits for context in contexts])
    torch.testing.assert_close(read.logits, alone, rtol=0, atol=1e-5)
    seeds, how = [3, 4, 5], Decoding(1.0, 12, frozenset([59]))
    assert decode(model, contexts, seeds, how) == [
        decode(model, [context], [seed], how)[0] for context, seed in zip(contexts, seeds, strict=True)
    ]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_texts_are_those_of_each_context_alone(
    temperature: float, policy: PreTrainedModel, encoder: PreTrainedTokenizerBase, asked: Asked
) -> None:
    (prompt,) = asked(1)
    how = Decoding(temperature, 60, stop_ids(policy, encoder))
    (trace,) = decode(policy, [prompt], [0], how)
    contexts = [[*prompt, *trace[:n], *encoder("\n\n</think>\n<answer>\n")["input_ids"]] for n in (5, 20, 40)]
    contexts = [*contexts, prompt, prompt, contexts[1]]
    seeds = [sample_seed(0, "q", n) for n in range(6)]
    assert decode(policy, contexts, seeds, how) == [
        decode(policy, [context], [seed], how)[0] for context, seed in zip(contexts, seeds, strict=True)
    ]


def test_an_engine_counts_what_it_computed_and_what_it_had(
    policy: PreTrainedModel, encoder: PreTrainedTokenizerBase, asked: Asked
) -> None:
    (prompt,) = asked(1)
    batch = [Prompt(f"q-{n}", "q", prompt, n) for n in range(4)]
    done = TransformersRunner(policy, encoder, 1.0, 5).complete(batch)
    took = prefilled(done)
    assert took == {"prefill_tokens": len(prompt), "cached_tokens": 3 * len(prompt)}
    rows = [
        {"prompt_ids": prompt, "n_tokens": len(one.completion_ids), "n_generated": len(one.completion_ids)}
        for one in done
    ]
    entry = ledger.pool(rows, [took])
    assert (entry["prefill_tokens"], entry["cached_tokens"]) == (len(prompt), 3 * len(prompt))
    unsaid = ledger.pool(rows, [{}])
    assert (unsaid["prefill_tokens"], unsaid["cached_tokens"]) == (4 * len(prompt), 0)


def of_question(question: str, number: int, length: int, parent: str | None = None) -> Prompt:
    """Make a prompt of so many tokens."""
    return Prompt(f"{question}-{number}", question, [1] * length, 0, parent_id=parent)


def test_samples_of_a_question_share_a_batch_and_a_shard() -> None:
    prompts = [of_question(f"q{q}", n, 5 + q) for n in range(10) for q in range(9)]
    for batch in batches(prompts, 32):
        assert len(batch) == 30 and all(len(group) == 10 for group in alike(batch))
    shards = [share(prompts, n, 2) for n in range(2)]
    assert sorted(one.sample_id for shard in shards for one in shard) == sorted(one.sample_id for one in prompts)
    assert not {one.question_id for one in shards[0]} & {one.question_id for one in shards[1]}


def test_batches_are_filled_where_groups_are_large() -> None:
    prompts = [of_question(f"q{q}", n, 5) for q in range(4) for n in range(20)]
    assert [len(batch) for batch in batches(prompts, 32)] == [32, 28, 20]
    assert [len(batch) for batch in batches(prompts[:20], 8)] == [8, 8, 4]


def test_probes_of_a_trace_stay_together_the_longest_first() -> None:
    prompts = [of_question("q", 10 * trace + n, 10 * n + trace, f"t{trace}") for n in (1, 3, 2) for trace in range(2)]
    (batch,) = batches(prompts, 8)
    assert [len(prompt.prompt_ids) for prompt in batch] == [30, 20, 10, 31, 21, 11]
