"""The seeded generator behind the benchmark `bags`: word problems with two independent reasons for a longer trace.

Work: a step may be written out (`3 bags of 4 are 3*4=12 coins.`, then `17+12=29.`) or skipped to its result
(`17+3*4=29.`). Redundancy: a step may be followed by a check, a restatement or a false start that is taken back; each
costs tokens, and none changes an amount. So the shortest trace is not the one that wastes least.
"""

import random
import re
from typing import NamedTuple

from hsir import traces

NAMES = ("Ann", "Bob", "Cid", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida", "Jon")
THINGS = ("coins", "apples", "books", "cards", "pens", "shells")
BAGS = ("bags", "boxes", "jars", "packs")
VERBS = {"+": ("finds", "buys"), "-": ("loses", "sells")}
LARGEST = 60

_PRODUCT = re.compile(r"(\d+) \w+ of (\d+) are \1\*\2=\d+ \w+\.")
_SKIPPED = re.compile(r"\d+[+-]\d+\*\d+=\d+\.")
_REDUNDANT = "Wait, let me "
_EQUATION = re.compile(r"(\d+)([+*-])(\d+)(?:\*(\d+))?=(\d+)")


class Step(NamedTuple):
    """One event of the story: `Ann buys 3 bags of 4`, with the amount before and after it."""

    event: str
    before: int
    sign: str
    bags: int
    each: int
    after: int


class Problem(NamedTuple):
    """A story with its steps and its answer."""

    question: str
    opening: str
    steps: tuple[Step, ...]
    answer: str


class Counts(NamedTuple):
    """What a trace consists of: steps written out, steps skipped to their result, redundant steps."""

    written: int
    skipped: int
    redundant: int


def problem(rng: random.Random, length: int) -> Problem:
    """Draw a problem of `length` steps; every amount stays within 1 and `LARGEST`."""
    name, things = rng.choice(NAMES), rng.choice(THINGS)
    amount = start = rng.randint(2, 40)
    steps = []
    for _ in range(length):
        bags, each = rng.randint(2, 4), rng.randint(2, 5)
        by = bags * each
        sign = rng.choice([s for s in "+-" if 1 <= (amount + by if s == "+" else amount - by) <= LARGEST])
        after = amount + by if sign == "+" else amount - by
        event = f"{name} {rng.choice(VERBS[sign])} {bags} {rng.choice(BAGS)} of {each}"
        steps.append(Step(event, amount, sign, bags, each, after))
        amount = after
    story = [f"{name} has {start} {things}.", *(f"{step.event}." for step in steps)]
    question = " ".join([*story, f"How many {things} does {name} have?"])
    return Problem(question, f"{name} starts with {start} {things}.", tuple(steps), str(amount))


def trace(rng: random.Random, drawn: Problem, work: float, redundancy: float) -> str:
    """Solve the problem: each step is written out with probability `work`, and followed by a redundant step with
    probability `redundancy`, independently."""
    name, _, _, _, things = drawn.opening.rstrip(".").split()
    lines = [drawn.opening]
    for step in drawn.steps:
        written = rng.random() < work
        lines += _solved(step, things, written)
        if rng.random() < redundancy:
            lines.append(_redundant(rng, step, name, written))
    return traces.compose([*lines, f"So the answer is {drawn.answer}."], drawn.answer)


def counted(completion: str) -> Counts:
    """Count the steps of each kind in a trace's reasoning, from its text alone."""
    texts = [text for text, _ in traces.steps(completion)]
    return Counts(
        written=sum(_PRODUCT.fullmatch(text) is not None for text in texts),
        skipped=sum(_SKIPPED.fullmatch(text) is not None for text in texts),
        redundant=sum(text.startswith(_REDUNDANT) for text in texts),
    )


def false_equations(text: str) -> list[str]:
    """List the equations of a text that do not hold."""
    return [found[0] for found in _EQUATION.finditer(text) if not _holds(*found.groups())]


def _solved(step: Step, things: str, written: bool) -> list[str]:
    if not written:
        return [f"{step.before}{step.sign}{step.bags}*{step.each}={step.after}."]
    by = step.bags * step.each
    held = step.event.split(" ", 2)[2]
    return [f"{held} are {step.bags}*{step.each}={by} {things}.", f"{step.before}{step.sign}{by}={step.after}."]


def _redundant(rng: random.Random, step: Step, name: str, written: bool) -> str:
    """Word a check, a restatement or a false start; all begin alike, so that one decision precedes the choice."""
    by = str(step.bags * step.each) if written else f"{step.bags}*{step.each}"
    back = "-" if step.sign == "+" else "+"
    wordings = (
        f"check: {step.after}{back}{by}={step.before}.",
        f"restate: {name} had {step.before} and now has {step.after}.",
        f"start over. No, {step.after} is fine.",
    )
    return _REDUNDANT + rng.choice(wordings)


def _holds(first: str, sign: str, second: str, factor: str | None, result: str) -> bool:
    by = int(second) * int(factor or 1)
    value = {"+": int(first) + by, "-": int(first) - by, "*": int(first) * by}[sign]
    return value == int(result)
