"""Rows of a file as questions of a table."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from hsir.errors import InputError
from hsir.grading import Auto
from hsir.sampling.questions import question_rows
from hsir.stages import cli
from hsir.storage import tables
from hsir.storage.chat import opening_ids
from hsir.tasks import Task
from hsir.tasks.base import BaseTask, Graded, Split
from hsir.tasks.record import Record

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Plain(BaseTask):
    """Questions that are prompted as they are."""

    kind: Literal["plain"] = "plain"
    grading: Graded = Auto()

    def records(self, split: Split, seed: int) -> Iterable[Record]:
        return []

    def prompt(self, record: Record) -> str:
        return record.question


def task_of(name: str | None) -> BaseTask:
    """Return the task whose wording prompts use: by its kind, or as JSON; without one, prompts are used as they are."""
    if name is None:
        return Plain()
    try:
        task: BaseTask = cli.parsed(Task, name if name.lstrip().startswith("{") else json.dumps({"kind": name}))
    except ValueError as error:
        raise InputError(f"--task {name}: {error}") from None
    return task


def write(
    names: Sequence[str], questions: Sequence[str], golds: Sequence[str], task: BaseTask,
    tokenizer: "PreTrainedTokenizerBase", path: Path, traces: Sequence[str] | None = None,
) -> list[tables.Row]:  # fmt: skip
    """Write the table of questions, with traces if there are any, and return its rows."""
    records = []
    for number, (name, question, gold) in enumerate(zip(names, questions, golds, strict=True)):
        try:
            trace = traces[number] if traces else None
            records.append(Record(id=name, question=question, answer=gold, trace=trace))
        except ValidationError as error:
            raise InputError(f"row {number + 1}: {error.errors()[0]['msg']}") from error
    rows = question_rows(records, task, tokenizer)
    tables.write("questions", rows, path, {"stage": "own"} | tables.opening(opening_ids(tokenizer)))
    return rows
