"""Pairs for preference learning: a kept solution, and one failed solution of the same question."""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from hsir.config.training import Loser


class Sampled(NamedTuple):
    """The properties of a solution that pairing reads; `parent_id` is the failed one it was recycled from, if any."""

    question_id: str
    sample_id: str
    n_tokens: int = 0
    parent_id: str | None = None


def losers(failed: Iterable[Sampled]) -> dict[str, list[Sampled]]:
    """Group failed solutions by question, each group sorted by id."""
    by_question: dict[str, list[Sampled]] = defaultdict(list)
    for one in sorted(failed, key=lambda one: one.sample_id):
        by_question[one.question_id].append(one)
    return by_question


def draw(
    winners: Sequence[Sampled], by_question: Mapping[str, Sequence[Sampled]], seed: int, by: Loser = "random"
) -> dict[str, str]:
    """Return a loser for each winner, by sample id; winners of questions without a failed solution have none.

    `random` picks at random (paper, section 3.4). `nearest` picks one of those closest in length to the winner.
    `parent` uses the failed solution that the winner was recycled from, and picks at random for other winners. A pick
    depends only on the seed, the winner and its question's losers.
    """
    found = {}
    for winner in winners:
        failed = by_question.get(winner.question_id, ())
        if by == "parent":
            failed = [one for one in failed if one.sample_id == winner.parent_id] or failed
        if by == "nearest" and failed:
            least = min(abs(one.n_tokens - winner.n_tokens) for one in failed)
            failed = [one for one in failed if abs(one.n_tokens - winner.n_tokens) == least]
        if failed:
            found[winner.sample_id] = random.Random(f"{seed}/{winner.sample_id}").choice(failed).sample_id
    return found
