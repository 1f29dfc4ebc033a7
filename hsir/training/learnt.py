"""Check whether training changed anything, by comparing a few weights of each tensor before and after."""

from collections.abc import Iterator, Mapping

import torch

from hsir.storage.tables import Row

LOOKED_AT = 4096
"""Number of evenly spaced values compared per tensor."""
FAR_APART = 0.1
"""Mean difference of vLLM's and the trainer's log-probabilities of a token above which they are not of one policy."""
FEW_STEPS = 5
"""Number of optimizer steps below which a training run says little about its method."""
Sample = dict[str, torch.Tensor]


def sampled(weights: Mapping[str, torch.Tensor], dtype: torch.dtype) -> Sample:
    """Copy some values of each tensor, as saved in `dtype`; none of a tensor held by another process."""
    taken = ((name, weight.detach().flatten()) for name, weight in weights.items() if weight.numel())
    return {name: flat[:: max(1, len(flat) // LOOKED_AT)].to(dtype).cpu().clone() for name, flat in taken}


def changed(before: Sample, after: Sample) -> float | None:
    """Return the share of values that differ, 0 to 1; None if there are none to compare."""
    shared = [(value, after[name]) for name, value in before.items() if name in after]
    total = sum(len(value) for value, _ in shared)
    differing = sum(int((one != other).sum()) for one, other in shared)
    return differing / total if total else None


def doubts(told: Row) -> Iterator[str]:
    """Return reasons to doubt that a policy learned what it should; `told` is the training record."""
    if told.get("changed") == 0:
        yield (
            "training did not change the weights; raise learning_rate or the number of steps, or set save_dtype:"
            " float32 if changes are rounded away"
        )
    elif told["steps"] < FEW_STEPS:
        steps = told["steps"]
        yield f"only {steps} optimizer steps, too few to judge the method; lower batch_size, or use more training data"
    apart = max((step.get("apart", 0.0) for step in told.get("course", [])), default=0.0)
    if apart > FAR_APART:
        yield (
            f"vLLM's log-probabilities differ from the trainer's by up to {apart:.2f} per token, as a mean of a step:"
            " it may not support this model's weights; set engine: {kind: transformers}, or dtype: float32"
        )
