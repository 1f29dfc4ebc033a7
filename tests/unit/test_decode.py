"""Decoding: no sample touches another, greedy is greedy, and sampling follows the model's own distribution."""

from collections.abc import Callable

import pytest
import torch
from scipy import stats
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from hsir.sampling.engines.base import Prompt, batches
from hsir.sampling.engines.decode import Decoding, decode, nucleus
from hsir.sampling.engines.noise import gumbel
from hsir.sampling.engines.seeds import sample_seed
from hsir.sampling.engines.transformers import TransformersRunner
from hsir.storage.models import stop_ids

Asked = Callable[[int], list[list[int]]]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_sample_is_the_same_alone_and_in_any_batch(
    temperature: float, policy: PreTrainedModel, encoder: PreTrainedTokenizerBase, asked: Asked
) -> None:
    """The prompts differ in length, and the completions too, so that finished rows leave the batch."""
    prompts, seeds = asked(5), [sample_seed(0, f"q{n}", n) for n in range(5)]
    how = Decoding(temperature, 110, stop_ids(policy, encoder))
    together = decode(policy, prompts, seeds, how)
    assert len({len(ids) for ids in together}) > 2
    assert min(map(len, together)) < 110
    assert [decode(policy, [prompt], [seed], how)[0] for prompt, seed in zip(prompts, seeds, strict=True)] == together
    assert decode(policy, prompts[::-1], seeds[::-1], how) == together[::-1]


def test_the_progress_of_a_batch_is_reported_at_every_token(
    policy: PreTrainedModel, encoder: PreTrainedTokenizerBase, asked: Asked
) -> None:
    heard: list[tuple[float, int]] = []
    how = Decoding(0.0, 110, stop_ids(policy, encoder))
    drawn = decode(policy, asked(5), [0] * 5, how, lambda share, tokens: heard.append((share, tokens)))
    shares, tokens = zip(*heard, strict=True)
    assert len(heard) == max(map(len, drawn)) and tokens[-1] == sum(map(len, drawn))
    assert list(shares) == sorted(shares) and shares[0] == pytest.approx(5 / 110) and 4 < shares[-1] <= 5
    assert drawn == decode(policy, asked(5), [0] * 5, how)


def test_greedy_is_what_transformers_generates(
    policy: PreTrainedModel, encoder: PreTrainedTokenizerBase, asked: Asked
) -> None:
    prompts = asked(7)
    ours = decode(policy, prompts, [0] * 7, Decoding(0.0, 60, stop_ids(policy, encoder)))
    for prompt, ids in zip(prompts, ours, strict=True):
        theirs = policy.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=60)
        assert ids == theirs[0, len(prompt) :].tolist()


def test_the_first_token_is_drawn_from_the_models_softmax(
    policy: PreTrainedModel, encoder: PreTrainedTokenizerBase
) -> None:
    prompt, draws = encoder("is 3.\n\n")["input_ids"], 4000
    with torch.inference_mode():
        chances = (policy(torch.tensor([prompt])).logits[0, -1].double() / 1.5).softmax(-1)
    seeds = [sample_seed(0, "q", n) for n in range(draws)]
    drawn = torch.tensor(decode(policy, [prompt] * draws, seeds, Decoding(1.5, 1, frozenset([0]))))[:, 0]
    seen, wanted = torch.bincount(drawn, minlength=len(chances)).double(), draws * chances
    common = wanted >= 5
    bins = [torch.cat([x[common], x[~common].sum()[None]]).numpy() for x in (seen, wanted)]
    assert common.sum() >= 4
    assert stats.chisquare(*bins).pvalue > 1e-3


