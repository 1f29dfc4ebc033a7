"""Preference learning: TRL's DPOTrainer, with the winner's NLL averaged over its own tokens (paper, eq. 2)."""

from typing import Any

import torch
from datasets import Dataset
from trl import DPOTrainer


class PairTrainer(DPOTrainer):  # type: ignore[misc]
    """DPO plus a weighted NLL of the winner: a mean over each winner's tokens, then over pairs.

    TRL's own `sft` loss is a mean over all tokens of the micro-batch, in which long winners weigh more. Rows of the
    data set are token ids already: prompt_ids, chosen_ids, rejected_ids.
    """

    def __init__(self, *args: Any, nll_weight: float, **kwargs: Any) -> None:
        self.nll_weight = nll_weight
        super().__init__(*args, **kwargs)

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    def _compute_loss(self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool) -> Any:
        passed: list[torch.Tensor] = []
        hook = model.register_forward_hook(lambda _, __, out: passed.append(out.log_probs))
        try:
            found = super()._compute_loss(model, inputs, return_outputs)
        finally:
            hook.remove()
        winners = inputs["completion_mask"].chunk(2)[0][:, 1:]
        nll = self.nll_weight * mean_nll(passed[0][:, -winners.shape[1] :].chunk(2)[0], winners)
        return (found[0] + nll, found[1]) if return_outputs else found + nll


def mean_nll(log_probs: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average -log p over each row's own tokens, then over rows; log_probs and mask are [rows, tokens]."""
    return -((log_probs * mask).sum(1) / mask.sum(1)).mean()
