"""Stage data: the tokenized questions of one split."""

from pathlib import Path
from typing import Annotated

import typer

from hsir.errors import InputError
from hsir.grading import Item
from hsir.progress import say
from hsir.sampling.questions import question_rows
from hsir.stages import cli
from hsir.storage import tables
from hsir.storage.chat import opening_ids
from hsir.storage.models import load_tokenizer, positions
from hsir.tasks import Task
from hsir.tasks.base import BaseTask, Split
from hsir.tasks.noise import noised
from hsir.tasks.record import Record


def main(
    model: Annotated[str, typer.Option(help="Base model, for its tokenizer and chat template.")],
    task: Annotated[BaseTask, cli.json_option(Task, "The task, as JSON.")],
    split: Annotated[Split, typer.Option(help="The split.")],
    output: Annotated[Path, cli.file_option("--out", "Table of questions.", *tables.SUFFIXES)],
    seed: Annotated[int, typer.Option(help="Seed of the seed and unlabelled sets.")] = 0,
    chat_template: Annotated[Path | None, typer.Option(help="Jinja file that replaces the model's template.")] = None,
) -> None:
    """Load the questions of a split, check them, and tokenize prompts and traces once."""
    records = checked(task.questions(split, seed), split)
    if split == "seed":
        check_traces(records, task)
    tokenizer = load_tokenizer(model, chat_template)
    rows = question_rows(records, task, tokenizer)
    if split == "unlabelled" and task.noise:
        rows = noised(rows, task.noise, seed, task.grading)
        wrong = sum(row["true_gold"] is not None for row in rows)
        say(f"the gold answers of {wrong} of {len(rows)} questions are wrong")
    check_lengths(rows, positions(model))
    read = [*task.files(split), *([chat_template] if chat_template else [])]
    made_by = tables.provenance("data", read, task=task, split=split, seed=seed, model=model)
    tables.write("questions", rows, output, made_by | tables.opening(opening_ids(tokenizer)))


def checked(records: list[Record], split: Split) -> list[Record]:
    """Raise InputError for an empty set, for duplicate ids, and for a seed set without traces."""
    if not records:
        raise InputError(f"the {split} set is empty; check the task's files and sizes")
    seen: set[str] = set()
    for record in records:
        if record.id in seen:
            raise InputError(f"the {split} set has two questions with the id {record.id!r}; ids must be unique")
        seen.add(record.id)
        if split == "seed" and not record.trace:
            raise InputError(f"question {record.id!r} of the seed set has no trace; seed questions need a correct one")
    return records


def check_lengths(rows: list[tables.Row], positions: int) -> None:
    """Raise InputError for questions that exceed the model's positions (tokens), alone or with their trace."""
    sizes = {row["question_id"]: len(row["prompt_ids"]) + len(row["trace_ids"] or [0]) for row in rows}
    if long := [f"{name} ({size:,})" for name, size in sizes.items() if size > positions]:
        raise InputError(
            f"{len(long)} of {len(rows)} questions are longer than the model's context of {positions:,} tokens:"
            f" {', '.join(long[:5])}{', ...' if len(long) > 5 else ''}; shorten or remove them"
        )


def check_traces(records: list[Record], task: BaseTask) -> None:
    """Raise InputError for a seed trace that does not reach the gold answer."""
    for record in records:
        judgement = task.grading.in_tags().judge(Item(record.trace or "", record.answer, record.options))
        if judgement.verdict != "right":
            raise InputError(
                f"question {record.id!r} of the seed set: its trace is {judgement.verdict} (it answers"
                f" {judgement.extracted!r}, the gold answer is {record.answer!r}); fix or remove it"
            )


if __name__ == "__main__":
    cli.run(main)
