"""The linear algebra of the score: exact, in float64, on the smaller Gram matrix."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from hsir.diversity.indiv.states import Seen


class Parts(NamedTuple):
    """The parts of one solution's score."""

    m: int
    """States: tokens, or groups of them."""
    d: int
    """Hidden size."""
    logdet: float
    """log det of the attention-weighted, centred Gram matrix plus the ridge (natural log)."""
    sum_log_attention: float
    """Sum of the log weights: as alpha -> 0, logdet is the unweighted one plus twice this."""
    variance: float
    """Mean variance of a centred state."""
    n_tokens: int
    """Number of tokens read."""

    @property
    def indiv(self) -> float:
        """Equation 5: the log-determinant per state."""
        return self.logdet / self.m


def parts(batch: Sequence[Seen], alpha: float, weights: str = "max", scale: str = "none") -> list[Parts]:
    """Score solutions: log det((HA)^T J (HA) + alpha I_m) of each, J centering over the features.

    `scale`: `none`; `dimension` divides the covariance by d - 1 (EigenScore); `unit` scales every state to variance 1
    (a correlation matrix). Where tokens share a state, the columns of HA are the means of the groups' centred states,
    weighted by attention. Raises UnscoredError with the place in the batch if there is no token, if states or attention
    are not finite, or if a token receives no attention. Source: paper, equations 4 and 5; equation 4 is
    `weights="none"`.
    """
    prepared = [_prepared(n, seen, weights, scale) for n, seen in enumerate(batch)]
    logdets = ridge_logdets([rows for rows, _, _ in prepared], alpha)
    return [
        Parts(rows.shape[0], rows.shape[1], logdet, sum_log, variance, len(seen.states))
        for (rows, sum_log, variance), logdet, seen in zip(prepared, logdets, batch, strict=True)
    ]


class UnscoredError(ValueError):
    """One solution of a batch has no score; `place` is its number in the batch."""

    def __init__(self, place: int, why: str) -> None:
        super().__init__(why)
        self.place = place


def _prepared(place: int, seen: Seen, weights: str, scale: str) -> tuple[torch.Tensor, float, float]:
    """Return the weighted, centred states [m, d] in float64, the sum of the log weights, and the mean variance."""
    states, attention = seen.states, seen.attention
    if len(states) == 0:
        raise UnscoredError(place, "a solution without tokens has no score")
    if not (torch.isfinite(states).all() and torch.isfinite(attention).all()):
        raise UnscoredError(place, "hidden states or attention are not finite (NaN or infinity)")
    if (attention <= 0).any():
        raise UnscoredError(place, "a token receives no attention at all, so its weight has no logarithm")
    states, attention = states.double(), normalised(attention.double(), weights, seen.sink)
    centred = states - states.mean(1, keepdim=True)
    if seen.sizes:
        centred, attention = _means(centred, attention, seen.sizes), attention.new_ones(len(seen.sizes))
    variances = centred.square().mean(1, keepdim=True)
    if scale == "dimension":
        centred = centred / math.sqrt(max(states.shape[1] - 1, 1))
    elif scale == "unit":
        centred = centred / variances.sqrt().clamp_min(torch.finfo(torch.float64).tiny)
    return centred * attention[:, None], attention.log().sum().item(), variances.mean().item()


def _means(rows: torch.Tensor, weights: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    """Return the weighted mean of each group of rows: [m, d] -> [groups, d]."""
    groups = zip(torch.split(rows, list(sizes)), torch.split(weights, list(sizes)), strict=True)
    return torch.stack([(of @ some) / of.sum() for some, of in groups])


def normalised(attention: torch.Tensor, weights: str, sink: bool = False) -> torch.Tensor:
    """Divide the weights by their max, mean or sum; `none` sets all of them to 1. The sum would add about -2 log m to
    the score, a hidden length penalty; the max adds nothing if attention is uniform. A `sink` in the first place is
    excluded from them, and its weight is capped at the others' maximum.
    """
    if weights == "none":
        return torch.ones_like(attention)
    others = attention[1:] if sink and len(attention) > 1 else attention
    scale = {"max": others.max(), "mean": others.mean(), "sum": others.sum()}[weights]
    return attention.clamp(max=others.max()) / scale


def ridge_logdets(rows: Sequence[torch.Tensor], alpha: float) -> list[float]:
    """Return log det(alpha I_m + X X^T) for each X [m, d], by a batched Cholesky of the smaller Gram matrices.

    The rest of the spectrum is alpha: log det(alpha I_m + X X^T) = (m - d) log alpha + log det(alpha I_d + X^T X).
    A matrix with fewer tokens than the largest is padded with zeros, each adding log alpha.
    """
    sizes = [min(x.shape) for x in rows]
    size = max(sizes)
    grams = torch.stack([_gram(x, size) for x in rows])
    grams.diagonal(dim1=1, dim2=2).add_(alpha)
    factors, failed = torch.linalg.cholesky_ex(grams)
    logs = 2 * factors.diagonal(dim1=1, dim2=2).log().sum(1)
    for place in failed.nonzero()[:1].flatten().tolist():
        raise UnscoredError(
            place, f"alpha {alpha} is lost in rounding next to these states; raise alpha of the score set"
        )
    return [log + (len(x) - size) * math.log(alpha) for log, x in zip(logs.tolist(), rows, strict=True)]


def _gram(rows: torch.Tensor, size: int) -> torch.Tensor:
    m, d = rows.shape
    gram = rows @ rows.T if m <= d else rows.T @ rows
    short = size - len(gram)
    return torch.nn.functional.pad(gram, (0, short, 0, short)) if short else gram
