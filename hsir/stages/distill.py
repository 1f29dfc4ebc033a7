"""Stage distill: ask a teacher for traces of a task's training questions, and keep the correct ones.

Every raw answer is saved immediately, in OUTPUT's `.answers.jsonl`, and is never requested again: after a kill at any
moment, the next start requests the rest; if the grading has changed, it regrades the saved answers.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import typer

from hsir.errors import InputError
from hsir.sampling.distillation import Distillation
from hsir.sampling.teacher import Endpoint, Teacher, check_address, take_key
from hsir.stages import cli
from hsir.tasks import Task
from hsir.tasks.base import BaseTask
from hsir.tasks.benchmark import TrainingBenchmark
from hsir.tasks.jsonl import read_records
from hsir.tasks.record import Record

Training = Literal["training", "seed", "unlabelled"]


def main(
    task: Annotated[BaseTask, cli.json_option(Task, "The task, as JSON.")],
    endpoint: Annotated[str, typer.Option(help="OpenAI-compatible URL, such as http://localhost:8000/v1.")],
    model: Annotated[str, typer.Option(help="The teacher's name at the endpoint.")],
    output: Annotated[
        Path, cli.file_option("--out", "Output: correct traces, for a task's `traces:` or `seed:`.", ".jsonl")
    ],
    questions: Annotated[Path | None, typer.Option(help="JSONL of questions, instead of the task's own.")] = None,
    split: Annotated[
        Training, typer.Option(help="The split to distil; `training` is all training questions of a benchmark.")
    ] = "training",
    seed: Annotated[int, typer.Option(help="Seed of the seed and unlabelled sets.")] = 0,
    system: Annotated[str | None, typer.Option(help="System prompt; by default the task's, if it has one.")] = None,
    key_from: Annotated[
        str, typer.Option(help="Environment variable with the API key, if one is needed.")
    ] = "OPENAI_API_KEY",
    temperature: Annotated[float, typer.Option(min=0)] = 0.6,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Token limit of reasoning and answer together.")] = 16_384,
    attempts: Annotated[int, typer.Option(min=1, help="Answers requested per question, until one is correct.")] = 1,
    requests_per_minute: Annotated[float | None, typer.Option(min=0.1, help="Rate limit; retries count.")] = None,
    parallel: Annotated[int, typer.Option(min=1, help="Number of parallel requests.")] = 8,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds without data after which a request is retried.")
    ] = 900.0,
    retries: Annotated[
        int, typer.Option(min=0, help="Retries of a request, with growing pauses, or as the server requests.")
    ] = 6,
) -> None:
    """Distil traces from a teacher. After a kill, rerun: answers are kept."""
    check_address(endpoint)
    key = take_key(key_from)
    if output.suffix != ".jsonl" or (questions and output.resolve() == questions.resolve()):
        raise InputError(f"--out {output}: must be a .jsonl file of its own")
    records = checked(list(read_records(questions, task.grading) if questions else training(task, split, seed)))
    asked = Endpoint(
        url=endpoint, model=model, temperature=temperature, max_new_tokens=max_new_tokens, key_from=key_from,
        requests_per_minute=requests_per_minute, timeout=timeout, retries=retries,
    )  # fmt: skip
    with cli.locked(output):
        Distillation(task, Teacher(asked, key), system, attempts, output).make(records, parallel)


def training(task: BaseTask, split: Training, seed: int) -> Iterable[Record]:
    """Return all training questions of a task; raises InputError if it has no complete training set."""
    if split != "training":
        return task.records(split, seed)
    if not isinstance(task, TrainingBenchmark):
        raise InputError("the task has no complete training set; use --split seed or unlabelled, or --questions")
    return task.part("train")


def checked(records: list[Record]) -> list[Record]:
    """Raise InputError if there are no questions, and for duplicate ids."""
    if not records:
        raise InputError("there are no questions; check the task's files or --questions")
    name, count = Counter(record.id for record in records).most_common(1)[0]
    if count > 1:
        raise InputError(f"{count} questions have the id {name!r}; ids must be unique")
    return records


if __name__ == "__main__":
    cli.run(main)
