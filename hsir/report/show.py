"""Print a run's results on the terminal."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hsir.progress import reported
from hsir.report import rows, sampled
from hsir.report.compared import Difference
from hsir.report.results import Result
from hsir.report.sampled import Sampled
from hsir.report.sheets import NOISE, Entry, Sheet, sheets

WIDTH_OF_LOGS = 120


def show(made: Sequence[Sheet]) -> None:
    """Print sheets to stdout."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_LOGS, highlight=False)
    unlimited = console.options.update(max_width=10_000)
    for sheet in made:
        console.print(Text(sheet.title, style="bold"))
        table = _table(sheet, " ")
        if console.measure(table, options=unlimited).maximum > console.width:
            table = _table(sheet, "\n")
        console.print(table)
        console.print(Text(sheet.note, style="dim"), end="\n\n")


def main(
    results: Annotated[Path, typer.Argument(help="Folder of a run, such as results/runs/demo, or its results.csv.")],
) -> None:
    """Print the results of a run, from its results.csv and differences.csv."""
    results = results / "results.csv" if results.is_dir() else results
    pools = results.with_name("pools.csv")
    measured = sampled.evaluated(rows.read(Sampled, pools)) if pools.is_file() else []
    found = sheets(rows.read(Result, results), rows.read(Difference, results.with_name("differences.csv")))
    show([*found, *measured])


def _table(sheet: Sheet, between: str) -> Table:
    """Build a table; `between`, a space or a line break, separates the parts of a header, and a value from its
    interval."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column(Text(sheet.columns[0]), overflow="fold", min_width=10)
    for column in sheet.columns[1:]:
        table.add_column(Text(column.replace(" ", between)), justify="right", no_wrap=True)
    for row in sheet.rows:
        table.add_row(*(_text(entry, between) for entry in row))
    return table


def _text(entry: Entry, between: str) -> Text:
    value = (NOISE * entry.noise + entry.value, "dim italic" if entry.noise else "")
    return Text.assemble(value, between, (entry.interval, "dim")) if entry.interval else Text.assemble(value)


if __name__ == "__main__":
    with reported():
        typer.run(main)
