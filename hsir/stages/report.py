"""Stage report: the tables and pictures of a run."""

import csv
import json
from pathlib import Path
from typing import Annotated

import typer

from hsir import tables
from hsir.stages import cli


def main(
    evaluations: Annotated[list[Path], typer.Option(help="Eval JSONs; give the option once for each.")],
    output: Annotated[Path, typer.Option(help="CSV of results.")],
) -> None:
    """Gather a run's results."""
    with tables.atomic(output) as tmp, tmp.open("w") as f:
        w = csv.writer(f)
        for e in evaluations:
            r = json.loads(e.read_text())
            w.writerow([e.parts[-3], e.stem, r["accuracy"]["value"], r["tokens"]["mean"], r["truncated"]])


if __name__ == "__main__":
    cli.run(main)
