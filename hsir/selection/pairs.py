"""Pairs for preference learning: a kept solution, and one failed solution of the same question."""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence


def losers(failed: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Group (question id, sample id) of failed solutions by question, sorted by id."""
    by_question: dict[str, list[str]] = defaultdict(list)
    for question, sample in failed:
        by_question[question].append(sample)
    return {question: sorted(samples) for question, samples in by_question.items()}


def draw(winners: Sequence[tuple[str, str]], by_question: Mapping[str, Sequence[str]], seed: int) -> dict[str, str]:
    """Pick a random loser for each winner, (question id, sample id); winners of questions without failed solutions get
    none.

    A pick depends only on the seed, the winner and its question's losers. Source: paper, section 3.4.
    """
    return {
        sample: random.Random(f"{seed}/{sample}").choice(by_question[question])
        for question, sample in winners
        if by_question.get(question)
    }
