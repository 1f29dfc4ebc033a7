"""Solutions made more redundant on purpose, to see whether a score of diversity falls."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Literal, NamedTuple

from hsir import traces
from hsir.splitting import Layout

COPIES = (1, 2, 4)
"""How often a span of steps is repeated, or how many re-checks are put in; the original has 0."""
Kind = Literal["original", "repeat", "recheck", "other", "aside"]
KINDS: tuple[Kind, ...] = ("repeat", "recheck", "other", "aside")
CONTROLS: dict[Kind, Kind] = {"repeat": "other", "recheck": "aside"}
"""As many characters in the same places, but they are steps of other solutions."""
TRIES = 100
"""Draws of others' steps, of which the one that is closest in length is used."""
TEMPLATES = (
    "Wait, let me check: {step}",
    "Let me double-check this. {step}",
    "Hmm, I should verify that again. {step}",
    "Going back over it once more: {step} Yes, that holds.",
    "To be sure: {step} So that was right.",
    "Hold on, is that correct? {step} It is.",
)
"""Re-checks that restate an earlier step in a sentence of their own."""

Addition = tuple[int, str]
"""The character behind which steps are put in, and their text."""


class Variant(NamedTuple):
    """A solution with a number of copies added; its answer is as it was."""

    kind: Kind
    copies: int
    completion: str


def variants(completion: str, others: Sequence[str], seed: str, layout: Layout = "blank_line") -> list[Variant]:
    """Return a solution as it is, and with 1, 2 or 4 additions: a repeated span of its steps, re-checks, or steps of
    `others`, as long and in the same places.

    More copies hold what fewer do: the span is one, and the re-checks of 1 are among those of 2. A solution without
    any step, and one beside which there is no step of another, has no variants. `seed` decides on all that is random.
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
    """Draw steps of other solutions that together have about `length` characters."""
    drawn = (text for _ in range(TRIES) for text in _growing(foreign, length, random))
    return min(drawn, key=lambda text: abs(len(text) - length))


def _growing(foreign: Sequence[str], length: int, random: Random) -> Iterator[str]:
    text = random.choice(foreign)
    yield text
    while len(text) < length:
        text += traces.STEP_BREAK + random.choice(foreign)
        yield text


def inserted(completion: str, additions: list[Addition]) -> str:
    """Put steps in, each behind its place; those of one place in the order given."""
    ordered = sorted(additions, key=lambda addition: addition[0])
    for end, text in ordered[::-1]:  # the last first, so that the other places stay
        completion = completion[:end] + traces.STEP_BREAK + text + completion[end:]
    return completion


def _span(found: list[tuple[str, int]], random: Random) -> tuple[int, list[str]]:
    """Pick up to a third of the steps, in a row, to be repeated behind the last of them: (its end, steps)."""
    length = random.randint(1, max(1, len(found) // 3))
    first = random.randrange(len(found) - length + 1)
    span = found[first : first + length]
    return span[-1][1], [step for step, _ in span]


def _rechecks(found: list[tuple[str, int]], random: Random) -> list[Addition]:
    """Word as many re-checks as are needed at most, each somewhere behind the step that it restates."""
    additions = []
    for template in random.sample(TEMPLATES, max(COPIES)):
        behind = random.randrange(len(found))
        additions.append((found[behind][1], template.format(step=found[random.randint(0, behind)][0])))
    return additions
