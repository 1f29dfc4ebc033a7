"""Preference learning: TRL's DPOTrainer, with the winner's NLL averaged over its own tokens (paper, eq. 2)."""

import math
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from datasets import Dataset
from trl import DPOTrainer

from hsir.storage.tables import Row
from hsir.training.passes import ByTokens


class PairTrainer(ByTokens, DPOTrainer):  # type: ignore[misc]
    """DPO plus a weighted NLL of the winner: a mean over each winner's tokens, then over pairs.

    TRL's own `sft` loss is a mean over all tokens of the micro-batch, which gives long winners more weight. Rows of the
    data set are already token ids: prompt_ids, chosen_ids, rejected_ids.
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
        unweighted = mean_nll(passed[0][:, -winners.shape[1] :].chunk(2)[0], winners)
        of_all = self.accelerator.gather(unweighted.detach()).mean().item()
        self._metrics["train" if self.model.training else "eval"]["nll"].append(of_all)
        nll = self.nll_weight * unweighted
        real = winners.any(1)
        if return_outputs:
            return self._over_all(found[0] + nll, real), found[1]
        return self._over_all(found + nll, real)

    def _over_all(self, loss: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Convert a mean over a pass's pairs into its share of the mean over the real pairs of all processes.

        `real` is [pairs]: false for pairs that fill up an epoch; each adds log 2 to the sum, and no gradient.
        """
        processes: int = self.accelerator.num_processes
        if processes == 1:
            return loss * self.share
        of_all: torch.Tensor = self.accelerator.reduce(real.sum().float(), reduction="sum")
        return (loss * len(real) - math.log(2) * (~real).sum()) * processes / of_all


def preferences(logged: list[dict[str, float]]) -> Row:
    """Return the history of preference learning: means over the passes of each step.

    The margin is beta times the difference of the log-ratios of winner and loser to the reference (nats); preferred is
    the share of pairs in which it is positive; winner and loser are log-probabilities (nats per solution).
    """
    names = {
        "margin": "rewards/margins", "preferred": "rewards/accuracies", "winner": "logps/chosen",
        "loser": "logps/rejected", "nll": "nll",
    }  # fmt: skip
    return {"course": [{"step": e["step"], **{name: e[key] for name, key in names.items()}} for e in logged]}


def mean_nll(log_probs: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average -log p over each row's own tokens, then over rows; log_probs and mask are [rows, tokens].

    A row without tokens counts as 0.
    """
    return -((log_probs * mask).sum(1) / mask.sum(1).clamp(min=1)).mean()


def stored(pairs: list[dict[str, list[int]]], folder: Path) -> Dataset:
    """Store the pairs where every process finds them, together with the reference's log-probabilities."""
    with PartialState().main_process_first():
        if PartialState().is_main_process:
            Dataset.from_list(pairs).save_to_disk(folder / "pairs")
        return Dataset.load_from_disk(folder / "pairs")
