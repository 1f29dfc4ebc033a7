"""The score's linear algebra, against the eigenvalues of the m x m matrix in float64."""

import math

import pytest
import torch

from hsir.diversity.indiv.logdet import Parts, normalised, ridge_logdets
from hsir.diversity.indiv.logdet import parts as parts_of
from hsir.diversity.indiv.states import Seen

ALPHA = 1e-3


def drawn(m: int, d: int, kind: str = "plain") -> tuple[torch.Tensor, torch.Tensor]:
    """Draw states [m, d] and attention [m]; `massive` has one channel a thousand times as large."""
    noise = torch.Generator().manual_seed(1000 * m + d)
    states = torch.randn(m, d, generator=noise)
    attention = 0.05 + 0.95 * torch.rand(m, generator=noise)
    if kind == "massive":
        states[:, 3] *= 1e3
    if kind == "duplicated":
        states, attention = states[torch.arange(m) // 2], attention[torch.arange(m) // 2]
    return states, attention


def parts(states: torch.Tensor, attention: torch.Tensor, alpha: float, weights: str, scale: str = "none") -> Parts:
    return parts_of([Seen(states, attention, sink=False)], alpha, weights, scale)[0]


def ridge_logdet(rows: torch.Tensor, alpha: float) -> float:
    return ridge_logdets([rows], alpha)[0]


def reference(states: torch.Tensor, weights: torch.Tensor, alpha: float) -> float:
    """Return log det((HA)^T J (HA) + alpha I_m) as it is written: H [d, m], A diagonal, J centring, eigenvalues."""
    d = states.shape[1]
    h, a = states.double().T, torch.diag(weights.double())
    j = torch.eye(d, dtype=torch.float64) - torch.full((d, d), 1 / d, dtype=torch.float64)
    sigma = (h @ a).T @ j @ (h @ a)
    spectrum = torch.linalg.eigvalsh((sigma + sigma.T) / 2).clamp_min(0) + alpha
    return spectrum.log().sum().item()


@pytest.mark.parametrize("kind", ["plain", "massive", "duplicated"])
@pytest.mark.parametrize("d", [64, 128])
@pytest.mark.parametrize("m", [1, 2, 17, 300])
def test_the_score_is_that_of_the_eigenvalues(m: int, d: int, kind: str) -> None:
    states, attention = drawn(m, d, kind)
    got = parts(states, attention, ALPHA, "max")
    wanted = reference(states, attention.double() / attention.double().max(), ALPHA)
    assert got.logdet == pytest.approx(wanted, rel=1e-6)
    assert got.indiv == pytest.approx(wanted / m, rel=1e-6)
    assert (got.m, got.d) == (m, d)


@pytest.mark.parametrize("m", [1, 3, 4, 5, 9])
def test_the_smaller_gram_matrix_gives_the_larger_ones_determinant(m: int) -> None:
    rows = torch.randn(m, 4, generator=torch.Generator().manual_seed(m), dtype=torch.float64)
    wanted = torch.logdet(rows @ rows.T + 0.5 * torch.eye(m, dtype=torch.float64)).item()
    assert ridge_logdet(rows.clone(), 0.5) == pytest.approx(wanted, rel=1e-12)


def test_one_token_by_hand() -> None:
    """States 1, 3 are centred to -1, 1: variance 1, Gram 2, and log(2 + alpha) is the score."""
    got = parts(torch.tensor([[1.0, 3.0]]), torch.tensor([0.25]), 0.5, "max")
    assert got.variance == 1.0
    assert got.sum_log_attention == 0.0
    assert got.logdet == pytest.approx(math.log(2.5), rel=1e-12)


@pytest.mark.parametrize("weights", ["max", "mean", "sum"])
def test_without_ridge_the_weights_add_twice_their_mean_log(weights: str) -> None:
    states, attention = drawn(17, 64)
    weighted, plain = (parts(states, attention, 1e-13, kind) for kind in (weights, "none"))
    assert weighted.indiv == pytest.approx(plain.indiv + 2 / 17 * weighted.sum_log_attention, rel=1e-9)
    assert plain.sum_log_attention == 0.0
    assert abs(weighted.sum_log_attention) > 0.1


@pytest.mark.parametrize(
    ("weights", "wanted"),
    [
        ("max", [0.25, 1.0, 0.75]),
        ("mean", [0.375, 1.5, 1.125]),
        ("sum", [0.125, 0.5, 0.375]),
        ("none", [1.0, 1.0, 1.0]),
    ],
)
def test_weights_are_divided_as_the_option_says(weights: str, wanted: list[float]) -> None:
    assert normalised(torch.tensor([0.2, 0.8, 0.6]), weights).tolist() == pytest.approx(wanted)


def test_uniform_attention_adds_nothing_under_max_and_a_length_penalty_under_sum() -> None:
    states, _ = drawn(17, 64)
    uniform = torch.full((17,), 0.3)
    plain = parts(states, uniform, 1e-10, "none").indiv
    assert parts(states, uniform, 1e-10, "max").indiv == pytest.approx(plain, rel=1e-12)
    assert parts(states, uniform, 1e-10, "sum").indiv == pytest.approx(plain - 2 * math.log(17), rel=1e-9)


def test_repeating_tokens_lowers_the_score() -> None:
    states, attention = drawn(20, 64)
    repeated, _ = drawn(20, 64, "duplicated")
    assert parts(repeated, attention, ALPHA, "max").indiv < parts(states, attention, ALPHA, "max").indiv - 1


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("where", ["states", "attention"])
def test_what_is_not_finite_is_rejected(bad: float, where: str) -> None:
    states, attention = drawn(3, 8)
    (states if where == "states" else attention).view(-1)[1] = bad
    with pytest.raises(ValueError, match="not finite"):
        parts(states, attention, ALPHA, "max")


def test_no_tokens_are_rejected() -> None:
    with pytest.raises(ValueError, match="without tokens"):
        parts(torch.zeros(0, 8), torch.zeros(0), ALPHA, "max")


def test_a_weight_of_zero_is_rejected() -> None:
    """Its logarithm would make the sum of log weights minus infinity, from which no variant can be had."""
    states, _ = drawn(3, 8)
    with pytest.raises(ValueError, match="attention"):
        parts(states, torch.tensor([1.0, 0.0, 0.5]), ALPHA, "max")


def test_the_arguments_are_left_as_they_were() -> None:
    states, attention = (x.double() for x in drawn(5, 8))
    before = states.clone(), attention.clone()
    parts(states, attention, ALPHA, "none")
    assert torch.equal(states, before[0])
    assert torch.equal(attention, before[1])
