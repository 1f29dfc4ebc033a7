"""Command check: are all outputs undamaged, and made from the current inputs?"""

from pathlib import Path
from typing import Annotated

import typer

from hsir.errors import HsirError, InputError
from hsir.planning import integrity, workflow

SHOWN = 20
"""Maximum number of faults shown; the rest are counted."""


def main(
    runs: Annotated[list[str], typer.Argument(help="Runs; if none, all under the results folder.")] = [],
    configfile: Annotated[
        list[Path], typer.Option(help="Config merged over config/config.yaml, as with Snakemake.")
    ] = [],
) -> None:
    """Check every table, result and checkpoint for damaged, stale and foreign files, and show how to recreate them.

    Exits with 1 if it finds one.
    """
    plan = workflow.opened(configfile)
    results = Path(plan.config.results)
    folders = {results}
    if runs:
        chosen = [plan.config.runs[name] for name in workflow.chosen(plan, runs)]
        folders = {results / model / "benchmarks" for run in chosen for model in run.models} | {
            results / model / task / f"seed{seed}"
            for run in chosen for model in run.models for task in run.tasks for seed in run.seeds
        }  # fmt: skip
    if not any(folder.is_dir() for folder in folders):
        raise InputError(f"{results}: no results yet")
    looked = integrity.look(sorted(folders))
    print(f"{looked.files:,} files read, {len(looked.faults):,} faults; {looked.unsealed:,} tables without a checksum")
    for fault in looked.faults[:SHOWN]:
        print(f"  {fault.kind:<8} {fault.path}: {fault.why}")
    if looked.faults:
        more = f"  ... and {len(looked.faults) - SHOWN:,} more\n" if len(looked.faults) > SHOWN else ""
        print(f"{more}recreate them, and everything that depends on them:\n  {remedy(looked.faults)}")
        raise HsirError(f"{len(looked.faults):,} files cannot be used")


def remedy(faults: list[integrity.Fault]) -> str:
    """Return the command that recreates the faulty files; Snakemake recreates their dependents by itself."""
    return f"snakemake --force {' '.join(sorted({str(fault.path) for fault in faults}))}"
