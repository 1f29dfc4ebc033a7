"""Sampling noise: Gumbel by its moments and its distribution, independent over all three keys."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from hsir.sampling.engines.noise import gumbel
from hsir.sampling.engines.seeds import sample_seed

MEAN, VARIANCE = 0.5772156649, np.pi**2 / 6
SEEDS = {
    "counted": torch.arange(400),
    "named": torch.tensor([sample_seed(0, f"q{n}", 0) for n in range(400)]),
}


@pytest.mark.parametrize("kind", SEEDS)
def test_noise_is_standard_gumbel(kind: str) -> None:
    noise = gumbel(SEEDS[kind], torch.zeros(400, dtype=torch.int64), 512).flatten().numpy()
    error = np.sqrt(VARIANCE / noise.size)
    assert abs(noise.mean() - MEAN) < 4 * error
    assert abs(noise.var() - VARIANCE) < 4 * VARIANCE * np.sqrt(4.4 / noise.size)
    assert stats.kstest(noise, stats.gumbel_r.cdf).pvalue > 1e-3


def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    """Correlate two sets of noise, made uniform first."""
    return float(np.corrcoef(stats.gumbel_r.cdf(a.flatten()), stats.gumbel_r.cdf(b.flatten()))[0, 1])


@pytest.mark.parametrize("kind", SEEDS)
def test_neighbours_are_uncorrelated(kind: str) -> None:
    seeds, zero = SEEDS[kind], torch.zeros(400, dtype=torch.int64)
    first = gumbel(seeds, zero, 512)
    neighbours = {
        "position": (first, gumbel(seeds, zero + 1, 512)),
        "seed": (first[:-1], first[1:]),
        "token": (first[:, :-1], first[:, 1:]),
        "position and token": (first[:, 1:], gumbel(seeds, zero + 1, 512)[:, :-1]),
    }
    for name, (a, b) in neighbours.items():
        assert abs(correlation(a, b)) < 4 / np.sqrt(a.numel()), name


@pytest.mark.parametrize("temperature", [1.0, 0.7, 2.0])
def test_the_largest_sum_is_a_draw_from_the_softmax(temperature: float) -> None:
    logits = torch.tensor([2.0, 1.0, 0.5, 0.0, -0.5, -1.0, -2.0, 1.0], dtype=torch.float64) / temperature
    draws = 20_000
    noise = gumbel(torch.arange(draws), torch.full((draws,), 3), len(logits))
    seen = torch.bincount((logits + noise).argmax(-1), minlength=len(logits)).numpy()
    assert stats.chisquare(seen, draws * logits.softmax(-1).numpy()).pvalue > 1e-3


def test_noise_depends_on_its_own_keys_alone() -> None:
    seeds, positions = torch.tensor([5, 2**62 + 1, -9]), torch.tensor([0, 7, 2000])
    together = gumbel(seeds, positions, 100)
    assert torch.equal(together[1:2], gumbel(seeds[1:2], positions[1:2], 100))
    assert torch.equal(together.flip(0), gumbel(seeds.flip(0), positions.flip(0), 100))
    assert torch.equal(together[:, :60], gumbel(seeds, positions, 60))


def splitmix(x: int) -> int:
    """Finalise as SplitMix64 does, in whole numbers."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % 2**64
    return x ^ (x >> 31)


@pytest.mark.parametrize(("seed", "position"), [(0, 0), (5891729316984810930, 3), (2**63 - 1, 4095)])
def test_noise_is_what_integers_give(seed: int, position: int) -> None:
    """Another value here makes every sample of every run another one."""
    golden = 0x9E3779B97F4A7C15
    row = splitmix((seed + position * golden) % 2**64)
    bits = [splitmix((row + token * golden) % 2**64) >> 12 for token in range(1, 6)]
    wanted = [-math.log(-math.log((b + 0.5) / 2**52)) for b in bits]
    assert gumbel(torch.tensor([seed]), torch.tensor([position]), 5)[0].tolist() == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("key", "seed"),
    [
        ((0, "q", 0), 5891729316984810930), ((0, "q", 1), 8672685547941637816), ((1, "q", 0), 8307297697303881678),
        ((0, "test-00041", 9), 5745344563174921238),
    ],
)  # fmt: skip
def test_seeds_of_samples_are_pinned(key: tuple[int, str, int], seed: int) -> None:
    assert sample_seed(*key) == seed


def test_seeds_of_samples_are_distinct_and_fit_the_table() -> None:
    """Names that run into one another (q1 + 0, q + 10) are told apart."""
    keys = [(run, f"q{name}", n) for run in (0, 1, 10) for name in ("", *range(30)) for n in range(40)]
    seeds = {sample_seed(*key) for key in keys}
    assert len(seeds) == len(keys)
    assert all(0 <= seed < 2**63 for seed in seeds)
