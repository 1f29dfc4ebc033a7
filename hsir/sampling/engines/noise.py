"""Counter-based Gumbel noise: a sample's noise depends only on its own key, never on its batch."""

import torch

_GOLDEN = 0x9E3779B97F4A7C15


def gumbel(seeds: torch.Tensor, positions: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """Draw standard Gumbel noise keyed by (seed, position, token).

    Shapes: seeds int64 [b], positions int64 [b] -> float64 [b, vocabulary]. Adding it to logits / T and
    taking the argmax is an exact sample from softmax(logits / T) (the Gumbel-max trick).
    """
    row = _mix(seeds + positions * _signed(_GOLDEN))
    tokens = torch.arange(1, vocabulary + 1, device=seeds.device) * _signed(_GOLDEN)
    bits = (_mix(row[:, None] + tokens) >> 12) & ((1 << 52) - 1)
    uniform = (bits.double() + 0.5) * 2.0**-52
    return -torch.log(-torch.log(uniform))


def _mix(x: torch.Tensor) -> torch.Tensor:
    """SplitMix64's finalizer; int64 products wrap, and a mask makes the shifts logical."""
    x = (x ^ ((x >> 30) & ((1 << 34) - 1))) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ ((x >> 27) & ((1 << 37) - 1))) * _signed(0x94D049BB133111EB)
    return x ^ ((x >> 31) & ((1 << 33) - 1))


def _signed(x: int) -> int:
    return x - (1 << 64) if x >= 1 << 63 else x
