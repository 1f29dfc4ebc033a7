"""Attention for decoding one token per row, without copying keys and values for every query head."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "hsir-grouped"


def attend(
    module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
    attention_mask: torch.Tensor | None, scaling: float | None = None, **how: Any,
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """Attend as `sdpa` does; with one query per head, the heads that share keys become rows of one query.

    Shapes: query [b, heads, m, e]; key, value [b, groups, n, e]; the mask [b or 1, 1, m, n] or None; returns [b, m,
    heads, e].
    """
    (b, heads, m, e), groups = query.shape, key.shape[1]
    plain = attention_mask is None or attention_mask.shape[1:3] == (1, 1)
    if m > 1 or heads == groups or not plain or how.get("position_bias") is not None:
        found = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **how)
        return found[0], None
    rows = query.reshape(b, groups, heads // groups, e)
    out = scaled_dot_product_attention(rows, key, value, attn_mask=attention_mask, scale=scaling)
    return out.reshape(b, 1, heads, -1), None


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)


@contextmanager
def grouped(model: PreTrainedModel) -> Iterator[None]:
    """Switch a model from `sdpa` to this attention, including adapters; models with another attention are unchanged."""
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    own = whole.config._attn_implementation
    if own != "sdpa":
        yield
        return
    whole.set_attn_implementation(NAME)
    try:
        yield
    finally:
        whole.set_attn_implementation(own)
