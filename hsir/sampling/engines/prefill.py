"""Prefill the contexts of a batch; a shared beginning is computed once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from transformers import DynamicCache, PreTrainedModel

from hsir.sampling.engines.shared import origins

Contexts = Sequence[Sequence[int]]


class Read(NamedTuple):
    """The prefill of n contexts: their cache, padded on the left to one width w; mask [n, w]; logits [n, vocabulary].

    The logits are those of the first token to be generated.
    """

    cache: DynamicCache
    mask: torch.Tensor
    logits: torch.Tensor


def prefill(model: PreTrainedModel, contexts: Contexts) -> Read:
    """Compute each context (token ids), and no shared beginning twice (`origins`).

    Sources are computed completely. Branches continue from a copy of their source's cache, truncated where they
    diverge, and aligned on the right as if computed alone; so there is no gap between cached and computed tokens.
    """
    found = origins(contexts)
    sources = [n for n, one in enumerate(found) if one.source == n]
    branches = [n for n, one in enumerate(found) if one.source != n and one.kept < len(contexts[n])]
    read = _whole(model, [contexts[n] for n in sources])
    if branches:
        kept = [found[n].kept for n in branches]
        rows = [sources.index(found[n].source) for n in branches]
        branched = _branched(model, read, [contexts[n] for n in branches], rows, kept)
        read = _joined(read, branched)
    places = {n: place for place, n in enumerate([*sources, *branches])}
    order = [places[n if n in places else one.source] for n, one in enumerate(found)]
    return read if order == list(range(len(places))) else _rows(read, order)


def forward(model: PreTrainedModel, ids: torch.Tensor, mask: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
    """Run the model on ids [n, t], the last t columns of the mask [n, w]; returns the logits [n, vocabulary] after the
    last token."""
    places = (mask.cumsum(1) - 1)[:, -ids.shape[1] :].clamp_min(0)
    out = model(
        input_ids=ids, attention_mask=mask, position_ids=places, past_key_values=cache, use_cache=True,
        logits_to_keep=1,
    )  # fmt: skip
    logits: torch.Tensor = out.logits[:, -1]
    return logits


def _whole(model: PreTrainedModel, contexts: Contexts) -> Read:
    cache, (ids, mask) = DynamicCache(), _left_padded(contexts, model.device)
    return Read(cache, mask, forward(model, ids, mask, cache))


def _branched(model: PreTrainedModel, read: Read, contexts: Contexts, rows: list[int], kept: list[int]) -> Read:
    """Continue from the first `kept` tokens of computed rows; the remaining tokens are equally many for all."""
    device, width = model.device, max(kept)
    left = [context[n:] for context, n in zip(contexts, kept, strict=True)]
    row = torch.tensor(rows, device=device)[:, None]
    padding = (read.mask.shape[1] - read.mask.sum(1))[row]
    columns = torch.arange(width, device=device) - width + torch.tensor(kept, device=device)[:, None]
    column = (padding + columns).clamp_min(0)
    cache = DynamicCache()
    for number, layer in enumerate(read.cache.layers):
        if not layer.is_initialized:  # it uses another layer's cache
            continue
        cache.update(layer.keys[row, :, column].transpose(1, 2), layer.values[row, :, column].transpose(1, 2), number)
    ids = torch.tensor(left, device=device)
    mask = torch.cat([(columns >= 0).to(read.mask.dtype), torch.ones_like(ids)], dim=1)
    return Read(cache, mask, forward(model, ids, mask, cache))


def _joined(read: Read, more: Read) -> Read:
    """Concatenate the rows of two prefills; the first is the wider one."""
    missing = read.mask.shape[1] - more.mask.shape[1]
    for layer, other in zip(_layers(read.cache), _layers(more.cache), strict=True):
        for name in ("keys", "values"):
            below = torch.nn.functional.pad(getattr(other, name), (0, 0, missing, 0))
            setattr(layer, name, torch.cat([getattr(layer, name), below]))
            setattr(other, name, None)
    mask = torch.cat([read.mask, torch.nn.functional.pad(more.mask, (missing, 0))])
    return Read(read.cache, mask, torch.cat([read.logits, more.logits]))


def _rows(read: Read, order: list[int]) -> Read:
    index = torch.tensor(order, device=read.mask.device)
    read.cache.batch_select_indices(index)
    return Read(read.cache, read.mask[index], read.logits[index])


def _layers(cache: DynamicCache) -> list[Any]:
    """Return the layers with their own cache; those that use another layer's cache have none."""
    return [layer for layer in cache.layers if layer.is_initialized]


def _left_padded(contexts: Contexts, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, contexts))
    ids = torch.zeros(len(contexts), width, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, context in enumerate(contexts):
        ids[row, width - len(context) :] = torch.tensor(context)
        mask[row, width - len(context) :] = 1
    return ids.to(device), mask.to(device)