def test_decoding_ends_with_a_stop_token_that_is_kept_or_at_the_limit(
    policy: PreTrainedModel, encoder: PreTrainedTokenizerBase, asked: Asked
) -> None:
    whole = decode(policy, asked(1), [0], Decoding(0.0, 300, stop_ids(policy, encoder)))[0]
    assert whole[-1] == encoder.eos_token_id
    assert encoder.eos_token_id not in whole[:-1]
    short = decode(policy, asked(1), [0], Decoding(0.0, 20, stop_ids(policy, encoder)))[0]
    assert short == whole[:20]
    other = whole[len(whole) // 2]
    assert decode(policy, asked(1), [0], Decoding(0.0, 300, frozenset([other])))[0] == whole[: whole.index(other) + 1]


def test_stop_tokens_are_the_tokenizers_and_the_generation_configs(
    policy: PreTrainedModel, encoder: PreTrainedTokenizerBase
) -> None:
    assert stop_ids(policy, encoder) == {encoder.eos_token_id}


def test_the_engine_shows_texts_and_why_they_end(
    policy: PreTrainedModel, encoder: PreTrainedTokenizerBase, asked: Asked
) -> None:
    def complete(limit: int, prefix: list[int]) -> tuple[list[int], str, str]:
        prompt = Prompt("q-0", "q", asked(1)[0], 0, prefix)
        (done,) = TransformersRunner(policy, encoder, 0.0, limit).complete([prompt])
        assert done.prompt is prompt
        return done.completion_ids, done.text, done.finish

    ids, text, finish = complete(300, [])
    assert (finish, ids[-1], text) == ("stop", encoder.eos_token_id, encoder.decode(ids[:-1]))
    assert text.startswith("<think>\n")
    assert text.endswith("</answer>")
    assert complete(10, []) == (ids[:10], encoder.decode(ids[:10]), "length")
    assert complete(300, ids[:10]) == (ids, text, "stop")


def prompt_of(name: str, length: int, prefix: int = 0) -> Prompt:
    """Make a prompt of so many tokens."""
    return Prompt(name, f"q{name}", [1] * length, 0, [1] * prefix)


def test_batches_are_of_like_lengths_and_always_the_same() -> None:
    prompts = [prompt_of("d", 9), prompt_of("b", 2), prompt_of("c", 2, 3), prompt_of("a", 2), prompt_of("e", 4)]
    wanted = [["a", "b"], ["e", "c"], ["d"]]
    for given in (prompts, prompts[::-1]):
        assert [[p.sample_id for p in batch] for batch in batches(given, 2)] == wanted
    assert list(batches([], 2)) == []


def test_every_token_is_the_argmax_of_the_models_logits_and_its_own_noise(
    policy: PreTrainedModel, asked: Asked
) -> None:
    """Checked without cache, padding or batch: one pass over the whole text."""
    prompts, seeds = asked(3), [sample_seed(0, f"q{n}", 0) for n in range(3)]
    drawn = decode(policy, prompts, seeds, Decoding(1.5, 40, frozenset([0])))
    for prompt, seed, ids in zip(prompts, seeds, drawn, strict=True):
        with torch.inference_mode():
            logits = policy(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1].double() / 1.5
        noise = gumbel(torch.full((len(ids),), seed), torch.arange(len(ids)), logits.shape[1])
        assert ids == (logits + noise).argmax(-1).tolist()


def test_a_nucleus_holds_the_fewest_tokens_with_that_probability() -> None:
    chances = torch.tensor([[0.1, 0.4, 0.2, 0.3], [0.97, 0.01, 0.01, 0.01], [0.25] * 4], dtype=torch.float64)
    kept = [nucleus(chances.log(), top_p).isfinite().tolist() for top_p in (0.69, 0.71, 1e-9)]
    assert [rows[0] for rows in kept] == [[False, True, False, True], [False, True, True, True], [0, 1, 0, 0]]
    assert all(rows[1] == [True, False, False, False] for rows in kept)
    assert [sum(rows[2]) for rows in kept] == [3, 3, 1], "of equal tokens, the first ones"
    assert torch.equal(nucleus(chances.log(), 0.71)[0, 1:], chances.log()[0, 1:])


def test_tokens_outside_the_nucleus_are_never_drawn(policy: PreTrainedModel, encoder: PreTrainedTokenizerBase) -> None:
    prompt, draws = encoder("is 3.\n\n")["input_ids"], 500
    with torch.inference_mode():
        inside = nucleus(policy(torch.tensor([prompt])).logits[0, -1].double()[None] / 1.5, 0.9).isfinite()[0]
    seeds = [sample_seed(0, "q", n) for n in range(draws)]
    drawn, every = (
        torch.tensor(decode(policy, [prompt] * draws, seeds, Decoding(1.5, 1, frozenset([0]), top_p)))[:, 0]
        for top_p in (0.9, 1.0)
    )
    assert inside[drawn].all() and not inside[every].all()
    assert torch.equal(drawn[inside[every]], every[inside[every]]), "the same noise, where the token is in the nucleus"
