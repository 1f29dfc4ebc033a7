"""The seeded generator behind the benchmark `bags`: word problems with two independent reasons for a longer trace.

Work: a step may be written out (`3 bags of 4 are 3*4=12 coins.`, then `17+12=29.`), or up to three steps in a row may
be skipped to their result (`17+3*4-2*5=19.`). Redundancy: a step may be followed by a check, a restatement or a false
start that is taken back; each costs tokens, and none changes an amount. So the shortest trace is not the one that
wastes least.
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
AT_ONCE = 3
"""Steps that are skipped in one equation at most."""

_PRODUCT = re.compile(r"(\d+) \w+ of (\d+) are \1\*\2=\d+ \w+\.")
_SKIPPED = re.compile(r"\d+((?:[+-]\d+\*\d+)+)=\d+\.")
_REDUNDANT = "Wait, let me "
_EQUATION = re.compile(r"(?<![\d*+-])(\d{1,4}(?:[*+-]\d{1,4}){1,9})=(\d{1,4})")
_TERM = re.compile(r"([+-]?)(\d+)(?:\*(\d+))?")


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
    """Generate a problem of `length` steps; every amount stays within 1 and `LARGEST`."""
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
    """Solve the problem: each step is written out with probability `work`, and each adds a redundant step with
    probability `redundancy`, independently."""
    name, _, _, _, things = drawn.opening.rstrip(".").split()
    lines = [drawn.opening]
    for steps, written in _grouped(drawn.steps, [rng.random() < work for _ in drawn.steps]):
        lines += _written(steps[0], things) if written else [f"{_equation(steps)}."]
        lines += [_redundant(rng, steps, name, written) for _ in steps if rng.random() < redundancy]
    return traces.compose([*lines, f"So the answer is {drawn.answer}."], drawn.answer)


def counted(completion: str) -> Counts:
    """Count the steps of each kind in a trace's reasoning, from its text alone."""
    texts = [text for text, _ in traces.steps(completion)]
    skips = [found[1].count("*") for text in texts if (found := _SKIPPED.fullmatch(text))]
    return Counts(
        written=sum(_PRODUCT.fullmatch(text) is not None for text in texts),
        skipped=sum(skips),
        redundant=sum(text.startswith(_REDUNDANT) for text in texts),
    )


def false_equations(text: str) -> list[str]:
    """List the equations of a text that do not hold."""
    return [found[0] for found in _EQUATION.finditer(text) if _value(found[1]) != int(found[2])]


def _grouped(steps: tuple[Step, ...], written: list[bool]) -> list[tuple[list[Step], bool]]:
    """Put each step that is written out by itself, and skipped ones in a row together, up to `AT_ONCE`."""
    groups: list[tuple[list[Step], bool]] = []
    for step, out in zip(steps, written, strict=True):
        if groups and not out and not groups[-1][1] and len(groups[-1][0]) < AT_ONCE:
            groups[-1][0].append(step)
        else:
            groups.append(([step], out))
    return groups


def _written(step: Step, things: str) -> list[str]:
    by = step.bags * step.each
    held = step.event.split(" ", 2)[2]
    return [f"{held} are {step.bags}*{step.each}={by} {things}.", f"{step.before}{step.sign}{by}={step.after}."]


def _equation(steps: list[Step]) -> str:
    terms = "".join(f"{step.sign}{step.bags}*{step.each}" for step in steps)
    return f"{steps[0].before}{terms}={steps[-1].after}"


def _redundant(rng: random.Random, steps: list[Step], name: str, written: bool) -> str:
    """Word a check, a restatement or a false start; all begin alike, so that one decision precedes the choice."""
    before, after = steps[0].before, steps[-1].after
    back = [("-" if s.sign == "+" else "+", f"{s.bags * s.each}" if written else f"{s.bags}*{s.each}") for s in steps]
    wordings = (
        f"check: {after}{''.join(sign + by for sign, by in reversed(back))}={before}.",
        f"restate: {name} had {before} and now has {after}.",
        f"start over. No, {after} is fine.",
    )
    return _REDUNDANT + rng.choice(wordings)


def _value(terms: str) -> int:
    return sum(int(f"{found[1]}{found[2]}") * int(found[3] or 1) for found in _TERM.finditer(terms))
