"""The paper's own values (arXiv 2605.24998, tables 1 to 7), next to those of a run.

Of table 4, ReST-EM on CommonsenseQA is 68.14 here: the printed 77.64 does not agree with the printed mean of its row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hsir.report import rows, seeds
from hsir.report.results import Result
from hsir.report.seeds import Place
from hsir.report.sheets import Entry, Sheet, entry

DATA = Path(__file__).with_suffix(".csv")
NOTE = (
    "Published values are from one run each, without intervals; a value within our interval is consistent with"
    " it. Differences are ours minus published."
)


@dataclass(frozen=True, slots=True)
class Published:
    """A published accuracy in percent, and mean tokens if the paper reports them for this benchmark alone."""

    where: str
    model: str
    task: str
    benchmark: str
    policy: str
    accuracy: float
    tokens: str


@cache
def published() -> dict[tuple[str, str, str, str], Published]:
    """Return the published values by model, task, benchmark and policy; tables that share a value agree."""
    return {(one.model, one.task, one.benchmark, one.policy): one for one in rows.read(Published, DATA)}


def sheets(results: Sequence[Result]) -> list[Sheet]:
    """Show a run's policies next to their published values, or a sheet that says why there are none."""
    places = seeds.by_place(results)
    made = [_sheet(place, policies) for place, policies in places.items() if _known(place, policies)]
    missing = [place for place, policies in places.items() if not _known(place, policies)]
    return [*made, *([_none(missing)] if missing else [])]


def _known(place: Place, policies: dict[str, list[Result]]) -> bool:
    return any((*place, policy) in published() for policy in policies)


def _sheet(place: Place, policies: dict[str, list[Result]]) -> Sheet:
    lines = [_row(policy, group, published().get((*place, policy))) for policy, group in policies.items()]
    columns = ["policy", "accuracy %", "published", "difference", "tokens", "published tokens", "where"]
    model, task, benchmark = place
    return Sheet(f"{model}, trained on {task}, evaluated on {benchmark}: published values", columns, lines, NOTE)


def _row(policy: str, group: list[Result], theirs: Published | None) -> list[Entry]:
    ours = seeds.accuracy(group)
    start = [Entry(policy), entry(ours)]
    length = entry(seeds.tokens(group))
    if theirs is None:
        return [*start, Entry("not comparable"), Entry("-"), length, Entry("-"), Entry("no such row in the paper")]
    noise = ours.low is not None and ours.high is not None and ours.low <= theirs.accuracy <= ours.high
    difference = Entry(f"{ours.value - theirs.accuracy:+.1f}", noise=noise)
    tokens = f"{int(theirs.tokens):,}" if theirs.tokens else "-"
    return [*start, Entry(f"{theirs.accuracy:.2f}"), difference, length, Entry(tokens), Entry(theirs.where)]


def _none(missing: Sequence[Place]) -> Sheet:
    """Return the places without published values."""
    known = published()
    models, places = {key[0] for key in known}, {key[1:3] for key in known}
    lines = [
        [Entry(model), Entry(task), Entry(benchmark), Entry(_why(model, (task, benchmark), models, places))]
        for model, task, benchmark in missing
    ]
    columns = ["model", "trained on", "evaluated on", "not comparable, because of"]
    return Sheet("Without published values", columns, lines, "The paper's models and benchmarks are in config/paper/.")


def _why(model: str, place: tuple[str, str], models: set[str], places: set[tuple[str, str]]) -> str:
    if model not in models:
        return "the paper has no such model"
    return "the paper reports none of these policies there" if place in places else "the paper has no such benchmark"
