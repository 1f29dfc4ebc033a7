"""The tables that people read, once, for Markdown, HTML and the terminal alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hsir.report import seeds
from hsir.report.results import Result
from hsir.report.seeds import Estimate

REFERENCE = "restem"
"""The method that the others are compared with, seed by seed, unless the stage is told another."""


class Entry(NamedTuple):
    """What stands in one place of a sheet."""

    value: str
    interval: str = ""

    def __str__(self) -> str:
        return f"{self.value} {self.interval}".strip()


@dataclass(frozen=True)
class Sheet:
    """A table with its title, and a note that says what the figures are."""

    title: str
    columns: list[str]
    rows: list[list[Entry]]
    note: str


def sheets(results: Sequence[Result], reference: str = REFERENCE) -> list[Sheet]:
    """Give the sheets of a run: one a model, task and benchmark; one more of differences between seeds."""
    made = []
    for (model, task, benchmark), policies in seeds.by_place(results).items():
        title = f"{model}, trained on {task}, evaluated on {benchmark}"
        made.append(_results(title, policies))
        compared = _differences(title, policies, reference)
        made += [compared] if compared else []
    return made


def markdown(made: Sequence[Sheet]) -> str:
    """Write sheets as Markdown."""
    return "\n".join(_markdown(sheet) for sheet in made)


def _results(title: str, policies: dict[str, list[Result]]) -> Sheet:
    every = [result for group in policies.values() for result in group]
    n = len({result.seed for result in every})
    shares = ["truncated", "no_answer"] + ["undecided"] * any(result.undecided for result in every)
    rows = [
        [
            Entry(policy), entry(seeds.accuracy(group)), entry(seeds.tokens(group)),
            *(Entry(f"{100 * sum(getattr(r, share) for r in group) / len(group):.1f}") for share in shares),
            Entry(f"{sum(r.trained_on for r in group) / len(group):,.0f}"),
        ]
        for policy, group in policies.items()
    ]  # fmt: skip
    questions = every[0].questions
    interval = f"Means over {n} seeds with 95 % t intervals" if n > 1 else "Accuracy with its 95 % Wilson interval"
    note = f"{interval}; {questions:,} questions; tokens are means over all answers, right or wrong."
    percent = [f"{share.replace('_', ' ')} %" for share in shares]
    return Sheet(title, ["policy", "accuracy %", "tokens", *percent, "trained on"], rows, note)


def _differences(title: str, policies: dict[str, list[Result]], reference: str) -> Sheet | None:
    rows = []
    for policy, group in policies.items():
        other = seeds.counterpart(policy, reference, list(policies))
        if other and len(group) > 1:
            accuracy, tokens = seeds.differences(group, policies[other])
            rows.append([Entry(policy), Entry(other), entry(accuracy, "+"), entry(tokens, "+")])
    if not rows:
        return None
    note = "Means of the differences of each seed, with 95 % t intervals: one without 0 is hardly chance."
    columns = ["policy", "compared with", "accuracy, points", "tokens"]
    return Sheet(f"{title}: differences, paired by seed", columns, rows, note)


def entry(estimate: Estimate, sign: str = "") -> Entry:
    """Write an estimate with one decimal; `sign` "+" shows the sign of positive ones too."""
    if estimate.low is None or estimate.high is None:
        return Entry(f"{estimate.value:{sign}.1f}")
    return Entry(f"{estimate.value:{sign}.1f}", f"[{estimate.low:{sign}.1f}, {estimate.high:{sign}.1f}]")


def _markdown(sheet: Sheet) -> str:
    lines = [f"### {sheet.title}", "", _line(sheet.columns), _line(["---", *["---:"] * (len(sheet.columns) - 1)])]
    lines += [_line([str(entry) for entry in row]) for row in sheet.rows]
    return "\n".join([*lines, "", sheet.note, ""])


def _line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"
