"""A run in the paper's layout, three lines per policy: ours, the published values, and the differences."""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean
from typing import NamedTuple

from hsir.report import overall, seeds
from hsir.report.grid import column
from hsir.report.published import Published, published
from hsir.report.results import Result
from hsir.report.seeds import Place
from hsir.report.sheets import Entry, Sheet

NOTE = (
    "Accuracy in percent and its 95 % half-width. A difference is ours minus published. Its half-width includes the"
    " sampling error of the published value, as one run on as many questions; differences with a ~ could be chance."
    " The last two columns are means over the columns."
)
Z = 1.959964


class Cell(NamedTuple):
    """A policy at one place: our results, and the published ones; either may be missing."""

    ours: list[Result]
    theirs: Published | None

    def half(self) -> float:
        """Return the half-width of our accuracy, in points; 0 if there is no interval."""
        found = seeds.accuracy(self.ours)
        return 0.0 if found.low is None or found.high is None else (found.high - found.low) / 2

    def difference(self) -> tuple[float, float] | None:
        """Return ours minus published and its half-width, in points."""
        if not self.ours or self.theirs is None:
            return None
        share = self.theirs.accuracy / 100
        chance = 100 * Z * sqrt(share * (1 - share) / self.ours[0].questions)
        return seeds.accuracy(self.ours).value - self.theirs.accuracy, sqrt(self.half() ** 2 + chance**2)


def sheets(name: str, results: Sequence[Result]) -> list[Sheet]:
    """Return the run next to the paper's values, if there are any for its policies; `name` is that of a paper's table,
    for its printed means.
    """
    places, known = seeds.by_place(results), published()
    policies = [
        policy
        for policy in dict.fromkeys(result.policy for result in results)
        if any((*place, policy) in known for place in places)
    ]
    lengths = {place for place in places if any((one := known.get((*place, p))) and one.tokens for p in policies)}
    columns = [name for place in places for name in [column(place), *[f"{column(place)} tokens"] * (place in lengths)]]
    lines = []
    for policy in policies:
        cells = {place: Cell(there.get(policy, []), known.get((*place, policy))) for place, there in places.items()}
        lines += _lines(policy, cells, lengths, overall.published().get((name, policy)))
    title = f"{name}, next to the paper's values in its layout"
    return [Sheet(title, ["policy", "whose", "trained on", *columns, "accuracy", "tokens"], lines, NOTE)] * bool(lines)


def _lines(
    policy: str, cells: dict[Place, Cell], lengths: set[Place], printed: overall.Overall | None
) -> list[list[Entry]]:
    """Return the three lines of a policy."""
    ours, theirs, apart = list[Entry](), list[Entry](), list[Entry]()
    for place, cell in cells.items():
        ours.append(_accuracy(cell))
        theirs.append(Entry(f"{cell.theirs.accuracy:.2f}") if cell.theirs else Entry("-"))
        apart.append(_difference(cell.difference()))
        if place in lengths:
            mine = seeds.tokens(cell.ours).value if cell.ours else None
            its = float(cell.theirs.tokens) if cell.theirs and cell.theirs.tokens else None
            ours.append(_count(mine))
            theirs.append(_count(its))
            apart.append(_apart(mine, its))
    found = [*cells.values()]
    printed = printed if printed is not None and printed.columns == len(found) else None
    mine = fmean(seeds.tokens(cell.ours).value for cell in found) if all(cell.ours for cell in found) else None
    its = printed.tokens if printed else None
    trained = fmean(r.trained_on for cell in found for r in cell.ours) if mine is not None else None
    size = float(printed.trained_on) if printed and printed.trained_on else None
    return [
        [Entry(policy), Entry("ours"), _count(trained), *ours, _mean(found), _count(mine)],
        [Entry(""), Entry("published"), _count(size), *theirs, Entry(f"{printed.accuracy:.2f}" if printed else "-"),
         _count(its)],
        [Entry(""), Entry("difference"), _apart(trained, size), *apart, _mean_apart(found), _apart(mine, its)],
    ]  # fmt: skip


def _accuracy(cell: Cell) -> Entry:
    if not cell.ours:
        return Entry("-")
    half = cell.half()
    return Entry(f"{seeds.accuracy(cell.ours).value:.2f}", f"± {half:.1f}" if half else "")


def _difference(found: tuple[float, float] | None) -> Entry:
    if found is None:
        return Entry("-")
    value, half = found
    return Entry(f"{value:+.2f}", f"± {half:.1f}", noise=abs(value) <= half)


def _mean(cells: list[Cell]) -> Entry:
    if not all(cell.ours for cell in cells):
        return Entry("-")
    return Entry(f"{fmean(seeds.accuracy(cell.ours).value for cell in cells):.2f}")


def _mean_apart(cells: list[Cell]) -> Entry:
    """Return the mean of the differences; those of different columns are independent."""
    apart = [found for cell in cells if (found := cell.difference()) is not None]
    if len(apart) < len(cells):
        return Entry("-")
    return _difference((fmean(value for value, _ in apart), sqrt(sum(half**2 for _, half in apart)) / len(apart)))


def _count(value: float | None) -> Entry:
    return Entry("-" if value is None else f"{value:,.0f}")


def _apart(mine: float | None, its: float | None) -> Entry:
    return Entry("-" if mine is None or its is None else f"{mine - its:+,.0f}")
