"""The inputs of the score from a policy: one block's output states, and the attention that tokens receive."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn
from transformers import PreTrainedModel

from hsir.diversity.indiv.attention import Over, Watch
from hsir.errors import InputError


class Tokens(NamedTuple):
    """A prompt and its solution; only [start, end) of the solution is read (its reasoning, or all of it).

    `ends` are the ends of the groups of tokens that share a state, the last at `end`; empty for one state per token.
    """

    prompt_ids: Sequence[int]
    completion_ids: Sequence[int]
    start: int = 0
    end: int | None = None
    ends: Sequence[int] = ()

    @property
    def end_or_last(self) -> int:
        """Return the end of the part to read, counted from the first completion token."""
        return len(self.completion_ids) if self.end is None else self.end

    @property
    def span(self) -> tuple[int, int]:
        """Return the span of tokens to read, counted from the first prompt token."""
        return len(self.prompt_ids) + self.start, len(self.prompt_ids) + self.end_or_last

    @property
    def sizes(self) -> list[int]:
        """Return the number of tokens in each group that shares a state."""
        return [end - before for before, end in pairwise([self.start, *self.ends])]

    @property
    def length(self) -> int:
        """Return the total number of tokens."""
        return len(self.prompt_ids) + len(self.completion_ids)


class Seen(NamedTuple):
    """The states [m, d] of one solution, and the attention that each of its tokens receives [m].

    `sink` is true if the first token is the text's first: excess attention goes there, so its weight is meaningless,
    and is excluded from the normalization. `sizes` counts the tokens of each group that shares a state; empty for one
    state per token.
    """

    states: torch.Tensor
    attention: torch.Tensor
    sink: bool
    sizes: Sequence[int] = ()


def truncate(model: PreTrainedModel, layer: str | float) -> PreTrainedModel:
    """Truncate the model after the block that is read; later blocks never run.

    `layer` is `middle`, a fraction of the depth (below 1), or a block number from 1. Raises InputError for a block that
    does not exist, and for a decoder without `layers`.
    """
    decoder = model.get_decoder()
    blocks = getattr(decoder, "layers", None)
    if not isinstance(blocks, nn.ModuleList):
        raise InputError(f"{type(model).__name__}: no list `layers` of blocks, so no middle layer can be read")
    share = 0.5 if layer == "middle" else float(layer)
    wanted = max(int(share * len(blocks)), 1) if share < 1 else int(share)
    if wanted > len(blocks):
        raise InputError(f"layer {layer} was requested, but the model has {len(blocks)}; fix `layer` of the score set")
    decoder.layers = blocks[:wanted]
    return model


@torch.inference_mode()
def look(model: PreTrainedModel, batch: Sequence[Tokens], watching: bool = True, over: Over = "max") -> list[Seen]:
    """Run a truncated model on a batch, padded on the right, which a causal model never attends to.

    A token's weight is the largest attention over all heads and the solution's queries, including its own, or the
    largest mean of a head over them; without `watching`, all are 1.
    """
    longest = max(one.length for one in batch)
    padded = [[*one.prompt_ids, *one.completion_ids] + [0] * (longest - one.length) for one in batch]
    spans = [one.span for one in batch]
    with _watched(model, spans, watching, over) as seen:
        model.get_decoder()(input_ids=torch.tensor(padded, device=model.device), use_cache=False)
    states = seen.states
    received = seen.watch.received if watching else torch.ones(states.shape[:2], device=states.device)
    if received is None:
        raise InputError(
            f"{type(model).__name__}: its attention does not use transformers' AttentionInterface, so attention"
            " weights cannot be read; set `weights: none` in the score set"
        )
    return [
        Seen(states[n, start:end], received[n, start:end], start == 0, one.sizes)
        for n, (one, (start, end)) in enumerate(zip(batch, spans, strict=True))
    ]


class _Noted:
    """Records the last block's states, before the final norm, and its attention."""

    def __init__(self, spans: list[tuple[int, int]], over: Over) -> None:
        self.watch = Watch(spans, over)
        self.states = torch.empty(0)

    def __call__(self, _block: nn.Module, _given: object, out: torch.Tensor | tuple[torch.Tensor, ...]) -> None:
        self.states = out[0] if isinstance(out, tuple) else out


@contextmanager
def _watched(model: PreTrainedModel, spans: list[tuple[int, int]], watching: bool, over: Over) -> Iterator[_Noted]:
    last = model.get_decoder().layers[-1]
    attention = [part for name, part in last.named_children() if "attn" in name or "attention" in name]
    noted = _Noted(spans, over)
    hook = last.register_forward_hook(noted)
    for part in attention if watching else []:
        part.hsir_watch = noted.watch
    try:
        yield noted
    finally:
        hook.remove()
        for part in attention if watching else []:
            del part.hsir_watch
