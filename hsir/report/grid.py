"""A run in the paper's layout: one row per policy, one column per model and benchmark, and means over all at the
end."""

from collections.abc import Sequence
from statistics import fmean

from hsir.report import seeds
from hsir.report.results import Result
from hsir.report.sheets import Entry, Sheet, entry

NOTE = (
    "Accuracy in percent, with the half-width of its 95 % interval. `trained on`, and accuracy and tokens at the"
    " end, are means over the columns; a mean is omitted if a policy lacks a column."
)


def sheet(name: str, results: Sequence[Result]) -> Sheet:
    """Arrange a run's results as in the paper's tables."""
    places = seeds.by_place(results)
    policies = list(dict.fromkeys(result.policy for result in results))
    columns = ["policy", "trained on", *map(column, places), "accuracy", "tokens"]
    lines = []
    for policy in policies:
        groups = [found.get(policy) for found in places.values()]
        lines.append([Entry(policy), *_first(groups), *map(_accuracy, groups), *_last(groups)])
    return Sheet(name, columns, lines, NOTE)


def column(place: seeds.Place) -> str:
    """Name the column of a model and benchmark."""
    model, task, benchmark = place
    return f"{model} {benchmark}" if task == benchmark else f"{model} {task} to {benchmark}"


def _accuracy(group: list[Result] | None) -> Entry:
    if not group:
        return Entry("-")
    found = seeds.accuracy(group)
    if found.low is None or found.high is None:
        return entry(found)
    return Entry(f"{found.value:.2f}", f"± {(found.high - found.low) / 2:.1f}")


def _first(groups: Sequence[list[Result] | None]) -> list[Entry]:
    if not all(groups):
        return [Entry("-")]
    return [Entry(f"{fmean(r.trained_on for group in groups if group for r in group):,.0f}")]


def _last(groups: Sequence[list[Result] | None]) -> list[Entry]:
    if not all(groups):
        return [Entry("-"), Entry("-")]
    accuracy = fmean(seeds.accuracy(group).value for group in groups if group)
    tokens = fmean(seeds.tokens(group).value for group in groups if group)
    return [Entry(f"{accuracy:.2f}"), Entry(f"{tokens:,.0f}")]
