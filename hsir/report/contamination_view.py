"""What the training sets of a run share with its test sets, as tables to read."""

import statistics
from collections import defaultdict

from hsir.report.run import Made
from hsir.report.sheets import Entry, Sheet
from hsir.storage import tables
from hsir.storage.files import read_json

Row = tables.Row


def sheets(made: Made) -> list[Sheet]:
    """Give a table a model and task: a row for each policy, source of its training set, and test set."""
    places: dict[tuple[str, str], dict[tuple[str, str, str], list[Row]]] = defaultdict(lambda: defaultdict(list))
    for cell in made.cells():
        benchmarks = made.plan.benchmarks(made.run, cell.task)
        for overlap in read_json(made.folder(cell) / "overlap.json")["overlaps"]:
            if overlap["benchmark"] in benchmarks:
                line = cell.policy, overlap["source"], overlap["benchmark"]
                places[cell.model, cell.task][line].append(overlap)
    seeds = len(made.run.seeds)
    return [_sheet(f"{model}, trained on {task}", lines, seeds) for (model, task), lines in places.items()]


def _sheet(title: str, lines: dict[tuple[str, str, str], list[Row]], seeds: int) -> Sheet:
    lengths = sorted(next(iter(lines.values()))[0]["shared"], key=int, reverse=True)
    rows = [
        [
            Entry(policy), Entry(source), Entry(f"{statistics.fmean(seed['rows'] for seed in found):,.0f}"),
            Entry(benchmark), Entry(f"{found[0]['questions']:,}"), Entry(str(max(seed["exact"] for seed in found))),
            *(Entry(_share(found, n)) for n in lengths),
            Entry(f"{found[0]['too_short'][lengths[0]]:,}"), Entry(_example(found)),
        ]
        for (policy, source, benchmark), found in lines.items()
    ]  # fmt: skip
    shared = [f"share {n} words %" for n in lengths]
    columns = ["policy", "source", "solutions", "test set", "questions", "whole", *shared, f"under {lengths[0]} words"]
    over = f"; means over {seeds} seeds, of whole ones the most of any seed" if seeds > 1 else ""
    note = (
        "Test questions found in questions or solutions that were trained on: whole, and the share with which a run of"
        f" so many words is common{over}. Case, punctuation and line breaks do not count."
    )
    return Sheet(title, [*columns, "for example"], rows, note)


def _share(found: list[Row], n: str) -> str:
    return f"{100 * statistics.fmean(seed['shared'][n] / seed['questions'] for seed in found):.1f}"


def _example(found: list[Row]) -> str:
    """Name the strongest match: a test question, and the question or solution that shares words with it."""
    examples = [example for seed in found for example in seed["examples"][:1]]
    return f"{examples[0][0]}: {examples[0][1]}, its {examples[0][2]}" if examples else "-"
