"""Means over all columns of a published table, next to those of a run: accuracy, tokens, training examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean

from hsir.report import rows, seeds
from hsir.report.results import Result
from hsir.report.sheets import Entry, Sheet

DATA = Path(__file__).with_suffix(".csv")
START = "sft-initial"
COLUMNS = [
    "policy", "trained on", "published", "accuracy %", "published ", "difference", "tokens", "published  ",
    "accuracy vs start", "published   ", "tokens vs start %", "published    ",
]  # fmt: skip
NOTE = (
    f"Means over the models and benchmarks of the table. `vs start` is the change from {START}: in points for"
    " accuracy and in percent for tokens. A policy without a result for every column has no mean."
)


@dataclass(frozen=True, slots=True)
class Overall:
    """A row of a published table: means over its columns; accuracy in percent, and the training set size if printed."""

    where: str
    columns: int
    policy: str
    accuracy: float
    tokens: float
    trained_on: str


@cache
def published() -> dict[tuple[str, str], Overall]:
    """Return the published means by table and policy."""
    return {(one.where, one.policy): one for one in rows.read(Overall, DATA)}


def ours(results: Sequence[Result]) -> dict[str, Overall]:
    """Return a run's means by policy, without policies that lack a model or benchmark."""
    places = seeds.by_place(results)
    found = {}
    for policy in dict.fromkeys(result.policy for result in results):
        groups = [there[policy] for there in places.values() if policy in there]
        if len(groups) == len(places):
            found[policy] = Overall(
                "run", len(places), policy, fmean(seeds.accuracy(group).value for group in groups),
                fmean(seeds.tokens(group).value for group in groups),
                str(round(fmean(one.trained_on for group in groups for one in group))),
            )  # fmt: skip
    return found


def headline(results: Sequence[Result]) -> list[str]:
    """Compare the most accurate policy with the start, as in the paper's abstract (+10.9, -42.4 %)."""
    found = ours(results)
    start, others = found.get(START), [one for one in found.values() if "." in one.policy]
    if start is None or not others:
        return []
    best = max(others, key=lambda one: one.accuracy)
    accuracy, tokens = _against(best, start)
    return [f"{best.policy} compared with {START}: accuracy {accuracy} points, tokens {tokens} %."]


def sheets(name: str, results: Sequence[Result]) -> list[Sheet]:
    """Show a run's means next to those of the table that it is named after, if it has all of its columns."""
    found = ours(results)
    theirs = {policy: one for (where, policy), one in published().items() if where == name}
    if not theirs or not any(one.columns == theirs[next(iter(theirs))].columns for one in found.values()):
        return []
    lines = [_line(one, theirs.get(policy), found.get(START), theirs.get(START)) for policy, one in found.items()]
    return [Sheet(f"Overall, next to the paper's {name}", COLUMNS, lines, NOTE)]


def _line(one: Overall, theirs: Overall | None, start: Overall | None, their_start: Overall | None) -> list[Entry]:
    mine, printed = _shown(one, start), _shown(theirs, their_start)
    difference = "-" if theirs is None else f"{one.accuracy - theirs.accuracy:+.2f}"
    trained, accuracy, tokens, gained, saved = zip(mine, printed, strict=True)
    cells = [*trained, *accuracy, difference, *tokens, *gained, *saved]
    return [Entry(one.policy), *map(Entry, cells)]


def _shown(one: Overall | None, start: Overall | None) -> tuple[str, str, str, str, str]:
    """Format the training set size, accuracy, tokens, and both changes."""
    if one is None:
        return "-", "-", "-", "-", "-"
    trained = f"{int(one.trained_on):,}" if one.trained_on else "-"
    return trained, f"{one.accuracy:.2f}", f"{one.tokens:,.0f}", *(_against(one, start) if start else ("-", "-"))


def _against(one: Overall, start: Overall) -> tuple[str, str]:
    return f"{one.accuracy - start.accuracy:+.1f}", f"{100 * (one.tokens / start.tokens - 1):+.1f}"
