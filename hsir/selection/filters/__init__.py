"""Filters select the solutions that train the next policy.

A filter is an option and its strategy: fields, and a call (candidates, seed) -> candidates. A method's `select` is a
list of filters, applied in order.
"""

import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, RootModel, model_validator

from hsir.options import Options
from hsir.selection.filters.balanced import Balanced
from hsir.selection.filters.base import Candidate, Candidates, by_question, scored
from hsir.selection.filters.sound import Sound
from hsir.selection.filters.standard import residuals, zscores

FEW = 20
"""Number of scores below which standardization is unreliable."""
Pick = Literal["random", "shortest", "highest", "lowest"]
_EQUATION = re.compile(r"[0-9(][0-9+\-*/x\u00d7\u00f7().,$% ]{0,200}=[ $]{0,4}-?[0-9][0-9.,]{0,40}")


class Right(Options):
    """Keep the solutions that the grader accepted."""

    kind: Literal["right"] = "right"

    def __call__(self, candidates: Candidates, seed: int) -> Candidates:
        return [c for c in candidates if c.right]


class Distinct(Options):
    """Keep only the first of identical solutions to a question: with the same tokens, or the same list of equations."""

    kind: Literal["distinct"] = "distinct"
    by: Literal["tokens", "equations"] = Field(
        "tokens", description="What is compared; solutions without an equation are compared by their tokens."
    )

    def __call__(self, candidates: Candidates, seed: int) -> Candidates:
        first = {self._key(c): c for c in reversed(candidates)}
        return [c for c in candidates if first[self._key(c)] is c]

    def _key(self, one: Candidate) -> tuple[str, tuple[int, ...] | tuple[str, ...]]:
        found = equations(one.completion) if self.by == "equations" else ()
        return one.question_id, found or one.completion_ids


class InDiv(Options):
    """Keep the solutions whose standardized intrinsic diversity reaches the threshold (paper, eq. 5).

    `zscore` uses the mean and the standard deviation over all candidates of the iteration. `per_question` uses those of
    the question (0 for a single candidate, or equal ones). `length_residual` first removes a linear fit in log(tokens).
    `none` keeps the raw score. Solutions of several policies are standardized policy by policy, because the raw scores
    of different policies are on different scales.
    """

    kind: Literal["indiv"] = "indiv"
    threshold: float = Field(-0.5, description="tau: scores below it are dropped.")
    threshold_is: Literal["score", "quantile"] = Field(
        "score", description="Meaning of tau: a score, or the share of candidates to drop."
    )
    log_base: Literal["e", "10"] = Field("e", description="Base of the logarithm; only matters for raw scores.")
    standardise: Literal["zscore", "per_question", "length_residual", "none"] = Field(
        "zscore", description="Standardization of the scores before the threshold."
    )

    @model_validator(mode="after")
    def _a_share(self) -> "InDiv":
        if self.threshold_is == "quantile" and not 0 <= self.threshold < 1:
            raise ValueError(f"threshold is {self.threshold}; as a quantile it must be at least 0 and below 1")
        return self

    def __call__(self, candidates: Candidates, seed: int) -> Candidates:
        scores = self.standardised(candidates)
        least = self.least(scores)
        return [replace(c, score=z) for c, z in zip(candidates, scores, strict=True) if z >= least]

    def doubt(self, candidates: Candidates) -> str | None:
        """Warn if there are too few scores for a reliable mean and standard deviation."""
        fewest = min(Counter(c.policy for c in candidates).values(), default=0)
        if self.standardise == "none" or self.threshold_is == "quantile" or fewest >= FEW:
            return None
        return (
            f"InDiv is standardized over {fewest} correct solutions, which is too few for a reliable"
            " mean and standard deviation; sample more, or use more questions"
        )

    def least(self, scores: Sequence[float]) -> float:
        """Return the lowest score to keep."""
        if self.threshold_is == "quantile" and scores:
            return sorted(scores)[int(self.threshold * len(scores))]
        return self.threshold

    def standardised(self, candidates: Candidates) -> list[float]:
        """Return each candidate's standardized score, in order."""
        places = by_question(range(len(candidates)), [c.policy for c in candidates]).values()
        scores = {
            place: score
            for some in places
            for place, score in zip(some, self._standardised([candidates[place] for place in some]), strict=True)
        }
        return [scores[place] for place in range(len(candidates))]

    def _standardised(self, candidates: Candidates) -> list[float]:
        """Return the standardized scores of one policy's solutions."""
        base = 1.0 if self.log_base == "e" else math.log(10)
        raw = [scored(c) / base for c in candidates]
        if self.standardise == "none":
            return raw
        if self.standardise == "length_residual":
            raw = residuals([c.n_tokens for c in candidates], raw)
        if self.standardise != "per_question":
            return zscores(raw)
        groups = by_question(range(len(raw)), [c.question_id for c in candidates])
        scores = dict(
            pair for group in groups.values() for pair in zip(group, zscores([raw[i] for i in group]), strict=True)
        )
        return [scores[i] for i in range(len(raw))]


