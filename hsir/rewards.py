"""Rewards: score the rollouts of a question, for reinforcement learning. A reward is an option and its strategy:
fields, and a call (group) -> one number per rollout. A method's `train.rewards` is a list of them; GRPO compares their
weighted sum within the group.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from hsir import traces
from hsir.errors import InputError
from hsir.options import Options


class Rollout(NamedTuple):
    """The properties of a solution that rewards use; lengths are in tokens."""

    name: str
    text: str
    n_tokens: int
    right: bool
    truncated: bool = False
    """Whether the token limit cut it off."""
    limit: int = 2048
    """That limit."""
    indiv: float | None = None
    """The raw score of equation 5, by the policy in training."""


Group = Sequence[Rollout]


class BaseReward(Options):
    """Options shared by all rewards."""

    weight: float = Field(1.0, description="Weight of the reward in the sum.")


class Accuracy(BaseReward):
    """1 for a correct answer, by the task's own grader; 0 for any other."""

    kind: Literal["accuracy"] = "accuracy"

    def __call__(self, group: Group) -> list[float]:
        return [float(one.right) for one in group]


class Format(BaseReward):
    """1 for a rollout with the four tags of the trace format; 0 for any other (paper, section 3.5)."""

    kind: Literal["format"] = "format"
    tags: Literal["present", "in_order"] = Field(
        "present", description="Requirement on the four tags: all present, or each once and in order."
    )

    def __call__(self, group: Group) -> list[float]:
        fits = _in_order if self.tags == "in_order" else _present
        return [float(fits(one.text)) for one in group]


class Long2Short(BaseReward):
    """Prefers short rollouts (Kimi k1.5): 0.5 - (n - shortest) / (longest - shortest) within the group.

    An incorrect rollout gets at most 0. If all have the same length, each gets 0.
    """

    kind: Literal["long2short"] = "long2short"

    def __call__(self, group: Group) -> list[float]:
        lengths = [one.n_tokens for one in group]
        low, span = min(lengths), max(lengths) - min(lengths)
        if not span:
            return [0.0] * len(group)
        values = [0.5 - (n - low) / span for n in lengths]
        return [value if one.right else min(0.0, value) for one, value in zip(group, values, strict=True)]


class Cosine(BaseReward):
    """A cosine of the length (Demystifying Long CoT, arXiv 2502.03373): correct and short is best, incorrect and short
    worst.

    A rollout that the token limit cut off, or that is longer than `length`, gets `exceeded`, or the final value of the
    cosine if `exceeded` is none.
    """

    kind: Literal["cosine"] = "cosine"
    right: tuple[float, float] = Field(
        (1.0, 0.0), description="Reward of a correct rollout at length 0 and at `length`."
    )
    wrong: tuple[float, float] = Field(
        (-1.0, 0.0), description="Reward of an incorrect rollout at length 0 and at `length`."
    )
    exceeded: float | None = Field(
        -1.0, description="Reward of a rollout that is too long; if none, the final value of the cosine."
    )
    length: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Number of tokens at which the cosine ends; if none, the rollouts' token limit."
    )

    def __call__(self, group: Group) -> list[float]:
        return [self._of(one) for one in group]

    def _of(self, one: Rollout) -> float:
        most = self.length or one.limit
        if self.exceeded is not None and (one.truncated or one.n_tokens > most):
            return self.exceeded
        short, long = self.right if one.right else self.wrong
        return long + (short - long) / 2 * (1 + math.cos(math.pi * min(one.n_tokens / most, 1.0)))


class Indiv(BaseReward):
    """Intrinsic diversity measured by the policy in training (paper, eq. 9), at most 1 within the group.

    `exp` is exp(InDiv - the group's largest): in (0, 1], in the order of the scores. `ratio` is the score divided by
    the largest; this reverses the order if the largest is negative, and is rejected then. `minmax` is 0 for the
    smallest and 1 for the largest, or 1 for all if they are equal.
    """

    kind: Literal["indiv"] = "indiv"
    weight: float = Field(0.2, description="Weight of the reward in the sum.")
    normalise: Literal["exp", "ratio", "minmax"] = Field(
        "exp", description="How scores are scaled so that the group's largest is 1."
    )

    def __call__(self, group: Group) -> list[float]:
        scores = [_scored(one) for one in group]
        low, high = min(scores), max(scores)
        if self.normalise == "exp":
            return [math.exp(score - high) for score in scores]
        if self.normalise == "minmax":
            return [(score - low) / (high - low) if high > low else 1.0 for score in scores]
        if high <= 0:
            raise InputError(
                f"rollout {group[0].name}: the reward indiv with normalise: ratio needs a positive largest InDiv,"
                f" but it is {high:.4g}, and dividing by it would reverse the order; set normalise: exp"
            )
        return [score / high for score in scores]


Reward = Annotated[Accuracy | Format | Long2Short | Cosine | Indiv, Field(discriminator="kind")]


def reads_scores(reward: BaseReward) -> bool:
    """Return whether a reward needs InDiv."""
    return isinstance(reward, Indiv)


def _scored(rollout: Rollout) -> float:
    if rollout.indiv is None:
        raise ValueError(f"rollout {rollout.name} has no InDiv score")
    return rollout.indiv


def _present(text: str) -> bool:
    return all(tag in text for tag in traces.TAGS)


def _in_order(text: str) -> bool:
    places = [text.find(tag) for tag in traces.TAGS]
    return all(text.count(tag) == 1 for tag in traces.TAGS) and places == sorted(places)
