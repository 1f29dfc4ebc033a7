"""Compare the policies of two runs, paired by question."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from hsir.config.plan import test_set
from hsir.errors import InputError
from hsir.progress import say
from hsir.report import compared, rows
from hsir.report.compared import Difference
from hsir.report.page import page
from hsir.report.run import Cell, Made, open_run
from hsir.report.seeds import Place
from hsir.report.sheets import Sheet, by_question, markdown
from hsir.report.show import show
from hsir.storage import tables

Cells = Mapping[str, Sequence[Cell]]
"""Cells by policy, one per seed."""


class Side(NamedTuple):
    """One run of a comparison: its name, and its policies at each place."""

    name: str
    made: Made
    places: Mapping[Place, Cells]


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run, such as results/runs/demo.")],
    other: Annotated[Path, typer.Argument(help="Folder of the run to compare it with.")],
    output: Annotated[Path | None, typer.Option("--out", help="Also write the comparison: .html, .md or .csv.")] = None,
) -> None:
    """Compare the policies of two runs on the questions that both answered, with intervals and p-values.

    Policies with the same name are compared if they differ between the runs; otherwise, those of the same iteration.
    """
    if output is not None and output.suffix not in WRITERS:
        raise InputError(f"--out {output}: the suffix must be {', '.join(WRITERS)}")
    by_name = run.resolve().name != other.resolve().name
    one, two = (opened(folder, folder.resolve().name if by_name else str(folder)) for folder in (run, other))
    title = f"{one.name} and {two.name}"
    found = [difference for places in places_of(one, two) for difference in differences(places, one, two)]
    if not found:
        raise InputError(f"{run} and {other}: no two different policies with a model, task and benchmark in common")
    sheets = [
        by_question("{}, trained on {}, evaluated on {}".format(*place), group)
        for place, group in compared.by_place(found)
    ]
    show(sheets)
    if output is not None:
        WRITERS[output.suffix](title, found, sheets, output)
        say(f"written: {output}")


def opened(folder: Path, name: str) -> Side:
    """Read a run; its results are located relative to its folder, regardless of its config."""
    made = open_run(folder)
    places: dict[Place, dict[str, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in made.evaluated():
        for benchmark in made.plan.evaluations(made.run, cell.model, cell.task):
            places[cell.model, cell.task, benchmark][cell.policy].append(cell)
    return Side(name, made, places)


def places_of(one: Side, two: Side) -> list[tuple[Place, Place]]:
    """Pair the places of two runs: the same ones; if they have none in common, those of the same benchmark."""
    same = [(place, place) for place in one.places if place in two.places]
    return same or [(a, b) for a in one.places for b in two.places if a[2] == b[2]]


def differences(places: tuple[Place, Place], one: Side, two: Side) -> list[Difference]:
    """Compare the policies of one run with those of another; raises InputError if the questions differ."""
    here, there = places
    pairs = list(paired(places, one, two))
    if not pairs:
        return []
    model, task = (a if a == b else f"{a} and {b}" for a, b in zip(here[:2], there[:2], strict=True))
    place = (model, task, here[2])
    if _questions(one, here) != _questions(two, there):
        raise InputError(f"{', '.join(place)}: the runs were evaluated on different questions; they cannot be paired")
    named = [(_named(one, a, b), _named(two, b, a)) for a, b in pairs]
    known = {}
    for (first, second), (a, b) in zip(named, pairs, strict=True):
        known[first] = [compared.answers(one.made, cell, here[2]) for cell in one.places[here][a]]
        known[second] = [compared.answers(two.made, cell, there[2]) for cell in two.places[there][b]]
    return compared.differences(place, named, known)


def paired(places: tuple[Place, Place], one: Side, two: Side) -> list[tuple[str, str]]:
    """Pair policies of the same name, unless their files are identical; pair the others by iteration, or, of different
    models and tasks, with all."""
    first, second = one.places[places[0]], two.places[places[1]]
    both = [name for name in first if name in second]
    same = [(name, name) for name in both if _files(one, first[name]) != _files(two, second[name])]
    others = [(a, b) for a in first for b in second if a not in both and b not in both]
    of_iteration = [(a, b) for a, b in others if a.partition(".")[2] == b.partition(".")[2]]
    return same + (of_iteration if places[0] == places[1] else of_iteration or others)


def _files(side: Side, cells: Sequence[Cell]) -> set[Path]:
    return {side.made.folder(cell) for cell in cells}


def _named(side: Side, policy: str, other: str) -> str:
    return f"{policy} ({side.name})" if policy == other else policy


def _questions(side: Side, place: Place) -> dict[str, str]:
    model, _, benchmark = place
    path = Path(side.made.plan.config.results) / model / "benchmarks" / f"{test_set(benchmark)}.parquet"
    return dict(tables.tuples("questions", path, ["question_id", "question"]))


def _html(title: str, found: Sequence[Difference], sheets: Sequence[Sheet], path: Path) -> None:
    tables.write_text(page(title, sheets), path)


def _markdown(title: str, found: Sequence[Difference], sheets: Sequence[Sheet], path: Path) -> None:
    tables.write_text(f"# {title}\n\n{markdown(sheets)}", path)


def _csv(title: str, found: Sequence[Difference], sheets: Sequence[Sheet], path: Path) -> None:
    rows.write(Difference, found, path)


WRITERS = {".html": _html, ".md": _markdown, ".csv": _csv}
