"""What each embedded base model is made of: its problems and traces, its shape, its training."""

import random
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from hsir.tasks import bagproblems, wordproblems


class Solved(NamedTuple):
    """A problem with its answer and one trace."""

    question: str
    answer: str
    trace: str


class Recipe(NamedTuple):
    """How a base model is made.

    `solve` draws what it learns, `words` what its tokenizer is trained on; `weights[n]` is the weight of problems of
    n + 1 steps; `cycles` are numbers of batches. `about` completes the card's first paragraph.
    """

    solve: Callable[[random.Random, int], Solved]
    words: Callable[[random.Random, int], Solved]
    weights: tuple[float, ...]
    shape: dict[str, int]
    cycles: tuple[int, ...]
    rate: float
    about: str


def chain(rng: random.Random, length: int, rechecks: int | None = None) -> Solved:
    """Draw a problem of `chains`, with 0 to 3 re-checks evenly unless their number is given."""
    told = wordproblems.problem(rng, length)
    count = wordproblems.rechecks(rng, (1, 1, 1, 1)) if rechecks is None else rechecks
    return Solved(told.question, told.answer, wordproblems.trace(rng, told, count))


def bags(rng: random.Random, length: int) -> Solved:
    """Draw a problem of `bags`, with its rates of steps written out and of redundant steps drawn evenly."""
    drawn = bagproblems.problem(rng, length)
    trace = bagproblems.trace(rng, drawn, rng.choice(RATES), rng.choice(RATES))
    return Solved(drawn.question, drawn.answer, trace)


RATES = (0.0, 0.25, 0.5, 0.75, 1.0)

RECIPES = {
    "chains": Recipe(
        chain,
        partial(chain, rechecks=2),
        (3, 4, 4, 3, 2, 1, 0.5, 0.25),
        {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4},
        (900,),
        5e-3,
        "re-checks its work 0 to 3 times, needed or not",
    ),
    "bags": Recipe(
        bags,
        bags,
        (2, 3, 3, 3, 3, 2.5, 2),
        {"hidden_size": 192, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4},
        (900, 600),
        5e-3,
        "writes its work out or skips it, and re-checks it, independently of each other",
    ),
}
"""By the task's name. The base sees short problems often and long ones seldom, so that it is good at the first and bad
at the second, and every manner of trace evenly, so that a policy takes on the manner of what it is trained on."""
