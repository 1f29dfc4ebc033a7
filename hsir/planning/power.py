"""How many questions, or samples per question, tell two policies apart?

Two policies A and B answer the same n questions, K times each. A question's difference is the mean over A's answers
minus that over B's, and the paired test compares the mean difference d with its standard error. With a power of 1 - b
at the level a (two-sided), it detects

    d = (z[1 - a/2] + z[1 - b]) * sqrt(V / n),    V = 2 p (1 - p) (between (1 - correlation) + (1 - between) / K)

`p` is the accuracy, the same for both policies. `between` is the share of an answer's variance p (1 - p) that is due to
the question: 1 if all samples of a question agree. `correlation` is that of the two policies' chances over the
questions. More samples reduce the second term only, so they cannot replace questions. The formula is that of
Miller (arXiv 2411.00640, section 5) for policies with equal variances. It assumes a normal mean (tens of questions) and
one comparison; Holm's correction for m comparisons needs up to a/m.
"""

from collections.abc import Sequence
from math import ceil, sqrt
from statistics import NormalDist

from pydantic import Field

from hsir.config import Plan
from hsir.config.plan import samples_of, test_set
from hsir.config.schema import Run
from hsir.options import Options
from hsir.planning.budget.assumptions import Assumptions

MOST = 1000
"""Samples per question beyond which they are not counted."""


class Detects(Options):
    """What one evaluation can tell apart."""

    benchmark: str = Field(description="Its name; `gsm8k@16` has 16 samples per question.")
    questions: int = Field(description="Questions of its test set.")
    assumed: bool = Field(description="Whether the number of questions is an assumption.")
    samples: int = Field(description="Answers per question.")
    points: float = Field(description="Smallest difference that is detected, in points.")
    questions_needed: int = Field(description="Questions that detect the wanted difference, with these samples.")
    samples_needed: int | None = Field(
        description="Samples that detect it with these questions; none if no number of samples does."
    )


def evaluations(plan: Plan, runs: Sequence[str], points: float, assumed: Assumptions) -> list[Detects]:
    """Return what each evaluation of some runs detects, and what it needs to detect a difference of `points`."""
    chosen = [plan.config.runs[name] for name in runs]
    names = dict.fromkeys(name for run in chosen for name in _evaluations(plan, run))
    return [_detects(plan, name, points, assumed) for name in names]


def _evaluations(plan: Plan, run: Run) -> list[str]:
    return [name for model in run.models for task in run.tasks for name in plan.evaluations(run, model, task)]


def _detects(plan: Plan, name: str, points: float, assumed: Assumptions) -> Detects:
    known, samples = plan.config.tasks[test_set(name)].task.expected("test"), samples_of(name)
    questions = known or assumed.questions
    return Detects(
        benchmark=name, questions=questions, assumed=known is None, samples=samples,
        points=100 * detectable(questions, samples, assumed),
        questions_needed=questions_needed(points / 100, samples, assumed),
        samples_needed=samples_needed(points / 100, questions, assumed),
    )  # fmt: skip


def detectable(questions: int, samples: int, assumed: Assumptions) -> float:
    """Return the smallest difference of accuracies, from 0 to 1, that is detected."""
    return _z(assumed) * sqrt(variance(samples, assumed) / questions)


def questions_needed(difference: float, samples: int, assumed: Assumptions) -> int:
    """Return the number of questions that detects a difference of accuracies (0 to 1)."""
    return ceil(variance(samples, assumed) * (_z(assumed) / difference) ** 2)


def samples_needed(difference: float, questions: int, assumed: Assumptions) -> int | None:
    """Return the samples per question that detect a difference of accuracies (0 to 1); None if no number does."""
    allowed = questions * (difference / _z(assumed)) ** 2
    rest = allowed / _spread(assumed) - assumed.between * (1 - assumed.correlation)
    if rest <= 0 or (samples := max(1, ceil((1 - assumed.between) / rest))) > MOST:
        return None
    return samples


def variance(samples: int, assumed: Assumptions) -> float:
    """Return the variance over questions of the difference of two policies, with so many answers each."""
    between = assumed.between
    return _spread(assumed) * (between * (1 - assumed.correlation) + (1 - between) / samples)


def _spread(assumed: Assumptions) -> float:
    return 2 * assumed.accuracy * (1 - assumed.accuracy)


def _z(assumed: Assumptions) -> float:
    normal = NormalDist()
    return normal.inv_cdf(1 - assumed.level / 2) + normal.inv_cdf(assumed.power)
