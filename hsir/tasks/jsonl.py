"""Your own benchmark, from JSONL files: one `{"id": ..., "question": ..., "answer": ...}` per line.

Optional keys: `options` ({letter: text}), `difficulty` (an integer), `trace` (a correct solution).
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from string import ascii_uppercase
from typing import Literal

from pydantic import Field

from hsir import jsontext
from hsir.errors import InputError
from hsir.grading import Auto, Grader
from hsir.tasks.base import BaseTask, Graded, Split
from hsir.tasks.benchmark import ANSWER, Instruction, ask, checked
from hsir.tasks.record import Record
from hsir.tasks.rows import Fields, Row, count, from_file


class Jsonl(BaseTask):
    """Your own questions, read from files; by default, each is graded by its answer type."""

    kind: Literal["jsonl"]
    grading: Graded = Auto()
    seed: Path | None = Field(None, description="File of the seed set; each line needs a trace.")
    unlabelled: Path | None = Field(None, description="File of the unlabelled set.")
    test: Path | None = Field(None, description="File of the test set.")
    instruction: Instruction = ANSWER

    def records(self, split: Split, seed: int) -> Iterator[Record]:
        path: Path | None = getattr(self, split)
        if path is None:
            raise InputError(f"the task has no file for its {split} set; set `{split}:` in its config")
        yield from read_records(path, self.grading)

    def files(self, split: Split) -> list[Path]:
        path: Path | None = getattr(self, split)
        return [] if path is None else [path]

    def size(self, split: Split) -> int | None:
        path: Path | None = getattr(self, split)
        return count(path) if path is not None and path.is_file() else None

    def unread(self, split: Split) -> Collection[str]:
        return {"seed", "unlabelled", "test"} - {split}

    def prompt(self, record: Record) -> str:
        return ask(record, self.instruction)


def read_records(path: Path, grading: Grader = Auto()) -> Iterator[Record]:
    """Read a question file; raises InputError naming the file, the line and a fix."""
    for row in from_file(path):
        fields = {"id": f"{path.stem}-{row.number:05d}"} | row.fields
        _gather_options(fields, row)
        for key in ("id", "answer"):
            if isinstance(fields.get(key), int | float) and not isinstance(fields[key], bool):
                fields[key] = str(fields[key])
        yield checked(fields, row, grading)


def _gather_options(fields: Fields, row: Row) -> None:
    """Read options from a table: JSON in one column, or a column for each letter; empty cells are omitted."""
    for key in ("options", "difficulty", "trace"):
        if fields.get(key) == "":
            del fields[key]
    options = fields.get("options")
    if isinstance(options, str):
        try:
            fields["options"] = jsontext.parse(options)
        except ValueError as error:
            raise row.fault(
                f'options is not a JSON object ({error}); write {{"A": ...}}, or a column for each letter'
            ) from error
    elif options is None and {"A", "B"} <= set(fields):
        fields["options"] = {
            letter: fields[letter] for letter in ascii_uppercase if fields.get(letter) not in (None, "")
        }
