"""Filters choose which solutions train the next policy.

A filter is an option and its strategy: fields, and a call (candidates, seed) -> candidates. A method's
`select` is a list of them, applied in order, each to what the one before it left.
"""

import math
import random
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal, TypeVar

from pydantic import Field, RootModel, model_validator

from hsir.options import Options

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One solution, as far as a filter looks at it."""

    sample_id: str
    question_id: str
    n_tokens: int
    right: bool
    completion_ids: tuple[int, ...] = ()
    indiv: float | None = None
    """The raw score of equation 5."""
    score: float | None = None
    """The raw score as the InDiv filter standardised it."""


Candidates = list[Candidate]


class Right(Options):
    """Keep the solutions that the grader found right."""

    kind: Literal["right"] = "right"

    def __call__(self, candidates: Candidates, seed: int) -> Candidates:
        return [c for c in candidates if c.right]


class Distinct(Options):
    """Keep the first of solutions that are the same token for token."""

    kind: Literal["distinct"] = "distinct"

    def __call__(self, candidates: Candidates, seed: int) -> Candidates:
        first = {(c.question_id, c.completion_ids): c for c in reversed(candidates)}
        return [c for c in candidates if first[c.question_id, c.completion_ids] is c]


class InDiv(Options):
    """Keep the solutions whose standardised intrinsic diversity reaches the threshold (paper, eq. 5).

    `zscore` takes the mean and the deviation over all candidates of the iteration; `per_question` over
    the question's own (a question with one candidate, or none but equal ones, scores 0); `length_residual`
    first takes out what a straight line in log(tokens) explains; `none` leaves the raw score.
    """

    kind: Literal["indiv"] = "indiv"
    threshold: float = Field(-0.5, description="tau: scores below it are dropped.")
    threshold_is: Literal["score", "quantile"] = Field(
        "score", description="What tau is: a score, or the share of the candidates that is dropped."
    )
    log_base: Literal["e", "10"] = Field("e", description="Base of the logarithm; matters to raw scores alone.")
    standardise: Literal["zscore", "per_question", "length_residual", "none"] = Field(
        "zscore", description="What makes scores comparable before the threshold."
    )

    @model_validator(mode="after")
    def _a_share(self) -> "InDiv":
        if self.threshold_is == "quantile" and not 0 <= self.threshold < 1:
            raise ValueError(f"threshold is {self.threshold}; as a quantile it must be a share from 0 to below 1")
        return self

    def __call__(self, candidates: Candidates, seed: int) -> Candidates:
        scores = self.standardised(candidates)
        least = self.threshold
        if self.threshold_is == "quantile" and scores:
            least = sorted(scores)[int(self.threshold * len(scores))]
        scored = [replace(c, score=z) for c, z in zip(candidates, scores, strict=True)]
        return [c for c in scored if c.score is not None and c.score >= least]

    def standardised(self, candidates: Candidates) -> list[float]:
        """Give each candidate's standardised score, in order."""
        base = 1.0 if self.log_base == "e" else math.log(10)
        raw = [_scored(c) / base for c in candidates]
        if self.standardise == "none":
            return raw
        if self.standardise == "length_residual":
            raw = _residuals([c.n_tokens for c in candidates], raw)
        if self.standardise != "per_question":
            return _zscores(raw)
        groups = _by_question(range(len(raw)), [c.question_id for c in candidates])
        scores = dict(
            pair for group in groups.values() for pair in zip(group, _zscores([raw[i] for i in group]), strict=True)
        )
        return [scores[i] for i in range(len(raw))]


class Length(Options):
    """Keep the shorter solutions of each question: min-max length at or below the threshold."""

    kind: Literal["length"] = "length"
    threshold: float = Field(0.5, ge=0, le=1, description="0 is the shortest of the question, 1 the longest.")

    def __call__(self, candidates: Candidates, seed: int) -> Candidates:
        kept = set()
        for group in _by_question(candidates, [c.question_id for c in candidates]).values():
            lengths = [c.n_tokens for c in group]
            low, span = min(lengths), max(lengths) - min(lengths)
            kept |= {c.sample_id for c in group if c.n_tokens - low <= self.threshold * span}
        return [c for c in candidates if c.sample_id in kept]


class AtMost(Options):
    """Keep at most so many solutions a question, picked at random or by rank."""

    kind: Literal["at_most"] = "at_most"
    per_question: int = Field(ge=1, description="K: how many may stay.")
    pick: Literal["random", "shortest", "indiv_highest", "indiv_lowest"] = Field(
        "random", description="Which of them stay."
    )

    def __call__(self, candidates: Candidates, seed: int) -> Candidates:
        kept = set()
        for question, group in _by_question(candidates, [c.question_id for c in candidates]).items():
            kept |= {c.sample_id for c in self._ranked(question, group, seed)[: self.per_question]}
        return [c for c in candidates if c.sample_id in kept]

    def _ranked(self, question: str, group: Candidates, seed: int) -> Candidates:
        ordered = sorted(group, key=lambda c: c.sample_id)
        random.Random(f"{seed}/{question}").shuffle(ordered)
        if self.pick == "shortest":
            ordered.sort(key=lambda c: c.n_tokens)
        elif self.pick != "random":
            ordered.sort(key=_scored, reverse=self.pick == "indiv_highest")
        return ordered


Filter = Annotated[Right | Distinct | InDiv | Length | AtMost, Field(discriminator="kind")]


class Selection(RootModel[tuple[Filter, ...]]):
    """A method's filters, as the stage filter takes them."""


def needs_scores(chosen: Filter) -> bool:
    """Tell whether a filter reads InDiv scores."""
    return isinstance(chosen, InDiv) or (isinstance(chosen, AtMost) and chosen.pick.startswith("indiv"))


def _scored(candidate: Candidate) -> float:
    if candidate.indiv is None:
        raise ValueError(
            f"solution {candidate.sample_id} has no InDiv score; put {{kind: right}} before the filters that"
            " read scores: only right solutions are scored"
        )
    return candidate.indiv


def _by_question(items: Iterable[T], questions: Sequence[str]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = defaultdict(list)
    for item, question in zip(items, questions, strict=True):
        groups[question].append(item)
    return groups


def _zscores(values: list[float]) -> list[float]:
    if not values:
        return []
    mean, deviation = statistics.fmean(values), statistics.pstdev(values)
    if deviation <= 1e-12 * max(1.0, abs(mean)):
        return [0.0] * len(values)
    return [(value - mean) / deviation for value in values]


def _residuals(lengths: list[int], values: list[float]) -> list[float]:
    x = [math.log(n) for n in lengths]
    if len(set(x)) < 2:
        return values
    slope, intercept = statistics.linear_regression(x, values)
    return [value - (slope * at + intercept) for at, value in zip(x, values, strict=True)]
