"""Supervised fine-tuning: TRL's SFTTrainer, with the model's own cross-entropy on the CPU."""

from typing import Any

import torch
from trl import SFTTrainer

from hsir.training.passes import ByTokens


class SolutionTrainer(ByTokens, SFTTrainer):  # type: ignore[misc]
    """SFT on rows that are token ids already: the NLL of their labels, a mean over the tokens of a step.

    TRL's head saves a GPU the memory of the logits, and pays for it by computing them twice, beside an entropy and an
    accuracy. On the CPU that is a fifth of a small model's time, so the model computes them once. It is not told of the
    padding there: that stands on the right, where a causal model never looks, and a mask makes attention slower.
    """

    def compute_loss(
        self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> Any:  # fmt: skip
        # The model's own loss adds the balance of a mixture of experts once a pass, TRL's once a step.
        if self.args.device.type != "cpu" or self.aux_loss_enabled:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        texts = {"input_ids": inputs["input_ids"], "labels": inputs["labels"], "use_cache": False}
        return super(SFTTrainer, self).compute_loss(model, texts, return_outputs, num_items_in_batch)
