"""Supervised fine-tuning: TRL's SFTTrainer, with a plain cross-entropy on the CPU."""

from typing import Any

import torch
from torch.nn.functional import cross_entropy, pad
from trl import SFTTrainer

from hsir.training.passes import ByTokens


class SolutionTrainer(ByTokens, SFTTrainer):  # type: ignore[misc]
    """SFT on rows of token ids: the NLL of their labels, averaged over the tokens of a step.

    TRL's head saves GPU memory by never keeping the logits. In return it computes them twice, plus entropy and accuracy
    metrics. On the CPU that costs a fifth of the time of a small model, so this class computes them once there. It also
    omits the attention mask: padding is on the right, which a causal model never attends to, and a mask slows
    attention.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = True  # otherwise some models get a mean per pass

    def compute_loss(
        self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> Any:  # fmt: skip
        # Mixtures of experts need TRL's balancing loss.
        if self.args.device.type != "cpu" or self.aux_loss_enabled or num_items_in_batch is None:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        logits = model(input_ids=inputs["input_ids"], use_cache=False).logits
        labels = pad(inputs["labels"][:, 1:], (0, 1), value=-100)
        nll = cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), reduction="sum")
        # Gradients are averaged over processes, but the token count is their sum.
        return nll / num_items_in_batch.clamp(min=1) * self.accelerator.num_processes
