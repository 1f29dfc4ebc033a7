"""Majority answers: what most completions of a question say, compared by its grader, without a gold answer."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeVar

from hsir.grading.base import Choices, Grader, Item

T = TypeVar("T")


def leading(votes: Mapping[T, int]) -> list[T]:
    """Return the choices with the most votes: several in a tie, none without votes."""
    return [one for one, count in votes.items() if count == max(votes.values())]


def said(completion: str, grader: Grader, options: Choices | None = None, truncated: bool = False) -> str | None:
    """Return the answer of a completion in its plain form; None if there is none, several, or one that the grader
    cannot parse."""
    kind = grader.of("", options)
    found, _ = kind.locate(Item(completion, "", options, truncated))
    answers = kind.distinct(found, options) if found else []
    return plain(answers[0], grader, options) if len(answers) == 1 else None


def plain(answer: str, grader: Grader, options: Choices | None = None) -> str | None:
    """Return an answer as the grader writes gold answers; None if the grader cannot parse it."""
    try:
        return grader.check_gold(answer, options)
    except ValueError:
        return None


def majority(
    answers: Iterable[str | None], grader: Grader, options: Choices | None = None, least: float = 0.5
) -> str | None:
    """Return the most frequent of a question's answers; None if fewer than the share `least` of them say so, or in a
    tie. An answer that is None counts as a vote for no answer.

    Source: self-consistency, arXiv 2203.11171.
    """
    given = Counter(answers)
    votes: Counter[str] = Counter()
    for answer, count in given.most_common():
        if answer is not None:
            votes[next((one for one in votes if grader.same(answer, one, options)), answer)] += count
    first = leading(votes)
    return first[0] if len(first) == 1 and votes[first[0]] >= least * given.total() else None
