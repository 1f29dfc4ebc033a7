"""Is the reasoning that VeriExit keeps sound? How often it contains a false equation, compared with ordinary correct
solutions."""

import random
from collections.abc import Iterable
from typing import NamedTuple

from hsir import traces
from hsir.evaluation.statistics import wilson
from hsir.report import pools
from hsir.report.run import Drawn, Made
from hsir.selection.filters.sound import checked_equations

MOST = 2_000
"""Maximum number of solutions examined per pool: a random sample if there are more."""


class Count(NamedTuple):
    """The number of solutions whose reasoning contains a checkable equation, and of those with a false one."""

    checked: int = 0
    false: int = 0

    def plus(self, other: "Count") -> "Count":
        """Add the counts of another pool."""
        return Count(self.checked + other.checked, self.false + other.false)


def told(made: Made) -> list[str]:
    """Report for each kind of matcher how many recovered traces contain a false equation; nothing if none were
    recovered."""
    recovered, ordinary = dict[str, Count](), Count()
    sources = dict[tuple[str, ...], Count]()
    for drawn in made.drawn():
        source = made.recycles(drawn)
        if source is None:
            continue
        kind = made.matcher(drawn)
        recovered[kind] = recovered.get(kind, Count()).plus(_count(made, drawn))
        sources[tuple(map(str, made.shards(source)))] = _count(made, source)
    for one in sources.values():
        ordinary = ordinary.plus(one)
    return [_line(kind, found, ordinary) for kind, found in recovered.items()]


def counted(texts: Iterable[str]) -> Count:
    """Check the equations between plain numbers in the reasoning of each text."""
    found = [checked_equations(text[slice(*traces.reasoning_span(text))]) for text in texts]
    return Count(sum(total > 0 for total, _ in found), sum(false > 0 for _, false in found))


def _count(made: Made, drawn: Drawn) -> Count:
    solutions = pools.solutions(made, drawn)
    right = sorted(solutions["sample_id"][solutions["right"]])
    chosen = random.Random(0).sample(right, MOST) if len(right) > MOST else right
    return counted(pools.texts(made, drawn, set(chosen)).values())


def _line(kind: str, recovered: Count, ordinary: Count) -> str:
    if not recovered.checked:
        return (
            f"The soundness of traces recovered by the matcher {kind} is unknown: none contains an equation to check."
        )
    return (
        f"Of the traces with an equation recovered by the matcher {kind}, {_share(recovered)} contain a false"
        f" one; of ordinary correct solutions, {_share(ordinary)}."
    )


def _share(count: Count) -> str:
    if not count.checked:
        return "none can be checked"
    share = wilson(count.false, count.checked)
    interval = f"95 % interval {share.low:.1%} to {share.high:.1%}"
    return f"{count.false:,} of {count.checked:,} ({share.value:.1%}, {interval})"
