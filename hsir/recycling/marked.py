"""Cuts of a recycled pool for a human reader: the trace, the step after which it is cut, and the statement in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from hsir import traces
from hsir.errors import InputError
from hsir.grading import Grading
from hsir.grading.base import Grader
from hsir.recycling.matchers import BaseMatcher, Matcher
from hsir.storage import belonging, tables

_MATCHER: TypeAdapter[BaseMatcher] = TypeAdapter(Matcher)
_GRADING: TypeAdapter[Grader] = TypeAdapter(Grading)


class Marked(NamedTuple):
    """A cut failed trace; `statement` is the text that the cut relies on, `before` and `after` the rest of the
    completion."""

    sample_id: str
    policy: str
    gold: str
    step: int
    """Number of the step, counted from 0."""
    steps: int
    before: str
    statement: str
    after: str


def marked(table: Path) -> Iterator[Marked]:
    """Return the cuts of a veriexit table; its provenance names the matcher, the grader, and its input tables.

    Raises InputError if one of those tables is missing.
    """
    made_by = tables.metadata(table)
    cuts = {row["parent_id"]: row for row in tables.read("veriexit", table, ["parent_id", "question_id", "cut_step"])}
    matcher = _MATCHER.validate_python(made_by["options"]["matcher"])
    grader = _GRADING.validate_python(made_by["options"]["grading"])
    layout = made_by["options"].get("steps", "blank_line")
    samples, questions = _inputs(table, made_by)
    belonging.check_made_of([table], [*samples, questions])
    asked = {row["question_id"]: row for row in tables.read("questions", questions, ["question_id", "gold", "options"])}
    for name, completion in tables.tuples("samples", samples, ["sample_id", "completion"]):
        cut = cuts.get(name)
        if cut is not None and cut["cut_step"] is not None:
            question, steps = asked[cut["question_id"]], traces.steps(completion, layout)
            if cut["cut_step"] >= len(steps):
                raise InputError(
                    f"{table}: made from a different version of {samples[0]}; rerun `snakemake --force {table}`"
                )
            text, end = steps[cut["cut_step"]]
            said = matcher.arrival(text, question["gold"], grader, dict(question["options"] or ()) or None)
            # An older version cut here, but this one finds no statement: show the complete step as the statement.
            begin, stop = (said.start, said.end) if said else (0, len(text))
            begin, stop = end - len(text) + begin, end - len(text) + stop
            place = (name, table.parent.parent.name, question["gold"], cut["cut_step"], len(steps))
            yield Marked(*place, completion[:begin], completion[begin:stop], completion[stop:])


def _inputs(table: Path, made_by: dict[str, Any]) -> tuple[list[Path], Path]:
    """Find the samples and questions that a veriexit table was made from, relative to the folder where it was made."""
    paths = [Path(path) for path in made_by["inputs"]]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise InputError(
            f"{table}: its inputs are missing ({', '.join(missing)}); run this command in the run's folder"
        )
    kinds = {path: tables.metadata(path).get("table") for path in paths}
    samples = [path for path, kind in kinds.items() if kind == "samples"]
    return samples, next(path for path, kind in kinds.items() if kind == "questions")
