"""Stage grade: grade any file of answers, without a run."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice, tee
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hsir import jsontext
from hsir.errors import InputError
from hsir.evaluation.harness import inspect, lighteval, lm_eval
from hsir.grading import Grader, Grading, Item, Judgement
from hsir.progress import say, track
from hsir.stages import cli
from hsir.storage import tables
from hsir.storage.rows import write
from hsir.tasks import Task

Kind = Literal["number", "choice", "yesno", "math", "text", "auto"]
Format = Literal["rows", "lm-eval", "lighteval", "inspect"]
LOGS = {"lm-eval": lm_eval.imported, "lighteval": lighteval.imported, "inspect": inspect.imported}
SHOWN = 5


@dataclass
class Columns:
    """Names of the columns to read."""

    gold: str
    prediction: str


@dataclass
class Source:
    """A file of rows, and the errors in its gold answers."""

    path: Path
    columns: Columns
    grader: Grader
    form: Format = "rows"
    bad_golds: int = 0
    told: list[str] = field(default_factory=list)
    """The first of these errors."""

    def rows(self) -> Iterator[tuple[str, int, dict[str, Any]]]:
        """Yield (place, number, row); raises InputError naming the place and a fix for an invalid row."""
        seen: set[int] = set()
        given = inspect.samples(self.path) if self.form == "inspect" else cli.rows(self.path)
        for place, number, row in LOGS[self.form](given) if self.form in LOGS else given:
            self._check(place, row)
            if "id" in row:
                self._once(place, row["id"], row.get("sample"), seen)
            yield place, number, row

    def item(self, place: str, row: dict[str, Any]) -> Item:
        """Convert a row to an item to grade; an unparseable gold answer is recorded."""
        gold, options = _text(row[self.columns.gold]), _options(row.get("options"))
        try:
            self.grader.of(gold, options).check_gold(gold, options)
        except ValueError as error:
            self.bad_golds += 1
            if self.bad_golds <= SHOWN:
                self.told.append(f"{place}: {self.columns.gold}: {error}")
        cut = _is_true(row.get("truncated")) or "length" in (row.get("finish_reason"), row.get("finish"))
        return Item(_text(row[self.columns.prediction]), gold, options, cut)

    def _check(self, place: str, row: dict[str, Any]) -> None:
        cli.check_columns(place, row, asdict(self.columns))

    def _once(self, place: str, name: Any, sample: Any, seen: set[int]) -> None:
        mark = hash((str(name), str(sample)))
        if mark in seen:
            raise InputError(f"{place}: the id {name!r} occurs twice; ids must be unique")
        seen.add(mark)


def main(
    rows: Annotated[
        Path, cli.file_option("--in", "Rows with a gold and a prediction column.", *cli.SUFFIXES, ".json", ".eval")
    ],
    output: Annotated[
        Path, cli.file_option("--out", "Output: verdicts, one per row, in the same order.", *cli.SUFFIXES)
    ],
    task: Annotated[str | None, typer.Option(help="A task's kind (gsm8k), or a task as JSON.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Answer type, for rows that belong to no task.")] = None,
    gold: Annotated[str, typer.Option(help="Column of gold answers.")] = "gold",
    prediction: Annotated[str, typer.Option(help="Column of completions, or of answers.")] = "prediction",
    tags_only: Annotated[bool, typer.Option(help="Count only answers in the answer tags.")] = False,
    thinking: Annotated[
        Literal["maybe", "always"] | None, typer.Option(help="`always`: a completion without </think> has no answer.")
    ] = None,
    bad_gold: Annotated[
        Literal["fail", "undecided"],
        typer.Option(help="How to handle unparseable gold answers: abort (`fail`) or mark the row `undecided`."),
    ] = "fail",
    form: Annotated[
        Format,
        typer.Option(
            "--format", help="Another harness's log of samples: lm-evaluation-harness, lighteval, or Inspect."
        ),
    ] = "rows",
    keep: Annotated[bool, typer.Option(help="Also write the columns of the rows.")] = False,
) -> None:
    """Grade answers. In addition to gold and prediction, these columns are read if present: options ({letter: text}, or
    a list of texts), id, truncated (true or false), finish_reason (`length` is truncated)."""
    grader = grader_of(task, kind, tags_only, thinking)
    source = Source(rows, Columns(gold, prediction), grader, form)
    if not rows.is_file():
        raise InputError(f"{rows}: no such file; name one with --in")
    counts: Counter[tuple[str, str]] = Counter()
    cli.show(rows, (row for _, _, row in islice(source.rows(), cli.SHOWN)), asdict(source.columns))
    verdicts = _verdicts(source, counts, keep)
    if output.suffix == ".jsonl":
        _save_lines(verdicts, output)
    elif keep or output.suffix == ".csv":
        write([*verdicts], output)
    else:
        _save_table(verdicts, output, source)
    for (verdict, why), count in sorted(counts.items(), key=lambda entry: -entry[1]):
        say(f"{count:>9,}  {verdict:<9}  {why}")
    right, total = sum(n for (verdict, _), n in counts.items() if verdict == "right"), sum(counts.values())
    say(f"{right:,} of {total:,} rows are correct; verdicts: {output}")
    if source.bad_golds:
        told = "\n".join(source.told)
        message = (
            f"{source.bad_golds:,} gold answers cannot be parsed; only an identical text counts as correct"
            f" there:\n{told}"
        )
        if bad_gold == "fail":
            raise InputError(f"{message}\nfix them, choose another --kind, or pass --bad-gold undecided")
        say(message)


def _verdicts(source: Source, counts: Counter[tuple[str, str]], keep: bool) -> Iterator[tables.Row]:
    """Yield the verdict of each row, after the row's own columns if they are kept, and count them."""
    total = _count(source)
    asked, kept = tee(source.rows())
    judged = source.grader.judge_all(source.item(place, row) for place, _, row in asked)
    for _, number, row in track(kept, "grading", "rows", total):
        judgement: Judgement = next(judged)
        counts[judgement.verdict, judgement.why] += 1
        if keep:
            if taken := [name for name in judgement._fields if name in row]:
                raise InputError(f"{source.path}: there is a column {taken[0]!r} already; rename it, or omit --keep")
            yield row | judgement._asdict()
        else:
            name = {"id": row["id"]} if "id" in row else {}
            yield {"line": number, **name, **judgement._asdict()}


