"""A benchmark of one's own, from JSONL files: `{"id": ..., "question": ..., "answer": ...}` a line.

Optional keys: `options` ({letter: text}), `difficulty` (a whole number), `trace` (a right solution).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError

from hsir.errors import InputError
from hsir.tasks import numbers
from hsir.tasks.base import BaseTask, Split
from hsir.tasks.record import Record

FORMAT = (
    "Reason step by step between <think> and </think>, a blank line between steps; then give the answer"
    " alone between <answer> and </answer>."
)


class Jsonl(BaseTask):
    """Questions with short or numeric answers, read from files."""

    kind: Literal["jsonl"]
    seed: Path | None = Field(None, description="File of the seed set; each line needs a trace.")
    unlabelled: Path | None = Field(None, description="File of the unlabelled set.")
    test: Path | None = Field(None, description="File of the test set.")
    instruction: str = Field(FORMAT, description="What stands under the question.")

    def records(self, split: Split, seed: int) -> Iterator[Record]:
        path: Path | None = getattr(self, split)
        if path is None:
            raise InputError(f"the task has no file for its {split} set; set `{split}:` in its config")
        yield from read_records(path)

    def files(self, split: Split) -> list[Path]:
        path: Path | None = getattr(self, split)
        return [] if path is None else [path]

    def for_split(self, split: Split | None) -> Self:
        others = {"seed", "unlabelled", "test"} - {split}
        return self.model_copy(update=dict.fromkeys(others))

    def prompt(self, record: Record) -> str:
        options = "".join(f"\n{letter}. {text}" for letter, text in (record.options or {}).items())
        return f"{record.question}{options}\n\n{self.instruction}"

    def equal(self, extracted: str, gold: str) -> bool | None:
        same = numbers.equal(extracted, gold)
        return extracted.strip().casefold() == gold.strip().casefold() if same is None else same


def read_records(path: Path) -> Iterator[Record]:
    """Read a question file; raises InputError naming the file, the line and the way out."""
    if not path.is_file():
        raise InputError(f"{path}: no such question file")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}); convert it") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _record(path, number, line)


def _record(path: Path, number: int, line: str) -> Record:
    where = f"{path}, line {number}"
    try:
        fields = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON ({error.msg} at column {error.colno}); one object a line") from error
    if not isinstance(fields, dict):
        raise InputError(f"{where}: a {type(fields).__name__}, not an object with question and answer")
    fields = {"id": f"{path.stem}-{number:05d}"} | fields
    for key in ("id", "answer"):
        if isinstance(fields.get(key), int | float) and not isinstance(fields[key], bool):
            fields[key] = str(fields[key])
    try:
        return Record(**fields)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"{where}: {wrong}") from error
