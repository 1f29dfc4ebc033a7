"""Command status: the progress of runs, and what would run with the current config."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from hsir.cli.terminal import Directory, console
from hsir.cli.watch import watch
from hsir.planning import running, workflow
from hsir.planning.budget.assumptions import assumptions
from hsir.planning.budget.estimate import Estimator
from hsir.planning.budget.measured import gather
from hsir.planning.budget.status import Standing, standings
from hsir.planning.budget.summary import hours
from hsir.planning.leftovers import Leftover, leftovers
from hsir.planning.memory import without_gpu
from hsir.planning.warned import warnings

NOTE = (
    "A job is listed under the method of its policy: pools sampled from sft-initial are listed under"
    " sft-initial. Hours are those of train, sample and score, estimated from earlier runs or from assumptions"
    " (`python -m hsir plan` lists them)."
)
ALL_MADE = "everything is up to date: nothing would run"
HEAVY = ("train", "sample", "score")
"""The stages that load a model; the others take seconds, and are counted together."""
NAMED_LEFT = 10
"""Maximum number of leftovers listed; the command names all."""
NAMED = 3
"""Maximum number of policies listed per method; the rest are counted."""


def main(
    runs: Annotated[list[str], typer.Argument(help="Runs; if none, those that plain `snakemake` builds.")] = [],
    configfile: Annotated[
        list[Path], typer.Option(help="Config merged over config/config.yaml, as with Snakemake.")
    ] = [],
    profile: Annotated[Path, typer.Option(help="Folder of the profile, here or in the project.")] = Path(
        "profiles/local"
    ),
    assume: Annotated[list[str], typer.Option(help="NAME=VALUE of an assumption; `plan` lists them.")] = [],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    directory: Directory = None,
    watched: Annotated[
        bool, typer.Option("--watch", help="Show the progress of running jobs, until all are done.")
    ] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two updates of --watch.")] = 2.0,
) -> None:
    """Show for each method which policies exist, which are missing, what would run, why, and its cost."""
    plan = workflow.opened(configfile)
    chosen = workflow.chosen(plan, runs)
    on_cpu = without_gpu(workflow.profile(profile))
    estimator = Estimator(plan, gather([Path(plan.config.results)], plan), assumptions(assume), on_cpu)
    if watched:
        return watch(workflow.dry_run(chosen, configfile, profile), every)
    jobs = workflow.dry_run(chosen, configfile, profile)
    found = standings(plan, chosen, jobs, estimator)
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=2))
        return None
    show(chosen, found, estimator.on_cpu, warnings(plan, chosen))
    made = [path for job in jobs for path in job.outputs]
    show_leftovers(leftovers(Path(plan.config.results), made, running.outputs()))
    return None


def show(runs: Sequence[str], found: Sequence[Standing], on_cpu: bool = False, warned: Sequence[str] = ()) -> None:
    """Print one table per model and task, then the reasons for pending jobs, and the warnings of stages."""
    out = console()
    for model, task in dict.fromkeys((one.model, one.task) for one in found if one.method):
        out.print(Text(f"{', '.join(runs)}: {model} on {task}", style="bold"))
        out.print(table([one for one in found if (one.model, one.task) == (model, task)], on_cpu))
    for one in (one for one in found if not one.method):
        out.print(Text(f"other jobs: {_jobs(one)}\n"))
    why = dict.fromkeys(cause for one in found for cause in one.causes)
    for line in warned:
        out.print(Text.assemble(("warning", "yellow"), f"  {line}"), soft_wrap=True)
    gone = [path for one in found for path in one.gone]
    if gone:
        named = ", ".join([*gone[:NAMED], *([f"{len(gone) - NAMED} more"] if len(gone) > NAMED else [])])
        said = (
            f"  {named}: missing, but Snakemake would not recreate it, because its dependents exist; pass it to"
            " `snakemake`"
        )
        out.print(Text.assemble(("gone", "yellow"), said), soft_wrap=True)
    if not any(one.jobs for one in found):
        out.print(Text("nothing would run", style="yellow") if gone else Text(ALL_MADE, style="green"))
        return
    for cause in why:
        out.print(Text.assemble(("because", "yellow"), f"  {cause}"), soft_wrap=True)
    out.print(Text(f"\n{NOTE}", style="dim"), soft_wrap=True)


def show_leftovers(found: Sequence[Leftover]) -> None:
    """Print what can be deleted, with sizes and the command; resumable work is listed separately."""
    out = console()
    for given_up, title in ((True, "can be deleted"), (False, "can be deleted if no longer needed")):
        some = [one for one in found if one.given_up is given_up]
        if not some:
            continue
        out.print(Text(f"\n{title}: {human(sum(one.size for one in some))}", style="yellow"))
        for one in some[:NAMED_LEFT]:
            out.print(Text(f"  {human(one.size):>9}  {one.path}: {one.why}"), soft_wrap=True)
        if len(some) > NAMED_LEFT:
            out.print(Text(f"  ... and {len(some) - NAMED_LEFT:,} more"))
        out.print(Text(f"  rm -r {shlex.join(str(one.path) for one in some)}"), soft_wrap=True)


def human(size: int) -> str:
    """Format a number of bytes for humans."""
    for unit, bytes_of in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_of:
            return f"{size / bytes_of:,.1f} {unit}"
    return f"{size} bytes"


def table(found: Sequence[Standing], on_cpu: bool = False) -> Table:
    """Build the table of the methods' progress: one row each, and the total."""
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
    grid.add_column("method", no_wrap=True)
    for name in ("trained", "evaluated"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("to train")
    grid.add_column("would run", no_wrap=True)
    for name in hours(on_cpu):
        grid.add_column(name, justify="right")
    for one in found:
        behind = [*one.missing, *(f"{name} again" for name in one.again)]
        named = ", ".join([*behind[:NAMED], *([f"{len(behind) - NAMED} more"] if len(behind) > NAMED else [])])
        counts = [f"{one.trained}/{one.policies}", f"{one.evaluated}/{one.evaluations}"]
        style = "green" if not one.jobs else None
        grid.add_row(one.method, *counts, named or "-", _jobs(one), *_hours([one], on_cpu), style=style)
    jobs = sum(sum(one.jobs.values()) for one in found)
    grid.add_row("all", *_sums(found), "", f"{jobs:,} jobs", *_hours(found, on_cpu), style="bold")
    return grid


def _jobs(one: Standing) -> str:
    heavy = {rule: one.jobs[rule] for rule in HEAVY if rule in one.jobs}
    light = sum(one.jobs.values()) - sum(heavy.values())
    return (
        ", ".join(f"{name} {count:,}" for name, count in (heavy | ({"light": light} if light else {})).items()) or "-"
    )


def _sums(found: Sequence[Standing]) -> list[str]:
    return [
        f"{sum(one.trained for one in found)}/{sum(one.policies for one in found)}",
        f"{sum(one.evaluated for one in found)}/{sum(one.evaluations for one in found)}",
    ]


def _hours(found: Sequence[Standing], on_cpu: bool) -> list[str]:
    taken = [sum(one.hours for one in found), *([] if on_cpu else [sum(one.gpu_hours for one in found)])]
    return [f"{value:,.2f}" if value else "-" for value in taken]
