"""One batch through a causal language model: greedy, or sampled with noise that no batch mate touches."""

from typing import NamedTuple

import torch
from transformers import DynamicCache, PreTrainedModel

from hsir.sampling.engines.base import Within, unheard
from hsir.sampling.engines.noise import gumbel
from hsir.storage.soundness import check_logits


class Decoding(NamedTuple):
    """How a batch is decoded; temperature 0 is greedy."""

    temperature: float
    max_new_tokens: int
    stop_ids: frozenset[int]


COMPACT_AT = 0.85
"""Finished rows leave the batch once live ones are fewer than this share: leaving copies the cache."""


@torch.inference_mode()
def decode(
    model: PreTrainedModel, prompts: list[list[int]], seeds: list[int], how: Decoding, within: Within = unheard
) -> list[list[int]]:
    """Continue each prompt (token ids) until a stop token, which is kept, or the token limit.

    `within` hears how far it is, a prompt under way counted as if it would go to the token limit.
    """
    device = model.device
    done: list[list[int]] = [[] for _ in prompts]
    ids, mask = _left_padded(prompts, device)
    rows = torch.arange(len(prompts), device=device)
    keys = torch.tensor(seeds, dtype=torch.int64, device=device)
    stops = torch.tensor(sorted(how.stop_ids), device=device)
    live = torch.ones_like(rows, dtype=torch.bool)
    cache, drawn = DynamicCache(), 0
    for position in range(how.max_new_tokens):
        places = (mask.cumsum(1) - 1)[:, -ids.shape[1] :].clamp_min(0)
        out = model(
            input_ids=ids, attention_mask=mask, position_ids=places, past_key_values=cache, use_cache=True,
            logits_to_keep=1,
        )  # fmt: skip
        chosen = _choose(out.logits[:, -1], keys, position, how.temperature)
        check_logits(model.name_or_path, chosen[:, None], out.logits[:, -1], first=position == 0)
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
        ids = chosen[:, None]
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
    return done


def _choose(logits: torch.Tensor, keys: torch.Tensor, position: int, temperature: float) -> torch.Tensor:
    if temperature == 0:
        return logits.argmax(-1)
    noise = gumbel(keys, torch.full_like(keys, position), logits.shape[-1])
    return (logits.double() / temperature + noise).argmax(-1)


def _left_padded(prompts: list[list[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, prompts))
    ids = torch.zeros(len(prompts), width, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    return ids.to(device), mask.to(device)
