"""`hsir COMMAND`, or `python -m hsir COMMAND`: commands for before, during and after a run, and one per stage."""

import importlib
import sys
from collections.abc import Callable

import typer

from hsir.cli import check, dag, doctor, evaluate, init, label, plan, push, status
from hsir.cli.terminal import Directory
from hsir.config.home import PACKAGE
from hsir.errors import InputError
from hsir.progress import reported

BEFORE, DURING, RESULTS = "Before a run", "While it runs", "Results"
OWN, STAGES = "On your own files", "Stages, as called by Snakemake"
LATER = (
    ("report", RESULTS, ("show", "compare", "export")),
    ("browse", RESULTS, ("browse",)),
    ("own", OWN, ("sample", "veriexit", "score", "filter", "train")),
    ("stages", OWN, ("grade", "div", "distill")),
    (
        "stages",
        STAGES,
        ("data", "ask", "vote", "verify", "probe", "judge", "contamination"),
    ),
    ("stages", STAGES, ("ledger", "report", "variants", "redundancy")),
)
"""Commands whose module, hsir.{package}.{name}, is imported only when they are called; keeps `hsir --help` light."""

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command("init", rich_help_panel=BEFORE)(init.main)
app.command("plan", rich_help_panel=BEFORE)(plan.main)
app.command("doctor", rich_help_panel=BEFORE)(doctor.main)
app.command("status", rich_help_panel=DURING)(status.main)
app.command("dag", rich_help_panel=DURING)(dag.main)
app.command("check", rich_help_panel=RESULTS)(check.main)
app.command("push", rich_help_panel=RESULTS)(push.main)
app.command("evaluate", rich_help_panel=OWN)(evaluate.main)
app.add_typer(label.app, name="label", rich_help_panel=OWN)


@app.callback()
def hsir(directory: Directory = None) -> None:
    """Large reasoning models that improve themselves."""


def later(package: str, name: str) -> Callable[[typer.Context], None]:
    """Return a command that imports a module and passes on its arguments, including `--help`."""

    def call(context: typer.Context) -> None:
        try:
            main = importlib.import_module(f"hsir.{package}.{name}").main
            run = importlib.import_module("hsir.stages.cli").run
        except ModuleNotFoundError as error:
            raise InputError(
                f"hsir {name} needs {error.name}, which is not installed here; update the environment"
                " (requirements.lock; on a cluster, envs/driver.yaml)"
            ) from error
        sys.argv[1:] = context.args  # multi-device training reruns its own command
        run(main, f"hsir {name}")

    return call


def purpose(package: str, name: str) -> str:
    """Return a module's purpose from its first line, without importing it."""
    first = (PACKAGE / package / f"{name}.py").read_text(encoding="utf-8").splitlines()[0].strip('"')
    told = first.removeprefix(f"Stage {name}: ")
    return told[0].upper() + told[1:]


PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
for package, panel, names in LATER:
    for name in names:
        listed = app.command(
            name, rich_help_panel=panel, help=purpose(package, name), add_help_option=False, context_settings=PASS_ON
        )
        listed(later(package, name))


def main() -> None:
    """Run a command; user-fixable errors are printed without a traceback, with exit code 1."""
    with reported():
        app(prog_name="hsir")


if __name__ == "__main__":
    main()
