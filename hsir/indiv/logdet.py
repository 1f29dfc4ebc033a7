"""The score's linear algebra: exact, float64, and no larger than it must be."""

import math
from typing import NamedTuple

import torch


class Parts(NamedTuple):
    """What the score of one solution is made of; any variant of it can be had from these."""

    m: int
    """Tokens."""
    d: int
    """Hidden size."""
    logdet: float
    """log det of the attention-weighted, centred Gram matrix plus the ridge (natural log)."""
    sum_log_attention: float
    """Sum of the log weights: as alpha -> 0, logdet is the unweighted one plus twice this."""
    variance: float
    """Mean variance of a token's centred state."""

    @property
    def indiv(self) -> float:
        """Equation 5: log-determinant a token."""
        return self.logdet / self.m


def parts(states: torch.Tensor, attention: torch.Tensor, alpha: float, weights: str) -> Parts:
    """Score one solution: log det((HA)^T J (HA) + alpha I_m), J centring over the features.

    Shapes: states [m, d] (one row a token), attention [m] (largest attention that the token receives).
    Raises ValueError for no token at all and where states or attention are not finite, or
    attention is not positive.
    Source: paper, equations 4 and 5; equation 4 is `weights="none"`.
    """
    if len(states) == 0:
        raise ValueError("a solution without tokens has no score")
    if not (torch.isfinite(states).all() and torch.isfinite(attention).all()):
        raise ValueError("hidden states or attention are not finite (NaN or infinity)")
    if (attention <= 0).any():
        raise ValueError("a token receives no attention at all, so its weight has no logarithm")
    states, attention = states.double(), normalised(attention.double(), weights)
    centred = states - states.mean(1, keepdim=True)
    weighted = centred * attention[:, None]
    m, d = states.shape
    return Parts(m, d, ridge_logdet(weighted, alpha), attention.log().sum().item(), centred.square().mean().item())


def normalised(attention: torch.Tensor, weights: str) -> torch.Tensor:
    """Divide the weights by their max, mean or sum; `none` makes all of them 1.

    The sum would add about -2 log m to the score, a hidden length penalty; the max adds nothing where
    attention is uniform.
    """
    if weights == "none":
        return torch.ones_like(attention)
    scale = {"max": attention.max(), "mean": attention.mean(), "sum": attention.sum()}[weights]
    return attention / scale


def ridge_logdet(rows: torch.Tensor, alpha: float) -> float:
    """Give log det(alpha I_m + X X^T) for X [m, d], by Cholesky of the smaller Gram matrix.

    The rest of the spectrum is alpha: log det(alpha I_m + X X^T) = (m - d) log alpha + log det(alpha I_d + X^T X).
    """
    m, d = rows.shape
    gram = rows @ rows.T if m <= d else rows.T @ rows
    gram.diagonal().add_(alpha)
    factor, failed = torch.linalg.cholesky_ex(gram)
    if failed:
        raise ValueError(f"alpha {alpha} is lost in rounding beside these states; raise alpha of the score set")
    return 2 * float(factor.diagonal().log().sum()) + max(m - d, 0) * math.log(alpha)
