"""Attention that also returns how much each token receives, in query chunks: never tokens x tokens x heads at once."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "hsir-received"
Over = Literal["max", "mean"]
"""Aggregation over the queries."""
CHUNK = 1 << 21
"""Number of attention weights computed at once; more do not fit into a processor's caches."""
CHUNK_GPU = 1 << 27


@dataclass
class Watch:
    """Attached to a block's attention module: the queries that count, and then the attention received.

    `spans` [batch] are (start, end): the tokens of each row whose queries count. `received` [batch, length] is the
    attention that each token receives: the maximum or mean over those queries, of the head that gives most.
    """

    spans: list[tuple[int, int]]
    over: Over = "max"
    received: torch.Tensor | None = None


def watched(
    module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
    attention_mask: torch.Tensor | None, scaling: float | None = None, dropout: float = 0.0, **kwargs: Any,
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """Attend as `sdpa` does; in a module with a `Watch`, also record what every token receives.

    Raises ValueError if the model's attention is not a plain softmax (capped logits, sinks).
    """
    watch = getattr(module, "hsir_watch", None)
    if watch is None:
        found = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, dropout=dropout, **kwargs
        )
        return found[0], None
    odd = [name for name in ("softcap", "s_aux", "position_bias") if kwargs.get(name) is not None]
    if odd:
        raise ValueError(f"attention with {', '.join(odd)} is not a plain softmax, which the weights require")
    scaling = scaling or query.shape[-1] ** -0.5
    out, watch.received = attend(query, key, value, attention_mask, scaling, watch.spans, watch.over)
    return out, None


AttentionInterface.register(NAME, watched)
AttentionMaskInterface.register(NAME, sdpa_mask)


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None,
    scaling: float, spans: list[tuple[int, int]], over: Over = "max",
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Compute attention and what each token receives.

    Shapes: query [b, heads, m, e]; key, value [b, groups, m, e]; mask [b or 1, 1, m, m], true or 0 where a query may
    attend, or None for a causal one. Returns the output [b, m, heads, e] and the attention received [b, m], 0 outside
    the spans' rows. A mean is over the queries from the token on.
    """
    b, heads, m, e = query.shape
    groups = key.shape[1]
    query = query.view(b, groups, heads // groups, m, e)
    out = query.new_empty(b, m, heads, value.shape[-1])
    received = torch.zeros(b, groups, heads // groups, m, device=query.device, dtype=torch.float32)
    places = torch.arange(m, device=query.device)
    counts = torch.stack([(places >= start) & (places < end) for start, end in spans])
    size = max(1, (CHUNK_GPU if query.is_cuda else CHUNK) // (b * heads * m))
    for begin in range(0, m, size):
        end = min(begin + size, m)
        weights = _weights(query[..., begin:end, :], key, mask, scaling, begin, end)
        seen = weights.shape[-1]
        shares = weights.to(value.dtype).view(b, groups, -1, seen)
        chunk = (shares @ value[:, :, :seen]).view(b, heads, end - begin, -1)
        out[:, begin:end] = chunk.transpose(1, 2)
        rows = counts[:, begin:end]
        if rows.any():
            if not rows.all():
                weights = weights * rows[:, None, None, :, None]
            part = received[..., :seen]
            torch.maximum(part, weights.amax(dim=3), out=part) if over == "max" else part.add_(weights.sum(dim=3))
    if over == "mean":
        received /= counts.flip(1).cumsum(1).flip(1).clamp(min=1)[:, None, None, :]
    return out, received.amax(dim=(1, 2))


def _weights(
    query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None, scaling: float, begin: int, end: int
) -> torch.Tensor:
    """Return the float32 attention weights [b, groups, heads per group, queries, keys] of the queries from begin to
    end."""
    b, groups, shared, size, e = query.shape
    seen = end if mask is None else key.shape[2]
    scores = (query.reshape(b, groups, shared * size, e) @ key[:, :, :seen].transpose(2, 3)).float().mul_(scaling)
    scores = scores.view(b, groups, shared, size, seen)
    if mask is None:
        later = torch.ones(size, size, dtype=torch.bool, device=query.device).triu_(1)
        scores[..., begin:].masked_fill_(later, float("-inf"))
    elif mask.dtype == torch.bool:
        scores.masked_fill_(~mask[:, :, None, begin:end, :seen], torch.finfo(scores.dtype).min)
    else:
        scores.add_(mask[:, :, None, begin:end, :seen])
    return torch.softmax(scores, dim=-1)
