"""Show running jobs until none is left: updated in place on a terminal, else as lines at regular intervals."""

import re
import time
from collections.abc import Sequence
from datetime import timedelta

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hsir.cli.terminal import console
from hsir.planning.running import Running, alive, running, steps
from hsir.planning.workflow import Job

SHARE = re.compile(r"(\d+) %")
QUIET = 60.0
"""Seconds without output after which this is shown; stages write a progress line every 10 s."""
WAITS = "queued, or starting"


def watch(jobs: Sequence[Job], every: float) -> None:
    """Show running jobs every `every` seconds, until there are none or Ctrl-C is pressed."""
    out = console()
    try:
        if out.is_terminal:
            with Live(console=out, auto_refresh=False) as live:
                while alive():
                    live.update(table(running(jobs), steps()), refresh=True)
                    time.sleep(every)
        else:
            while alive():
                out.print(*lines(running(jobs), steps()), sep="\n", markup=False, soft_wrap=True)
                time.sleep(every)
    except KeyboardInterrupt:
        return
    out.print("no job is running")


def table(found: Sequence[Running], done: tuple[int, int] | None) -> RenderableType:
    """Build the table of running jobs, two lines each: the stage and its subject; a bar, the rate and the time left."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row("", _bar(done[0], done[1]) if done else "", Text(_head(found, done), style="bold"))
    rows: list[RenderableType] = [grid]
    for one in found:
        share = SHARE.search(one.said or "")
        news = Table.grid(padding=(0, 2, 0, 0))
        news.add_row("", _bar(int(share[1]), 100) if share else "", Text(_news(one)))
        rows += [Text.assemble((one.rule, "bold"), f"  {one.of}"), news]
    return Group(*rows)


def _bar(done: int, total: int) -> ProgressBar:
    return ProgressBar(total, done, width=20)


def lines(found: Sequence[Running], done: tuple[int, int] | None) -> list[str]:
    """Return the same as plain lines."""
    return [_head(found, done), *(f"  {one.rule}: {one.of}: {_news(one)}" for one in found)]


def _head(found: Sequence[Running], done: tuple[int, int] | None) -> str:
    finished = f"{done[0]} of {done[1]} jobs are finished, " if done else ""
    return f"{finished}{len(found)} running"


def _news(one: Running) -> str:
    silent = f" (last output {timedelta(seconds=round(one.silent))} ago)" if one.silent > QUIET else ""
    return WAITS if one.said is None else f"{one.said or 'running'}{silent}"
