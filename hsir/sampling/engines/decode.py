"""Decode one batch with a causal language model: greedy, or sampled with noise that does not depend on the batch."""

from typing import NamedTuple

import torch
from transformers import PreTrainedModel

from hsir.sampling.engines.base import Within, unheard
from hsir.sampling.engines.noise import gumbel
from hsir.sampling.engines.prefill import forward, prefill
from hsir.storage.soundness import check_logits


class Decoding(NamedTuple):
    """How a batch is decoded; temperature 0 is greedy, top_p 1 samples from all tokens."""

    temperature: float
    max_new_tokens: int
    stop_ids: frozenset[int]
    top_p: float = 1.0


COMPACT_AT = 0.85
"""Finished rows are removed once the share of live ones falls below this: removal copies the cache."""


@torch.inference_mode()
def decode(
    model: PreTrainedModel, prompts: list[list[int]], seeds: list[int], how: Decoding, within: Within = unheard
) -> list[list[int]]:
    """Continue each prompt (token ids) until a stop token, which is kept, or the token limit.

    `within` receives the progress; an unfinished prompt counts as if it would reach the token limit.
    """
    device = model.device
    done: list[list[int]] = [[] for _ in prompts]
    rows = torch.arange(len(prompts), device=device)
    keys = torch.tensor(seeds, dtype=torch.int64, device=device)
    stops = torch.tensor(sorted(how.stop_ids), device=device)
    live = torch.ones_like(rows, dtype=torch.bool)
    cache, mask, logits = prefill(model, prompts)
    chosen, drawn = rows, 0
    for position in range(how.max_new_tokens):
        if position:
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
            logits = forward(model, chosen[:, None], mask, cache)
        chosen = _choose(logits, keys, position, how)
        check_logits(model.name_or_path, chosen[:, None], logits, first=position == 0)
        drawing = rows[live].tolist()
        for row, token in zip(drawing, chosen[live].tolist(), strict=True):
            done[row].append(token)
        drawn += len(drawing)
        within(len(prompts) - len(drawing) * (1 - (position + 1) / how.max_new_tokens), drawn)
        live &= ~torch.isin(chosen, stops)
        if not live.any():
            break
        if live.sum() <= COMPACT_AT * len(live):
            cache.batch_select_indices(live.nonzero().squeeze(1))
            rows, keys, mask, chosen, live = rows[live], keys[live], mask[live], chosen[live], live[live]
    return done


def _choose(logits: torch.Tensor, keys: torch.Tensor, position: int, how: Decoding) -> torch.Tensor:
    if how.temperature == 0:
        return logits.argmax(-1)
    noise = gumbel(keys, torch.full_like(keys, position), logits.shape[-1])
    scaled = logits.double() / how.temperature
    return ((nucleus(scaled, how.top_p) if how.top_p < 1 else scaled) + noise).argmax(-1)


def nucleus(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """Set all logits [rows, tokens] to -inf but those of the fewest tokens with a probability of at least `top_p`.

    Source: Holtzman et al., arXiv 1904.09751.
    """
    ordered, places = logits.sort(dim=-1, descending=True, stable=True)
    share = ordered.softmax(-1)
    before = share.cumsum(-1) - share  # the first token is always kept
    outside = torch.empty_like(before, dtype=torch.bool).scatter_(-1, places, before >= top_p)
    return logits.masked_fill(outside, -torch.inf)
