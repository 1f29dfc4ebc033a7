"""The tables for readers, shared by Markdown, HTML, LaTeX and the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from hsir.config.plan import samples_of
from hsir.report import seeds
from hsir.report.compared import Difference, by_place
from hsir.report.results import Result
from hsir.report.seeds import Estimate

NOISE = "~"
READINGS = {
    "in_format": "`in format`: the accuracy if only answers in the tags count.",
    "anywhere": "`anywhere`: the accuracy if answers outside the tags count too.",
}
"""The other reading of an evaluation, shown where it differs from the one that the config chose."""


class Entry(NamedTuple):
    """One cell of a sheet."""

    value: str
    interval: str = ""
    noise: bool = False
    """Whether it could be chance: then it is written after a ~, and in grey if colour is available."""

    def __str__(self) -> str:
        return f"{NOISE * self.noise}{self.value} {self.interval}".strip()


@dataclass(frozen=True)
class Sheet:
    """A table with its title, and a note that explains its values."""

    title: str
    columns: list[str]
    rows: list[list[Entry]]
    note: str


def sheets(results: Sequence[Result], differences: Sequence[Difference]) -> list[Sheet]:
    """Return the sheets of a run: results per model, task and benchmark, each followed by differences, if any."""
    made = []
    compared = dict(by_place(differences))
    for place, policies in seeds.by_place(results).items():
        model, task, benchmark = place
        title = f"{model}, trained on {task}, evaluated on {benchmark}"
        made.append(_results(title, policies))
        if found := compared.get(place):
            made.append(by_question(title, found))
            made += [_by_seed(title, policies, found)] if found[0].seeds > 1 else []
    return made


def markdown(made: Sequence[Sheet]) -> str:
    """Write sheets as Markdown."""
    return "\n".join(_markdown(sheet) for sheet in made)


def _results(title: str, policies: dict[str, list[Result]]) -> Sheet:
    every = [result for group in policies.values() for result in group]
    n = len({result.seed for result in every})
    shares = ["truncated", "no_answer"] + ["undecided"] * any(result.undecided for result in every)
    shares = [*(name for name in READINGS if any(abs(getattr(r, name) - r.accuracy) > 1e-9 for r in every)), *shares]
    rows = [
        [
            Entry(policy), entry(seeds.accuracy(group)), entry(seeds.tokens(group)),
            *(Entry(f"{100 * sum(getattr(r, share) for r in group) / len(group):.1f}") for share in shares),
            Entry(f"{sum(r.trained_on for r in group) / len(group):,.0f}"),
        ]
        for policy, group in policies.items()
    ]  # fmt: skip
    questions = every[0].questions
    samples = samples_of(every[0].benchmark)
    drawn = f" over {samples} samples per question, clustered by question" if samples > 1 else ""
    interval = (
        f"Means over {n} seeds with 95 % t intervals" if n > 1 else f"Accuracy with its 95 % Wilson interval{drawn}"
    )
    note = f"{interval}; {questions:,} questions; tokens are means over all answers, correct or incorrect."
    note += "".join(f" {READINGS[name]}" for name in shares if name in READINGS)
    percent = [f"{share.replace('_', ' ')} %" for share in shares]
    return Sheet(title, ["policy", "accuracy %", "tokens", *percent, "trained on"], rows, note)


def by_question(title: str, found: Sequence[Difference]) -> Sheet:
    """Return the sheet of the differences of a model, task and benchmark."""
    rows = [
        [
            Entry(one.policy), Entry(one.other),
            entry(Estimate(one.accuracy, one.accuracy_low, one.accuracy_high), "+", one.accuracy_is_noise),
            entry(Estimate(one.tokens, one.tokens_low, one.tokens_high), "+", one.tokens_are_noise),
            Entry(_p(one.p)), Entry(_p(one.p_holm)),
        ]
        for one in found
    ]  # fmt: skip
    averaged = {"seeds": found[0].seeds, "samples": samples_of(found[0].benchmark)}
    over = " and ".join(f"{count} {what}" for what, count in averaged.items() if count > 1)
    test = f"a paired t test over questions (means over {over})" if over else "McNemar's exact test"
    note = (
        f"On the same {found[0].questions:,} questions, with 95 % bootstrap intervals over them; p of {test},"
        f" corrected for {len(found)} comparisons (Holm). Differences marked with {NOISE} could be chance."
    )
    columns = ["policy", "compared with", "accuracy, points", "tokens", "p", "p corrected"]
    return Sheet(f"{title}: differences, paired by question", columns, rows, note)


def _by_seed(title: str, policies: dict[str, list[Result]], found: Sequence[Difference]) -> Sheet:
    rows = []
    for one in found:
        estimates = seeds.differences(policies[one.policy], policies[one.other])
        accuracy, tokens = (entry(estimate, "+", not estimate.tells) for estimate in estimates)
        rows.append([Entry(one.policy), Entry(one.other), accuracy, tokens])
    note = "Means of the differences of each seed, with 95 % t intervals over seeds: the variation between seed sets."
    columns = ["policy", "compared with", "accuracy, points", "tokens"]
    return Sheet(f"{title}: differences, paired by seed", columns, rows, note)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def entry(estimate: Estimate, sign: str = "", noise: bool = False) -> Entry:
    """Format an estimate with one decimal; `sign` "+" also shows the sign of positive ones."""
    value = f"{estimate.value:{sign}.1f}"
    if estimate.low is None or estimate.high is None:
        return Entry(value, noise=noise)
    return Entry(value, f"[{estimate.low:{sign}.1f}, {estimate.high:{sign}.1f}]", noise)


def _markdown(sheet: Sheet) -> str:
    table = pd.DataFrame(sheet.rows, columns=sheet.columns).map(_cell).rename(columns=_cell)
    aligned = ("left", *["right"] * (len(sheet.columns) - 1))
    written = table.to_markdown(index=False, disable_numparse=True, colalign=aligned)
    return f"### {sheet.title}\n\n{written}\n\n{sheet.note}\n"


def _cell(text: object) -> str:
    return str(text).replace("|", r"\|")
