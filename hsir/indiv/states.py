"""What the score reads from a policy: one block's output states, and the attention that tokens receive."""

from typing import Literal, NamedTuple

import torch
from torch import nn
from transformers import PreTrainedModel

from hsir.errors import InputError


class Seen(NamedTuple):
    """Of one solution: states [m, d], and the largest attention that each of its tokens receives [m]."""

    states: torch.Tensor
    attention: torch.Tensor


def truncate(model: PreTrainedModel, layer: Literal["middle"] | int) -> PreTrainedModel:
    """Cut the model behind the block that is read; the later ones never run.

    Raises InputError for a layer that the model has not, and for a decoder without `layers`.
    """
    decoder = model.get_decoder()
    blocks = getattr(decoder, "layers", None)
    if not isinstance(blocks, nn.ModuleList):
        raise InputError(f"{type(model).__name__}: no list `layers` of blocks to read a middle layer from")
    wanted = max(len(blocks) // 2, 1) if layer == "middle" else layer
    if wanted > len(blocks):
        raise InputError(f"layer {layer} was asked for, but the model has {len(blocks)}; mend `layer` of the score set")
    decoder.layers = blocks[:wanted]
    return model


@torch.inference_mode()
def look(model: PreTrainedModel, prompt_ids: list[int], completion_ids: list[int]) -> Seen:
    """Run a truncated model (eager attention) over one solution.

    A token's weight is the largest attention over all heads and over the solution's queries, its own included.
    """
    if not completion_ids:
        raise ValueError("a solution without tokens has no score")
    ids = torch.tensor([[*prompt_ids, *completion_ids]], device=model.device)
    start = len(prompt_ids)
    seen: dict[str, torch.Tensor] = {}
    last = model.get_decoder().layers[-1]
    hooks = [
        last.register_forward_hook(lambda _, __, out: seen.update(states=out[0] if isinstance(out, tuple) else out)),
        last.self_attn.register_forward_hook(lambda _, __, out: seen.update(attention=out[1])),
    ]
    try:
        model.get_decoder()(input_ids=ids, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    received = seen["attention"][0, :, start:, start:].amax(dim=(0, 1))
    return Seen(seen["states"].reshape(-1, seen["states"].shape[-1])[start:], received)
