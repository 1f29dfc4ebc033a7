"""Stage report: the tables and figures of a run."""

import gc
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
import yaml

import hsir
from hsir.config import Plan
from hsir.config.plan import samples_of
from hsir.config.schema import Config
from hsir.report import (
    anchors,
    collapse,
    compared,
    contamination_view,
    cost_view,
    curves,
    doubts,
    exhibits,
    grid,
    indiv_view,
    iterations,
    labels,
    ledger_view,
    limits,
    overall,
    provenance,
    published,
    quartiles,
    recycled,
    replicated,
    rows,
    sampled,
    soundness_view,
    style,
    training_view,
)
from hsir.report.accuracy import accuracy_spent, accuracy_tokens
from hsir.report.checked import check
from hsir.report.collapse import Generation
from hsir.report.compared import Difference
from hsir.report.labels import Labels
from hsir.report.latex import latex
from hsir.report.page import browser, front, interactive, page
from hsir.report.results import Result, gather
from hsir.report.run import Made
from hsir.report.sampled import Sampled
from hsir.report.sheets import Sheet, markdown, sheets
from hsir.report.show import show
from hsir.stages import cli
from hsir.storage import tables
from hsir.storage.tables import write_text

INTERACTIVE = ("accuracy-tokens", "iterations", "budget", "indiv-length", "losses", "rewards", "accuracy-spent")
HEAD = """\
# The config of the run {run}; `snakemake --configfile` accepts it and builds the same run.
# Stage options that are not set have the defaults of HSIR {version}.
"""


def main(
    config: Annotated[Config, cli.json_option(Config, "The config of this run alone, as JSON.")],
    output: Annotated[Path, typer.Option("--out", help="Folder for tables and figures.")],
) -> None:
    """Write the tables and figures of the run in the config, and print its results."""
    gc.disable()  # millions of long-lived rows: the collector would scan them again and again, and free nothing
    made = Made(Plan(config))
    check(made)
    name = made.title
    write_text(HEAD.format(run=name, version=hsir.__version__) + as_yaml(config), output / "config.yaml")
    shared = page(f"Training data of {name}, and its test sets", contamination_view.sheets(made))
    write_text(shared, output / "contamination.html")
    seen, counts = indiv_view.seen(made), recycled.tally(made)
    write_text(browser(f"Traces of {name}", exhibits.gather(made, seen)), output / "traces.html")
    dropped = indiv_view.tally(seen)
    rows.write_csv(dropped, output / "indiv.csv")
    rows.write_csv(counts, output / "veriexit.csv")
    grown = collapse.gather(made)
    draw(pictures(made, seen, counts, grown), name, output, "rehearsal" if config.rehearse else "")
    noted = (recycled.noted(made, tables.STATING), recycled.noted(made, tables.WHOLE))
    known = limits.told(indiv_view.tally(indiv_view.once(seen)), counts, *noted) + soundness_view.told(made)
    known += doubts.told(made, curves.told(made))
    write_tables(made, name, known, anchors.sheets(made, indiv_view.once(seen)), grown, output)


def write_tables(
    made: Made, name: str, known_limits: list[str], implied: list[Sheet], grown: list[Generation], output: Path
) -> None:  # fmt: skip
    """Write and print the tables of results, comparisons, costs and provenance."""
    results, differences, pools = gather(made), compared.gather(made), sampled.gather(made)
    costs, labelled = ledger_view.gather(made), labels.gather(made)
    first = sheets(results, differences)
    greedy = [one for one in results if samples_of(one.benchmark) == 1]  # as in the published tables
    layout = grid.sheet(name, greedy)
    several = len({(one.model, one.task, one.benchmark) for one in greedy}) > 1  # else it repeats the table above
    run = made.plan.built_by_default()[0]
    theirs = replicated.sheets(run, greedy)
    beside = [*overall.sheets(run, greedy), *published.sheets(greedy), *implied]
    beside += [*sampled.evaluated(pools), *sampled.sheets(pools), *collapse.sheets(grown), *labels.sheets(labelled)]
    beside += ledger_view.sheets(costs)
    if made.plan.config.rehearse:
        first, theirs, beside = (
            [replace(one, title=f"Rehearsal: {one.title}") for one in some] for some in (first, theirs, beside)
        )
    told = [*first, *([layout] if several else []), *theirs, *beside]
    rows.write(Result, results, output / "results.csv")
    rows.write(Difference, differences, output / "differences.csv")
    rows.write(Sampled, pools, output / "pools.csv")
    rows.write(Labels, labelled, output / "labels.csv")
    rows.write_csv(collapse.frame(grown), output / "collapse.csv")
    rows.write_csv(costs, output / "ledger.csv")
    write_text(f"# Results of {name}\n\n{markdown(told)}", output / "results.md")
    write_text(latex([layout, *theirs, *first]), output / "results.tex")
    picture = (output / "accuracy-tokens.svg").read_text(encoding="utf-8")
    ran, headline = provenance.said(made), layout if several else first[0]
    known_limits = [*overall.headline(greedy), *known_limits]
    opened = [headline, *(one for one in told if one is not headline), provenance.sheet(made)]
    write_text(page(f"Results of {name}", opened, [ran, *known_limits], picture), output / "results.html")
    write_text(front(ran, [headline], known_limits, picture), output / "front.html")
    show(told)


def draw(drawn: dict[str, style.Chart], name: str, output: Path, watermark: str = "") -> None:
    """Write the figures, and a page of the main ones with interactive marks."""
    for picture, chart in drawn.items():
        style.save(chart, output / f"{picture}.svg", watermark)
    shown = [drawn[picture] for picture in INTERACTIVE if style.is_drawn(drawn[picture])]
    write_text(interactive(f"Figures of {name}", shown), output / "figures.html")


def pictures(
    made: Made, seen: list[indiv_view.Seen], counts: pd.DataFrame, grown: list[Generation]
) -> dict[str, style.Chart]:
    """Return the figures of a run by file name."""
    results, trained, costs = gather(made), curves.told(made), ledger_view.gather(made)
    return {
        "accuracy-tokens": accuracy_tokens(results),
        "accuracy-spent": accuracy_spent(results, costs),
        "iterations": iterations.draw(made, results),
        "budget": cost_view.draw(made, costs),
        "collapse": collapse.draw(made, grown),
        "right-per-question": training_view.right_per_question(made),
        "samples-by-difficulty": training_view.samples_by_difficulty(made),
        "samples-by-quartile": quartiles.draw(made),
        "funnel": training_view.funnel(made),
        "veriexit": recycled.draw(made, counts),
        "indiv": indiv_view.draw(made, seen),
        "indiv-length": indiv_view.lengths(made, seen),
        "losses": curves.losses(made, trained),
        "rewards": curves.rewards(made, trained),
    }


def as_yaml(config: Config) -> str:
    """Write the options set in a config as YAML: an option that is not set must not override others."""
    given = config.model_dump(mode="json", exclude_unset=True)
    return str(yaml.safe_dump(given, sort_keys=False, width=100, allow_unicode=True))


if __name__ == "__main__":
    cli.run(main)
