"""Command doctor: check the setup before any job is submitted."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from hsir.cli.terminal import Directory, console
from hsir.config import Plan
from hsir.config.home import HOME
from hsir.config.training import Grpo
from hsir.errors import ConfigError, HsirError
from hsir.planning import workflow
from hsir.planning.budget.assumptions import Assumptions
from hsir.planning.budget.estimate import Estimator
from hsir.planning.budget.measured import gather
from hsir.planning.budget.work import Work, work
from hsir.planning.doctor import slurm
from hsir.planning.doctor.disk import disk
from hsir.planning.doctor.environments import environments
from hsir.planning.doctor.finding import Finding, ok, problem, skipped
from hsir.planning.doctor.memory import memory
from hsir.planning.doctor.models import models
from hsir.planning.doctor.questions import questions
from hsir.planning.memory import by_model, machine, without_gpu

COLOURS = {"ok": "green", "skipped": "yellow", "problem": "bold red"}
OPTIONAL = {"vllm", "deepspeed"}
"""Packages that only some engines and devices need."""


def main(
    runs: Annotated[list[str], typer.Argument(help="Runs; if none, those that plain `snakemake` builds.")] = [],
    profile: Annotated[Path, typer.Option(help="Folder of the profile, here or in the project.")] = Path(
        "profiles/local"
    ),
    configfile: Annotated[
        list[Path], typer.Option(help="Config merged over config/config.yaml, as with Snakemake.")
    ] = [],
    deployment: Annotated[
        list[str] | None, typer.Option("--sdm", help="Software deployment method, if not the profile's.")
    ] = None,
    probe_gpu: Annotated[
        bool, typer.Option("--probe-gpu", help="Check for a GPU in a short job, which waits in the queue.")
    ] = False,
    wait: Annotated[int, typer.Option(min=1, help="Time limit of that job in seconds, including its wait.")] = 300,
    directory: Directory = None,
) -> None:
    """Check the profile, queue, models, questions, disk, memory and environments; exits with 1 if a problem is
    found."""
    plan = workflow.opened(configfile)
    chosen = workflow.chosen(plan, runs)
    given = workflow.profile(profile)
    todo, out, counts = work(plan, chosen), console(), Counter[str]()
    found = [
        _jobs(chosen, configfile, profile, given, wait if probe_gpu else None),
        _work(plan, todo),
        _memory(plan, todo, given),
        environments(HOME / "envs", deployment or _deployment(given), OPTIONAL - _chosen(plan, todo)),
    ]
    for finding in (one for part in found for one in part):
        show(out, finding)
        counts[finding.state] += 1
    told = ", ".join(f"{counts[state]} {state}" for state in COLOURS if counts[state])
    out.print(Text(told, style="bold"))
    if counts["problem"]:
        raise typer.Exit(1)


def show(out: Console, finding: Finding) -> None:
    """Print a finding, and the remedy if it is a problem."""
    state = (f"{finding.state:9}", COLOURS[finding.state])
    out.print(Text.assemble(state, f"{finding.what}: {finding.told}"), soft_wrap=True)
    if finding.remedy:
        out.print(Text(f"{'':9}-> {finding.remedy}", style="dim"), soft_wrap=True)


def _jobs(
    runs: Sequence[str], configs: Sequence[Path], folder: Path, profile: dict[str, Any], probe: int | None
) -> Iterator[Finding]:
    """Check the profile and the queue; `probe` is the time limit, in seconds, of a job that looks for a GPU."""
    try:
        jobs = workflow.dry_run(runs, configs, folder, ["--forceall"])
    except ConfigError as error:
        yield problem("workflow", str(error), "fix the config or the profile")
        return
    yield ok("workflow", f"{', '.join(runs)}: {len(jobs)} jobs, with {folder}")
    if profile.get("executor") != "slurm":
        yield slurm.here()
        return
    blanks = list(slurm.blanks(profile))
    yield from blanks or slurm.queue(jobs)
    if blanks:
        return
    if probe is None:
        yield skipped("GPU in a job", "not checked", "--probe-gpu runs a short job, which waits in the queue")
    else:
        yield slurm.probe(jobs, probe)


def _work(plan: Plan, todo: Work) -> Iterator[Finding]:
    """Check the inputs of jobs, and the disk space for their outputs."""
    names = dict.fromkeys([*(one.model for one in todo.trainings), *(one.model for one in todo.draws)])
    yield from models({name: plan.config.models[name] for name in names})
    yield from questions(plan, todo)
    results = Path(plan.config.results)
    try:
        estimator = Estimator(plan, gather([results], plan), Assumptions())
        needed = estimator.disk(todo, estimator.items(todo))
    except HsirError as error:
        yield skipped("disk", f"cannot estimate the space needed: {error}")
    else:
        yield disk(results, needed)


def _memory(plan: Plan, todo: Work, profile: dict[str, Any]) -> Iterator[Finding]:
    """Check the memory of this machine, if training runs here on the CPU."""
    if without_gpu(profile):
        yield from memory(by_model(plan, todo), machine())


def _deployment(profile: dict[str, Any]) -> list[str]:
    given = profile.get("software-deployment-method", profile.get("sdm", []))
    return given.split() if isinstance(given, str) else list(given)


def _chosen(plan: Plan, todo: Work) -> set[str]:
    """Return the optional packages that the engines and devices of the work need."""
    engines = {plan.settings(one.model, one.task).sample.engine.kind for one in todo.trainings}
    trainings = [plan.train(one.model, one.task, one.policy) for one in todo.trainings]
    rollouts = {train.engine.kind for train in trainings if isinstance(train, Grpo)}
    split = any(train.devices.deepspeed() is not None for train in trainings)
    return engines | rollouts | ({"deepspeed"} if split else set())
