"""Filter scored solutions in a file of your own by a list of filters."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from hsir.config import explain, read_yaml
from hsir.errors import InputError
from hsir.grading.base import Verdict
from hsir.own import files
from hsir.progress import say, warn
from hsir.selection.filters import InDiv, Selection, needs_scores
from hsir.selection.filters.base import Candidate, Candidates
from hsir.stages import cli
from hsir.storage.rows import write
from hsir.storage.tables import Row

RIGHT = ("right", "true", "1")
WRONG = (*(verdict for verdict in get_args(Verdict) if verdict != "right"), "false", "0")


def main(
    rows: Annotated[Path, cli.file_option("--in", "Rows with question and completion.", *cli.SUFFIXES)],
    filters: Annotated[
        Path, cli.file_option("--filters", "YAML: a list of filters, as a method's `select`.", ".yaml", ".yml")
    ],
    output: Annotated[Path, cli.file_option("--out", "The rows that are left.", *cli.SUFFIXES)],
    question: Annotated[str, typer.Option(help="Column of questions: what solutions are grouped by.")] = "question",
    completion: Annotated[str, typer.Option(help="Column of solutions.")] = "completion",
    verdict: Annotated[
        str, typer.Option(help="Column of verdicts: `right` or true is correct; without it, all are.")
    ] = "verdict",
    score: Annotated[str, typer.Option(help="Column of raw scores, for filters that read them.")] = "indiv",
    tokens: Annotated[str, typer.Option(help="Column of token counts; without it, words are counted.")] = "n_tokens",
    name: Annotated[str | None, typer.Option("--id", help="Column of ids; if none, `id`, or row numbers.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of random picks.")] = 0,
) -> None:
    """Apply filters in order. The rows that are left keep their columns and their order."""
    select = selection(filters)
    needed = {"question": question, "completion": completion}
    if any(map(needs_scores, select.root)):
        needed["score"] = score
    found = files.read(rows, needed)
    names = files.names(found, name, rows)
    for option, column, instead in (
        ("verdict", verdict, "all solutions count as correct"), ("tokens", tokens, "lengths are counted in words"),
    ):  # fmt: skip
        if column not in found[0]:
            say(f"{rows}: no column {column!r}, so {instead}; name another with --{option}")
    chosen = [
        Candidate(
            sample_id=key, question_id=files.text(row, question, where), completion=str(row[completion]),
            completion_ids=tuple(str(row[completion]).encode()),
            right=verdict not in found[0] or _is_right(row.get(verdict), where, verdict),
            n_tokens=int(_number(row.get(tokens), where, tokens) or len(str(row[completion]).split())),
            difficulty=_level(row.get("difficulty"), where), raw=_number(row.get(score), where, score),
        )
        for n, (key, row) in enumerate(zip(names, found, strict=True), start=1)
        for where in [f"{rows}, row {n}"]
    ]  # fmt: skip
    if "score" in needed:
        _check_scored(chosen, rows, score)
    kept = {one.sample_id: one.score for one in applied(select, chosen, seed)}
    left = [_scored(row, kept[key]) for key, row in zip(names, found, strict=True) if key in kept]
    if not left:
        raise InputError(f"{filters}: no row of {rows} is left; loosen the filters")
    write(left, output)
    say(f"{len(left):,} of {len(found):,} rows are left: {output}")


def selection(path: Path) -> Selection:
    """Read a list of filters from a file; raises InputError that names each key at fault."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; name one with --filters")
    raw = read_yaml(path)
    raw = raw.get("select", raw) if isinstance(raw, dict) else raw
    try:
        return Selection.model_validate(raw)
    except ValueError as error:
        raise InputError(f"{path}: {explain.faults(Selection, raw, error)}") from None  # type: ignore[arg-type]


def applied(select: Selection, candidates: Sequence[Candidate], seed: int) -> Candidates:
    """Apply filters in order, and print the number of solutions that each leaves."""
    left = list(candidates)
    say(f"  {'solutions':<12}  {len(left):>9,}")
    for chosen in select.root:
        if isinstance(chosen, InDiv) and (doubt := chosen.doubt(left)):
            warn(doubt)
        try:
            left = chosen(left, seed)
        except ValueError as error:  # a solution without a score, which only correct ones must have
            raise InputError(str(error)) from None
        say(f"  {chosen.kind:<12}  {len(left):>9,}")
    return left


def _scored(row: Row, standardised: float | None) -> Row:
    return row if standardised is None else row | {"standardised": standardised}


def _check_scored(candidates: Sequence[Candidate], rows: Path, column: str) -> None:
    """Raise InputError for a correct solution without a score; incorrect ones need none."""
    for number, one in enumerate(candidates, start=1):
        if one.right and one.raw is None:
            raise InputError(f"{rows}, row {number}: the column {column!r} is empty; score the solution, or remove it")


def _is_right(value: Any, where: str, column: str) -> bool:
    said = json.dumps(value) if isinstance(value, bool | int) else str(value).strip().casefold()
    if said in RIGHT:
        return True
    if said in WRONG:
        return False
    raise InputError(
        f"{where}: the column {column!r} must be one of {', '.join([*RIGHT, *WRONG])}, not {value!r:.60}; fix the row"
    )


def _level(value: Any, where: str) -> int | None:
    number = _number(value, where, "difficulty")
    return None if number is None else int(number)


def _number(value: Any, where: str, column: str) -> float | None:
    """Read a number; None where there is none. Cells of a CSV file are text."""
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where}: the column {column!r} must be a finite number, not {value!r:.60}; fix the row")
    return number
