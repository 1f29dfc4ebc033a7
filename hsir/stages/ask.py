"""Stage ask: the prompts of a pool whose questions are put otherwise, or not all as often."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hsir.config.pools import AdaptivePool, BasePool, GuidePool, HintPool, Pool
from hsir.errors import InputError
from hsir.progress import say
from hsir.sampling.prompts import filled, quoted, shares, unsolved
from hsir.stages import cli
from hsir.storage import tables
from hsir.storage.models import load_tokenizer, positions, prompt_ids
from hsir.tasks import Task
from hsir.tasks.base import BaseTask
from hsir.tasks.record import Record

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Rows = dict[str, tables.Row]


def main(
    questions: Annotated[Path, typer.Option(help="Table of questions.")],
    pool: Annotated[BasePool, cli.json_option(Pool, "The pool, as JSON.")],
    task: Annotated[BaseTask, cli.json_option(Task, "The task, as JSON.")],
    model: Annotated[str, typer.Option(help="Base model, for its tokenizer and chat template.")],
    output: Annotated[Path, typer.Option(help="Table of prompts.")],
    samples: Annotated[list[Path], typer.Option(help="Shards of the pool that it is made of.")] = [],
    verified: Annotated[Path | None, typer.Option(help="That pool's verdicts.")] = None,
    chat_template: Annotated[Path | None, typer.Option(help="Jinja file in place of the model's.")] = None,
) -> None:
    """Write the prompts of a pool, and how often each is drawn from."""
    asked = {row["question_id"]: row for row in tables.read("questions", questions)}
    if isinstance(pool, AdaptivePool):
        rows = list(adaptive(asked, pool, *judged(samples, verified)))
    else:
        tokenizer = load_tokenizer(model, chat_template)
        if isinstance(pool, HintPool):
            right, _ = judged(samples, verified)
            rows = list(hinted(asked, pool, task, tokenizer, right))
        elif isinstance(pool, GuidePool):
            rows = list(guided(asked, pool, task, tokenizer, tables.read("samples", samples), positions(model)))
        else:
            raise InputError(f"a pool of kind {pool.kind} has the plain questions as its prompts; leave out ask")  # type: ignore[attr-defined]
        check_fits(rows, pool, positions(model))
    read = [questions, *samples, *([verified] if verified else [])]
    made_by = tables.provenance("ask", read, pool=pool, task=task, model=model)
    tables.write("asked", rows, output, made_by | tables.opening(tables.opening_ids(questions)))
    say(f"{len(rows)} prompts of {len(asked)} questions, {sum(row['draws'] for row in rows)} draws")


def judged(samples: list[Path], verified: Path | None) -> tuple[Counter[str], Counter[str]]:
    """Count the right and the failed solutions of each question."""
    if verified is None:
        raise InputError("the pool is made of another's verdicts; give --samples and --verified of that one")
    verdicts = {row["sample_id"]: row["verdict"] for row in tables.read("verified", verified)}
    right, failed = Counter[str](), Counter[str]()
    for row in tables.read("samples", samples, ["sample_id", "question_id"]):
        (right if verdicts[row["sample_id"]] == "right" else failed)[row["question_id"]] += 1
    return right, failed


def adaptive(asked: Rows, pool: AdaptivePool, right: Counter[str], failed: Counter[str]) -> Iterator[tables.Row]:
    """Give the plain questions, more draws to those of which more failed; seeds go on behind the other pool's."""
    drawn = max(right[name] + failed[name] for name in asked)
    for name, draws in shares({name: failed[name] for name in asked}, drawn, pool.samples * len(asked)).items():
        if draws:
            yield row(name, asked[name]["prompt_ids"], draws, drawn)


def hinted(
    asked: Rows, pool: HintPool, task: BaseTask, tokenizer: "PreTrainedTokenizerBase", right: Counter[str]
) -> Iterator[tables.Row]:
    """Give the questions that none solved, with the gold answer as a hint."""
    for name in unsolved(list(asked), right):
        question = task.prompt(record(asked[name]))
        text = filled(pool.template, question=question, answer=asked[name]["gold"])
        yield row(name, prompt_ids(tokenizer, text), pool.samples)


def guided(
    asked: Rows, pool: GuidePool, task: BaseTask, tokenizer: "PreTrainedTokenizerBase", before: list[tables.Row],
    most: int,
) -> Iterator[tables.Row]:  # fmt: skip
    """Give the questions in a frame, once, or once for each completion of the pool that is quoted.

    Of a quote that leaves the model no room, half is taken, and half of that, until there is.
    """
    if pool.of is None:
        for name, known in asked.items():
            text = filled(pool.template, question=task.prompt(record(known)))
            yield row(name, prompt_ids(tokenizer, text), pool.samples)
    for sample in before:
        name = sample["question_id"]
        question, length = task.prompt(record(asked[name])), pool.quote
        while True:
            text = filled(pool.template, question=question, previous=quoted(sample["completion"], length))
            ids = prompt_ids(tokenizer, text)
            if not length or len(ids) + (pool.max_new_tokens or 1) <= most:
                break
            length = min(length, len(sample["completion"])) // 2
        yield row(name, ids, pool.samples, parent=sample["sample_id"])


def record(question: tables.Row) -> Record:
    """Give the question as the task knows it."""
    return Record(
        id=question["question_id"], question=question["question"], answer=question["gold"],
        options=dict(question["options"]) if question["options"] else None, difficulty=question["difficulty"],
    )  # fmt: skip


def row(name: str, ids: list[int], draws: int, first: int = 0, parent: str | None = None) -> tables.Row:
    """Write a prompt as a row of the table."""
    return {"question_id": name, "parent_id": parent, "prompt_ids": ids, "draws": draws, "first": first}


def check_fits(rows: list[tables.Row], pool: BasePool, most: int) -> None:
    """Raise InputError where a prompt leaves the model no room for the pool's completions."""
    longest = max(rows, key=lambda one: len(one["prompt_ids"]), default=None)
    if longest and (needed := len(longest["prompt_ids"]) + (pool.max_new_tokens or 1)) > most:
        raise InputError(
            f"question {longest['question_id']}: its prompt and max_new_tokens are {needed} tokens together, but the"
            f" model has {most} positions; shorten the pool's template, its quote, or max_new_tokens"
        )


if __name__ == "__main__":
    cli.run(main)
