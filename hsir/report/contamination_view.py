"""Tables of the overlap between a run's training sets and its test sets."""

import pandas as pd

from hsir.report.run import Made
from hsir.report.sheets import Entry, Sheet
from hsir.storage.files import read_json

LINE = ["policy", "source", "benchmark"]


def sheets(made: Made) -> list[Sheet]:
    """Return one table per model and task: a row for each policy, source of its training set, and test set."""
    found = [
        {"model": cell.model, "task": cell.task, "policy": cell.policy, **overlap}
        for cell in made.cells()
        for overlap in read_json(made.folder(cell) / "overlap.json")["overlaps"]
        if overlap["benchmark"] in made.plan.benchmarks(made.run, cell.task)
    ]
    if not found:
        return []
    places = pd.DataFrame(found).groupby(["model", "task"], sort=False)
    return [_sheet(f"{model}, trained on {task}", here, len(made.run.seeds)) for (model, task), here in places]


def _sheet(title: str, overlaps: pd.DataFrame, seeds: int) -> Sheet:
    lengths = sorted(overlaps["shared"].iloc[0], key=int, reverse=True)
    rows = []
    for names, found in overlaps.groupby(LINE, sort=False):
        (policy, source, benchmark), first = map(str, names), found.iloc[0]
        share = pd.DataFrame(found["shared"].tolist(), found.index).div(found["questions"], axis="index").mean()
        rows.append(
            [
                Entry(policy), Entry(source), Entry(f"{found['rows'].mean():,.0f}"), Entry(benchmark),
                Entry(f"{first['questions']:,}"), Entry(str(found["exact"].max())),
                *(Entry(f"{100 * share[n]:.1f}") for n in lengths),
                Entry(f"{first['too_short'][lengths[0]]:,}"), Entry(_example(found["examples"])),
            ]
        )  # fmt: skip
    shared = [f"share {n} words %" for n in lengths]
    columns = ["policy", "source", "solutions", "test set", "questions", "exact", *shared, f"under {lengths[0]} words"]
    over = f"; means over {seeds} seeds, for exact matches the maximum over seeds" if seeds > 1 else ""
    note = (
        "Test questions found in training questions or solutions: exact matches, and the share of test questions"
        f" with a common sequence of this many words{over}. Case, punctuation and line breaks are ignored."
    )
    return Sheet(title, [*columns, "for example"], rows, note)


def _example(found: pd.Series) -> str:
    """Return the strongest match: a test question, and the question or solution that shares words with it."""
    examples = [examples[0] for examples in found if examples]
    return f"{examples[0][0]}: {examples[0][1]}, its {examples[0][2]}" if examples else "-"