def _count(source: Source) -> int:
    """Count the rows to grade; those of JSONL by its lines, which is quick."""
    if source.form != "rows" or source.path.suffix != ".jsonl":
        return sum(1 for _ in source.rows())
    with source.path.open("rb") as lines:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: lines.read(1 << 20), b""))


def _save_lines(verdicts: Iterator[tables.Row], output: Path) -> None:
    """Write verdicts as they come, so that a file of any size can be graded."""
    with tables.atomic(output) as temporary, temporary.open("w", encoding="ascii") as out:
        out.writelines(json.dumps(verdict) + "\n" for verdict in verdicts)


def _save_table(verdicts: Iterator[tables.Row], output: Path, source: Source) -> None:
    named = [{**one, "id": str(one["id"])} if "id" in one else one for one in verdicts]
    tables.write("verdicts", named, output, tables.provenance("grade", [source.path], grading=source.grader))


def grader_of(task: str | None, kind: Kind | None, tags_only: bool = False, thinking: str | None = None) -> Grader:
    """Return the grader of a task (its kind, or JSON) or of an answer type; raises InputError unless one is given."""
    if (task is None) == (kind is None):
        raise InputError(
            "give --task (such as gsm8k) or --kind (number, choice, yesno, math, text, auto); exactly one of them"
        )
    try:
        if task is None:
            grader: Grader = cli.parsed(Grading, json.dumps({"kind": kind}))
        else:
            chosen = task if task.lstrip().startswith("{") else json.dumps({"kind": task})
            grader = cli.parsed(Task, chosen).grading
    except ValueError as error:
        raise InputError(f"--task {task}: {error}") from None
    if thinking:
        grader = grader.model_copy(update={"thinking": thinking})
    return grader.in_tags() if tags_only else grader


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_true(value: Any) -> bool:
    """Whether a cell says yes; those of a CSV file are text."""
    return value.strip().casefold() in {"true", "1", "yes"} if isinstance(value, str) else bool(value)


def _options(value: Any) -> dict[str, str] | None:
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):  # in a cell of a CSV file
        value = jsontext.parse(value)
    if isinstance(value, list):
        return {chr(ord("A") + n): _text(text) for n, text in enumerate(value)}
    return {str(letter): _text(text) for letter, text in value.items()} if isinstance(value, dict) and value else None


if __name__ == "__main__":
    cli.run(main)
