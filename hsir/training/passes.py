"""Passes by tokens: the rows of an optimizer step are cut so that each forward pass stays within a token limit."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import Trainer

Batch = dict[str, torch.Tensor]
"""Collated rows: tensors of [rows, tokens] or [rows]; for pairs [2 * pairs, tokens], winners first, or [pairs]."""


class ByTokens(Trainer):  # type: ignore[misc]
    """A trainer whose batch is a whole optimizer step, which it cuts into passes of at most `tokens_per_pass`.

    A loss that is divided by the step's tokens does not depend on the passes. A loss that is a mean over the rows of a
    pass must be multiplied by `share`, the pass's share of the step's rows.
    """

    tokens_per_pass: int | None = None
    share = 1.0

    def training_step(self, model: Any, inputs: Batch, num_items_in_batch: torch.Tensor | None = None) -> torch.Tensor:
        """Add the gradient of a batch, computed in passes, and return its loss."""
        if self.tokens_per_pass is None:
            loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
            return loss
        losses: list[torch.Tensor] = []
        for one, share in parts(inputs, self.tokens_per_pass):
            self.share = share
            losses.append(super().training_step(model, one, num_items_in_batch))
        return torch.stack(losses).sum()


def parts(batch: Batch, budget: int) -> Iterator[tuple[Batch, float]]:
    """Cut a batch into passes, each padded only to its own longest row; yield each with its share of the rows.

    A pair counts as two rows with the length of its longer text.
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
    """Group consecutive rows into passes of at most `budget` tokens, with padding; a longer row gets its own pass."""
    found: list[slice] = []
    first = longest = 0
    for n, length in enumerate(lengths):
        longest = max(longest, length)
        if n > first and longest * (n + 1 - first) > budget:
            found.append(slice(first, n))
            first, longest = n, length
    return [*found, slice(first, len(lengths))] if lengths else []
