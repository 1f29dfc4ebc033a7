"""Browse the questions, samples, verdicts, cuts and training sets of a run, in the browser."""

import os
import socket
import webbrowser
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from hsir.browse.app import app
from hsir.browse.places import Place, of_run, on_disk
from hsir.config import Plan
from hsir.errors import InputError
from hsir.planning import workflow
from hsir.progress import say
from hsir.report.run import Made, open_run

HOST = "127.0.0.1"


def main(
    run: Annotated[
        str, typer.Argument(help="A run of the config, a run's folder (results/runs/demo), or a folder of results.")
    ] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; if 0, a free one.")] = 0,
    configfile: Annotated[
        list[Path], typer.Option(help="Config merged over config/config.yaml, as with Snakemake.")
    ] = [],
    show: Annotated[bool, typer.Option("--open", help="Also open the page in the browser of this machine.")] = False,
) -> None:
    """Browse a run in the browser: its questions, samples, verdicts, cuts, scores and training sets.

    Without an argument, the run that plain `snakemake` builds. The page is served to this machine alone, until Ctrl-C.
    """
    title, places = found(run, configfile)
    made = app(title, places)
    try:
        listener = socket.create_server((HOST, port))
    except OSError as error:
        raise InputError(
            f"--port {port}: {os.strerror(error.errno or 0).lower()}; choose another, or leave it out"
        ) from error
    address = f"http://{HOST}:{listener.getsockname()[1]}{made.state.root}"
    say(f"{title}: {address} (Ctrl-C ends it)")
    if show:
        webbrowser.open(address)
    config = uvicorn.Config(made, lifespan="off", log_level="warning", access_log=False, server_header=False)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        say("ended")
    finally:
        made.state.close()


def found(run: str, configs: list[Path]) -> tuple[str, list[Place]]:
    """Return the title and the places of a run, or of a folder; raises InputError or ConfigError if there are none."""
    folder = Path(run)
    if run and (folder / "config.yaml").is_file():
        made = open_run(folder)
        return made.title, of_run(made)
    if run and folder.is_dir():
        return str(folder), on_disk(folder)
    plan = workflow.opened(configs)
    (name, *_) = workflow.chosen(plan, [run] if run else [])
    made = Made(Plan(plan.alone(name)))
    return made.title, of_run(made)
