"""The seeded generator behind the embedded benchmark: word problems told as a chain of steps.

The number of steps is the difficulty. A problem's trace reads like a distilled reasoning trace: one step per paragraph,
and some redundant re-checks of earlier steps, the overthinking that self-improvement should remove.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

from hsir import traces

NAMES = ("Ann", "Bob", "Cid", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida", "Jon")
THINGS = ("coins", "apples", "books", "cards", "pens", "shells")
DOUBTS = ("Wait, let me check.", "Hmm, let me verify.", "Let me double check.")
LARGEST = 60


class Step(NamedTuple):
    """One event of the story: `Ann finds 5`, `12+5=17`."""

    event: str
    equation: str


class Problem(NamedTuple):
    """A story with its worked steps and its answer."""

    question: str
    opening: str
    steps: tuple[Step, ...]
    answer: str


def problem(rng: random.Random, length: int) -> Problem:
    """Generate a problem of `length` steps; every amount stays between 1 and `LARGEST`."""
    name, things = rng.choice(NAMES), rng.choice(THINGS)
    amount = start = rng.randint(2, 20)
    steps = []
    for _ in range(length):
        verb, sign, by = _event(rng, amount)
        after = {"+": amount + by, "-": amount - by, "*": amount * by, "/": amount // by}[sign]
        what = "them" if sign in "*/" else str(by)
        steps.append(Step(f"{name} {verb} {what}", f"{amount}{sign}{by}={after}"))
        amount = after
    story = [f"{name} has {start} {things}.", *(f"{step.event}." for step in steps)]
    question = " ".join([*story, f"How many {things} does {name} have?"])
    return Problem(question, f"{name} starts with {start} {things}.", tuple(steps), str(amount))


def _event(rng: random.Random, amount: int) -> tuple[str, str, int]:
    """Pick (verb, sign, by) among those that keep the amount within bounds."""
    possible = []
    if amount < LARGEST:
        possible += [("finds", "+"), ("buys", "+")]
    if amount > 1:
        possible += [("loses", "-"), ("gives", "-")]
    if amount * 2 <= LARGEST:
        possible.append(("doubles", "*"))
    if amount % 2 == 0:
        possible.append(("halves", "/"))
    verb, sign = rng.choice(possible)
    room = {"+": LARGEST - amount, "-": amount - 1}
    return verb, sign, rng.randint(1, min(9, room[sign])) if sign in room else 2


def trace(rng: random.Random, told: Problem, rechecks: int) -> str:
    """Solve the problem step by step, then add `rechecks` redundant re-checks."""
    verdict = f"So the answer is {told.answer}."
    lines = [told.opening, *(f"{step.event}, so {step.equation}." for step in told.steps), verdict]
    for _ in range(rechecks):
        equations = [f"{step.equation}." for step in told.steps]
        lines += [rng.choice(DOUBTS), *equations[-rng.randint(1, len(equations)) :], verdict]
    return traces.compose(lines, told.answer)


def rechecks(rng: random.Random, weights: Sequence[float]) -> int:
    """Sample the number of re-checks of a trace; `weights[n]` is the weight of n."""
    return rng.choices(range(len(weights)), weights)[0]
