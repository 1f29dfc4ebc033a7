"""Make solutions more redundant on purpose, to test whether a diversity score falls."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Literal, NamedTuple

from hsir import traces
from hsir.splitting import Layout

COPIES = (1, 2, 4)
"""Number of repetitions of a span of steps, or of inserted re-checks; the original has 0."""
Kind = Literal["original", "repeat", "recheck", "other", "aside"]
KINDS: tuple[Kind, ...] = ("repeat", "recheck", "other", "aside")
CONTROLS: dict[Kind, Kind] = {"repeat": "other", "recheck": "aside"}
"""Controls: as many characters in the same places, but from steps of other solutions."""
TRIES = 100
"""Number of random picks of others' steps; the one closest in length is used."""
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
    """Return a solution unchanged, and with 1, 2 or 4 additions: a repeated span of its steps, re-checks, or steps of
    `others` of the same length and in the same places.

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
    repeated, rechecks = (end, traces.STEP_BREAK.join(span)), _rechecks(found, random)
    added: dict[Kind, list[Addition]] = {
        "repeat": [repeated] * max(COPIES),
        "recheck": rechecks,
        "other": [(end, as_long(foreign, len(repeated[1]), random)) for _ in range(max(COPIES))],
        "aside": [(place, as_long(foreign, len(text), random)) for place, text in rechecks],
    }
    more = [Variant(kind, n, inserted(completion, added[kind][:n])) for kind in KINDS for n in COPIES]
    return [Variant("original", 0, completion), *more]


def as_long(foreign: Sequence[str], length: int, random: Random) -> str:
    """Pick random steps of other solutions with about `length` characters in total."""
    drawn = (text for _ in range(TRIES) for text in _growing(foreign, length, random))
    return min(drawn, key=lambda text: abs(len(text) - length))


def _growing(foreign: Sequence[str], length: int, random: Random) -> Iterator[str]:
    text = random.choice(foreign)
    yield text
    while len(text) < length:
        text += traces.STEP_BREAK + random.choice(foreign)
        yield text


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