class Length(Options):
    """Keep the shorter solutions of each question: min-max length at or below the threshold."""

    kind: Literal["length"] = "length"
    threshold: float = Field(0.5, ge=0, le=1, description="0 is the shortest solution of the question, 1 the longest.")

    def __call__(self, candidates: Candidates, seed: int) -> Candidates:
        kept = set()
        for group in by_question(candidates, [c.question_id for c in candidates]).values():
            lengths = [c.n_tokens for c in group]
            low, span = min(lengths), max(lengths) - min(lengths)
            kept |= {c.sample_id for c in group if c.n_tokens - low <= self.threshold * span}
        return [c for c in candidates if c.sample_id in kept]


class AtMost(Options):
    """Keep at most `per_question` solutions per question, picked at random or by rank."""

    kind: Literal["at_most"] = "at_most"
    per_question: int = Field(ge=1, description="K: largest number to keep.")
    pick: Pick = Field("random", description="Which ones to keep; highest and lowest by score.")

    def __call__(self, candidates: Candidates, seed: int) -> Candidates:
        kept = set()
        for question, group in by_question(candidates, [c.question_id for c in candidates]).items():
            kept |= {c.sample_id for c in self._ranked(question, group, seed)[: self.per_question]}
        return [c for c in candidates if c.sample_id in kept]

    def _ranked(self, question: str, group: Candidates, seed: int) -> Candidates:
        return ranked(group, self.pick, f"{seed}/{question}")


class Tokens(Options):
    """Keep solutions, one after another, until a share of the candidates' tokens is used; none is truncated."""

    kind: Literal["tokens"] = "tokens"
    share: float = Field(0.5, gt=0, le=1, description="Tokens to keep, as a share of the candidates' tokens.")
    pick: Pick = Field("random", description="Which come first; highest and lowest by score.")

    def __call__(self, candidates: Candidates, seed: int) -> Candidates:
        left = self.share * sum(c.n_tokens for c in candidates)
        kept = set()
        for one in ranked(candidates, self.pick, str(seed)):
            if one.n_tokens <= left:
                left -= one.n_tokens
                kept.add(one.sample_id)
        return [c for c in candidates if c.sample_id in kept]


Filter = Annotated[
    Right | Distinct | InDiv | Length | AtMost | Tokens | Balanced | Sound,
    Field(discriminator="kind"),
]


class Selection(RootModel[tuple[Filter, ...]]):
    """A method's filters, as the stage filter reads them."""


def needs_scores(chosen: Filter) -> bool:
    """Return whether a filter reads scores."""
    return isinstance(chosen, InDiv | Balanced) or getattr(chosen, "pick", "") in {"highest", "lowest"}


def compares_raw_scores(chosen: Filter) -> bool:
    """Return whether a filter compares the scores of solutions without standardizing them first."""
    return needs_scores(chosen) and (not isinstance(chosen, InDiv) or chosen.standardise == "none")


def ranked(group: Candidates, pick: Pick, seed: str) -> Candidates:
    """Order candidates so that those to keep come first; ties, and `random`, are ordered by a seeded shuffle."""
    ordered = sorted(group, key=lambda c: c.sample_id)
    random.Random(seed).shuffle(ordered)
    if pick == "shortest":
        ordered.sort(key=lambda c: c.n_tokens)
    elif pick != "random":
        ordered.sort(key=scored, reverse=pick == "highest")
    return ordered


def equations(text: str) -> tuple[str, ...]:
    """Return the equations of a solution, such as `12+5=17`, in order, without white space and currency signs."""
    return tuple(re.sub(r"[ $,]", "", found).rstrip(".") for found in _EQUATION.findall(text))
