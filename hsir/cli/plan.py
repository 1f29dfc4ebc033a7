"""Command plan: the cost of runs before a GPU is used; afterwards, planned against actual cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich import box
from rich.table import Table
from rich.text import Text

from hsir.cli.terminal import Directory, console
from hsir.errors import InputError
from hsir.planning import workflow
from hsir.planning.budget.assumptions import Assumptions, assumptions
from hsir.planning.budget.done import done
from hsir.planning.budget.estimate import Estimator
from hsir.planning.budget.measured import gather
from hsir.planning.budget.summary import Budget, Row, hours, rows, size, total
from hsir.planning.budget.work import work
from hsir.planning.gpu_memory import REMEDY, needs, too_large
from hsir.planning.memory import by_model, without_gpu
from hsir.planning.power import Detects, evaluations
from hsir.storage.files import read_json

NOTE = (
    "sample and evaluate generate tokens, score reads them, and train trains on them. Hours are sums over all"
    " jobs, without the light stages; GPU-hours count the GPUs of each job, CPU-hours its one thread."
)

POWER = (
    "Two policies, compared by a paired test on the same questions. `none`: no number of samples is enough, only more"
    " questions are."
)
SMALL = 10e9
"""GPU memory, in bytes, below which nothing is printed on a machine without a GPU."""


def main(
    runs: Annotated[list[str], typer.Argument(help="Runs; if none, those that plain `snakemake` builds.")] = [],
    configfile: Annotated[
        list[Path], typer.Option(help="Config merged over config/config.yaml, as with Snakemake.")
    ] = [],
    measured: Annotated[
        list[Path],
        typer.Option(help="Results folder of earlier runs to estimate from, in addition to the config's own."),
    ] = [],
    assume: Annotated[list[str], typer.Option(help="NAME=VALUE of an assumption; the output lists them.")] = [],
    against: Annotated[
        Path | None,
        typer.Option(help="A file written earlier by `plan --json`; compares that plan with the actual cost."),
    ] = None,
    power: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=100, help="Instead: what each benchmark needs to detect a difference of so many points."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, item by item.")] = False,
    directory: Directory = None,
) -> None:
    """Estimate jobs, samples, tokens, GPU-hours and disk space of runs, and show how much is done."""
    assumed = assumptions(assume)
    if power is not None:
        show_power(runs, configfile, power, assumed, as_json)
        return
    made = budget(runs, configfile, measured, assumed)
    if against is not None:
        made = read_budget(against).model_copy(update={"done": made.done})
    if as_json:
        print(made.model_dump_json(indent=2))
    else:
        show(made, assumed)


def show_power(
    runs: Sequence[str], configs: Sequence[Path], points: float, assumed: Assumptions, as_json: bool
) -> None:  # fmt: skip
    """Print what the benchmarks of runs can tell apart."""
    plan = workflow.opened(configs)
    found = evaluations(plan, workflow.chosen(plan, runs), points, assumed)
    if as_json:
        print(TypeAdapter(list[Detects]).dump_json(found, indent=2).decode())
        return
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
    grid.add_column("benchmark")
    wanted = f"for {points:g} points"
    for name in ("questions", "samples", "detects, points", f"questions {wanted}", f"samples {wanted}"):
        grid.add_column(name, justify="right")
    for one in found:
        grid.add_row(
            one.benchmark, f"{one.questions:,}{' (assumed)' if one.assumed else ''}", str(one.samples),
            f"{one.points:.1f}", f"{one.questions_needed:,}",
            "none" if one.samples_needed is None else f"{one.samples_needed:,}",
        )  # fmt: skip
    console().print(grid)
    console().print(Text(f"{POWER}\n", style="dim"), soft_wrap=True)
    show_assumed({name: getattr(assumed, name) for name in ("accuracy", "between", "correlation", "level", "power")})


def budget(runs: Sequence[str], configs: Sequence[Path], measured: Sequence[Path], assumed: Assumptions) -> Budget:
    """Plan runs from the existing results."""
    plan = workflow.opened(configs)
    chosen = workflow.chosen(plan, runs)
    results = Path(plan.config.results)
    found = gather([results, *measured], plan)
    estimator, todo = Estimator(plan, found, assumed, without_gpu()), work(plan, chosen)
    items = estimator.items(todo)
    disk = estimator.disk(todo, items)
    names = {*estimator.noted(), *(name for item in items for name in item.assumed)}
    return Budget(
        runs=chosen,
        jobs=Counter(job.rule for job in workflow.dry_run(chosen, configs, options=["--forceall"])),
        rows=tuple(rows(items)), disk_bytes=round(disk), memory_bytes=by_model(plan, todo), on_cpu=estimator.on_cpu,
        gpu_memory=needs(plan, todo, assumed.gpu_memory),
        assumed={name: getattr(assumed, name) for name in sorted(names)},
        measured=tuple(path.as_posix() for path in found.files),
        done=tuple(rows(done(plan, todo, results))), items=tuple(items),
    )  # fmt: skip


def read_budget(path: Path) -> Budget:
    """Read the output of --json; raises InputError for any other file."""
    try:
        return Budget.model_validate(read_json(path))
    except ValidationError as error:
        raise InputError(f"{path}: not a file written by `python -m hsir plan --json`") from error


def show(made: Budget, assumed: Assumptions = Assumptions()) -> None:
    """Print a budget: a table, and what it is based on."""
    out = console()
    out.print(Text(f"plan of {', '.join(made.runs)}", style="bold"))
    out.print(table(made))
    out.print(Text(f"{NOTE}\n", style="dim"), soft_wrap=True)
    out.print(Text(f"disk  {size(made.disk_bytes)} at most, without environments and base models"))
    for model, most in made.memory_bytes.items():
        if most is not None:
            out.print(Text(f"memory  {size(most)} for training {model} on a CPU"))
    show_gpus(made, assumed.gpu_memory)
    files = f"{len(made.measured)} ledgers and evaluations of earlier runs" if made.measured else "nothing"
    out.print(Text(f"measured  {files}"))
    show_assumed(made.assumed)


def show_assumed(values: Mapping[str, float]) -> None:
    """Print assumptions, with what they mean."""
    for name, value in values.items():
        told = Assumptions.model_fields[name].description or ""
        console().print(Text.assemble(("assumed", "yellow"), f"  {name}={value:g}: {told}"), soft_wrap=True)


def show_gpus(made: Budget, room: float) -> None:
    """Print the GPU memory that each training type needs, and a remedy if it does not fit."""
    out = console()
    if made.on_cpu and all(need.bytes < SMALL for need in made.gpu_memory):
        return
    for need in made.gpu_memory:
        out.print(Text(f"GPU memory  {size(need.bytes)} per GPU: {need.training} of {need.model} ({need.devices})"))
    for need in too_large(made.gpu_memory, room):
        said = f"  {need.training} of {need.model} does not fit in gpu_memory={room:g}: {REMEDY}"
        out.print(Text.assemble(("warning", "yellow"), said), soft_wrap=True)


def table(made: Budget) -> Table:
    """Build the table of planned work, with finished work below each stage; light stages are only counted."""
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
    for name in ("model", "stage"):
        grid.add_column(name)
    for name in ("jobs", "samples", "tokens", *hours(made.on_cpu)):
        grid.add_column(name, justify="right")
    grid.add_column("by")
    done = {(row.model, row.stage): row for row in made.done}
    for row in made.rows:
        grid.add_row(row.model, row.stage, *_figures(row, made.on_cpu), "assumptions" if row.assumed else "measurement")
        if actual := done.get((row.model, row.stage)):
            grid.add_row("", "  done", *_figures(actual, made.on_cpu), style="cyan")
    whole, jobs = total(made.rows), sum(made.jobs.values())
    grid.add_row("", "light stages", f"{jobs - whole.jobs:,}")
    grid.add_row("", "all", f"{jobs:,}", *_figures(whole, made.on_cpu)[1:], style="bold")
    if done:
        grid.add_row("", "  done", *_figures(total(made.done), made.on_cpu), style="cyan")
    return grid


def _figures(row: Row, on_cpu: bool) -> list[str]:
    """Format the numbers of a row; a count that no ledger contains yet is a dash."""
    counts = [f"{count:,.0f}" if count else "-" for count in (row.samples, row.tokens)]
    taken = [row.hours] if on_cpu else [row.hours, row.gpu_hours]
    return [f"{row.jobs:,}", *counts, *(f"{value:,.2f}" for value in taken)]
