"""Supervised fine-tuning: TRL's SFTTrainer, with a plain cross-entropy on the CPU."""

from typing import Any

import torch
from torch.nn.functional import cross_entropy, pad
from trl import SFTTrainer

from hsir.training.passes import ByTokens


class SolutionTrainer(ByTokens, SFTTrainer):  # type: ignore[misc]
    """SFT on rows that are token ids already: the NLL of their labels, a mean over the tokens of a step.

    TRL's head saves a GPU the memory of the logits, and pays for it by computing them twice, beside an entropy and an
    accuracy. On the CPU that is a fifth of a small model's time, so they are computed once. The model is not told of
    the padding there: that stands on the right, where a causal model never looks, and a mask makes attention slower.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = True  # else the tokens of a step are not counted for some models

    def compute_loss(
        self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> Any:  # fmt: skip
        # TRL adds the balance of a mixture of experts.
        if self.args.device.type != "cpu" or self.aux_loss_enabled or num_items_in_batch is None:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        logits = model(input_ids=inputs["input_ids"], use_cache=False).logits
        labels = pad(inputs["labels"][:, 1:], (0, 1), value=-100)
        nll = cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), reduction="sum")
        # Gradients are averaged over processes, and the tokens are those of all of them.
        return nll / num_items_in_batch.clamp(min=1) * self.accelerator.num_processes
