"""Make solutions more redundant on purpose, to test whether a diversity score falls."""

from collections.abc import Sequence
from random import Random
from typing import Literal, NamedTuple

from hsir import traces
from hsir.splitting import Layout

COPIES = (1, 2, 4)
"""Number of repetitions of a span of steps, or of inserted re-checks; the original has 0."""
Kind = Literal["original", "repeat", "recheck", "other"]
KINDS: tuple[Kind, ...] = ("repeat", "recheck", "other")
"""`other` is the control: about as long as `repeat`, but the added steps come from other solutions."""
TEMPLATES = (
    "Wait, let me check: {step}",
    "Let me double-check this. {step}",
    "Hmm, I should verify that again. {step}",
    "Going back over it once more: {step} Yes, that holds.",
    "To be sure: {step} So that was right.",
    "Hold on, is that correct? {step} It is.",
)
"""Re-checks that restate an earlier step in a new sentence."""

Addition = tuple[int, str]
"""The character offset after which steps are inserted, and their text."""


class Variant(NamedTuple):
    """A solution with added copies; its answer is unchanged."""

    kind: Kind
    copies: int
    completion: str


def variants(completion: str, others: Sequence[str], seed: str, layout: Layout = "blank_line") -> list[Variant]:
    """Return a solution unchanged; with a span of steps repeated 1, 2, 4 times; with 1, 2, 4 re-checks; with `others`'
    steps.

    Variants are nested: the span is the same, and the re-checks of 1 are among those of 2. A solution without steps, or
    without steps of others to insert, has no variants. `seed` controls all randomness.
    """
    found = traces.steps(completion, layout)
    own = {step for step, _ in found}
    foreign = [step for step in others if step not in own]
    if not found or not foreign:
        return []
    random = Random(seed)
    end, span = _span(found, random)
    added: dict[Kind, list[Addition]] = {
        "repeat": [(end, traces.STEP_BREAK.join(span))] * max(COPIES),
        "recheck": _rechecks(found, random),
        "other": [(end, traces.STEP_BREAK.join(random.choices(foreign, k=len(span)))) for _ in range(max(COPIES))],
    }
    more = [Variant(kind, n, inserted(completion, added[kind][:n])) for kind in KINDS for n in COPIES]
    return [Variant("original", 0, completion), *more]


def inserted(completion: str, additions: list[Addition]) -> str:
    """Insert steps, each after its place; those with the same place in the given order."""
    ordered = sorted(additions, key=lambda addition: addition[0])
    for end, text in ordered[::-1]:  # last first, so that the other offsets stay valid
        completion = completion[:end] + traces.STEP_BREAK + text + completion[end:]
    return completion


def _span(found: list[tuple[str, int]], random: Random) -> tuple[int, list[str]]:
    """Pick up to a third of the steps, consecutive, to be repeated after the last one: (its end, steps)."""
    length = random.randint(1, max(1, len(found) // 3))
    first = random.randrange(len(found) - length + 1)
    span = found[first : first + length]
    return span[-1][1], [step for step, _ in span]


def _rechecks(found: list[tuple[str, int]], random: Random) -> list[Addition]:
    """Build the maximum number of re-checks needed, each at a random place after the step that it restates."""
    additions = []
    for template in random.sample(TEMPLATES, max(COPIES)):
        behind = random.randrange(len(found))
        additions.append((found[behind][1], template.format(step=found[random.randint(0, behind)][0])))
    return additions
