"""Shared by all filters: candidates, and groups of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One solution, with the properties that filters read."""

    sample_id: str
    question_id: str
    n_tokens: int
    right: bool
    completion_ids: tuple[int, ...] = ()
    completion: str = ""
    difficulty: int | None = None
    raw: float | None = None
    """Its score in the method's score set: the raw InDiv of equation 5, or Div."""
    score: float | None = None
    """The standardized score of the InDiv filter."""
    policy: str = ""
    """The policy that it was sampled from, if that is not the one that the iteration samples from."""


Candidates = list[Candidate]


def scored(candidate: Candidate) -> float:
    """Return a candidate's raw score; raises ValueError if it has none."""
    if candidate.raw is None:
        raise ValueError(
            f"solution {candidate.sample_id} has no score; put {{kind: right}} before the filters that read scores:"
            " only correct solutions are scored"
        )
    return candidate.raw


def by_question(items: Iterable[T], questions: Sequence[str]) -> dict[str, list[T]]:
    """Group items by question."""
    groups: dict[str, list[T]] = defaultdict(list)
    for item, question in zip(items, questions, strict=True):
        groups[question].append(item)
    return groups
