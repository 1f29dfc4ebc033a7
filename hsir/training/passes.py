"""Passes by tokens: the rows of an optimizer step, cut so that a pass computes no more tokens than it may."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import Trainer

Batch = dict[str, torch.Tensor]
"""What a collator made of rows: [rows, tokens] or [rows]; of pairs [2 pairs, tokens], winners first, or [pairs]."""


class ByTokens(Trainer):  # type: ignore[misc]
    """A trainer that is given all rows of a step at once, and takes them in passes of `tokens_per_pass`.

    A mean over a step's tokens is the same whatever the passes. A mean over the rows of a pass is to be multiplied by
    `share`, the part of the step's rows that the pass holds.
    """

    tokens_per_pass: int | None = None
    share = 1.0

    def training_step(self, model: Any, inputs: Batch, num_items_in_batch: torch.Tensor | None = None) -> torch.Tensor:
        """Compute the gradient of a batch, in as many passes as it takes; give its loss."""
        if self.tokens_per_pass is None:
            loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
            return loss
        losses: list[torch.Tensor] = []
        for one, share in parts(inputs, self.tokens_per_pass):
            self.share = share
            losses.append(super().training_step(model, one, num_items_in_batch))
        return torch.stack(losses).sum()


def parts(batch: Batch, budget: int) -> Iterator[tuple[Batch, float]]:
    """Cut a batch into passes without the padding that they do not need; yield each with its share of the rows.

    A pair counts as two rows as long as the longer of both.
    """
    texts = 2 if "completion_mask" in batch else 1
    lengths = batch["attention_mask"].sum(1).view(texts, -1).amax(0).tolist()
    for rows in cut(lengths, budget // texts):
        width = max(lengths[rows])
        one = {
            name: each.view(texts, -1, each.shape[1])[:, rows, :width].flatten(0, 1) if each.dim() == 2 else each[rows]
            for name, each in batch.items()
        }
        yield one, (rows.stop - rows.start) / len(lengths)


def cut(lengths: Sequence[int], budget: int) -> list[slice]:
    """Cut rows, in their order, into passes of at most `budget` tokens, padding included; a longer row is one alone."""
    found: list[slice] = []
    first = longest = 0
    for n, length in enumerate(lengths):
        longest = max(longest, length)
        if n > first and longest * (n + 1 - first) > budget:
            found.append(slice(first, n))
            first, longest = n, length
    return [*found, slice(first, len(lengths))] if lengths else []
