"""`python -m hsir COMMAND`: doctor looks whether a run can begin, plan tells what it takes, status how far it is,
verify whether what was made is undamaged."""

import sys

import typer

from hsir.cli import dag, doctor, plan, push, status, verify
from hsir.errors import HsirError
from hsir.progress import say

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command("doctor")(doctor.main)
app.command("plan")(plan.main)
app.command("status")(status.main)
app.command("dag")(dag.main)
app.command("push")(push.main)
app.command("verify")(verify.main)


@app.callback()
def hsir() -> None:
    """Large reasoning models that improve themselves: what to ask before, during and after a run."""


def main() -> None:
    """Run a command; what a user can mend is told without a traceback, with exit code 1."""
    try:
        app(prog_name="python -m hsir")
    except HsirError as error:
        say(f"error: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
