"""`hsir plan --power`: the formula against a simulated experiment, and the table of a config."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from hsir.cli.plan import main
from hsir.planning.budget.assumptions import Assumptions
from hsir.planning.power import detectable, questions_needed, samples_needed, variance

CONFIG = """
run: one
runs: {one: {models: [m], tasks: [sums], methods: [base], benchmarks: [sums, hub, amc23]}}
models: {m: {path: owner/model-2B}}
tasks:
  sums: {task: {kind: chains, test: 30}}
  hub: {task: {kind: gsm8k}, settings: {evaluate: {samples: 16}}}
"""


def simulated(difference: float, questions: int, samples: int, between: float, correlation: float) -> float:
    """Return how often a paired t test finds a difference: chances of 0.5 +- s, the same or not for both policies."""
    draws, spread = np.random.default_rng(3), np.sqrt(0.25 * between)
    one = draws.choice([-spread, spread], size=(1500, questions))
    shared = draws.random((1500, questions)) < correlation
    other = np.where(shared, one, draws.choice([-spread, spread], size=(1500, questions)))
    right = [draws.binomial(samples, np.clip(0.5 + at, 0, 1)) / samples
             for at in (one + difference / 2, other - difference / 2)]  # fmt: skip
    return float(np.mean(ttest_1samp(right[0] - right[1], 0.0, axis=1).pvalue < 0.05))


@pytest.mark.parametrize(("samples", "between", "correlation"), [(1, 0.6, 0.8), (4, 0.6, 0.8), (16, 0.4, 0.5)])
def test_a_difference_is_found_as_often_as_planned(samples: int, between: float, correlation: float) -> None:
    assumed = Assumptions(between=between, correlation=correlation)
    questions = questions_needed(0.08, samples, assumed)
    assert simulated(0.08, questions, samples, between, correlation) == pytest.approx(0.8, abs=0.04)


def test_the_three_numbers_agree() -> None:
    assumed = Assumptions()
    n = questions_needed(0.02, 4, assumed)
    assert detectable(n, 4, assumed) <= 0.02 < detectable(n - 1, 4, assumed)
    assert samples_needed(0.02, n, assumed) == 4 and samples_needed(0.02, n - 10, assumed) == 5
    assert samples_needed(0.02, 100, assumed) is None, "the questions themselves differ too much"
    assert variance(1, Assumptions(between=0.0)) == 0.5, "independent coins"
    assert variance(1, Assumptions(between=1.0, correlation=1.0)) == 0.0


def test_each_benchmark_has_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(CONFIG)
    main([], [config], power=2.0, assume=["accuracy=0.9"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    table = {line[0]: line[1:] for line in lines if len(line) == 6}
    assert list(table) == ["sums", "hub", "hub@16", "amc23"]
    assert table["hub"][:2] == ["1,319", "1"] and table["hub@16"][:2] == ["1,319", "16"]
    assert float(table["hub@16"][2]) < float(table["hub"][2]) < float(table["sums"][2])
    assert table["sums"][-1] == "none" and table["hub"][3] == table["sums"][3]
    assert ["assumed", "accuracy=0.9:"] in [line[:2] for line in lines]
