"""Prompts of pools other than all plain questions: with hints, guided, a part of them, or with more samples for hard
ones.

The functions take rows of the table `questions` by question id, and return rows of the table `asked`.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from hsir.config.pools import AdaptivePool, DrawnPool, GuidePool, HintPool, SamplePool
from hsir.errors import InputError
from hsir.sampling.engines.seeds import sample_seed
from hsir.sampling.prompts import filled, quoted, shares, unsolved
from hsir.storage.chat import as_text, prompt_ids, question_as_text
from hsir.storage.tables import Row
from hsir.tasks.base import BaseTask
from hsir.tasks.record import Record

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Rows = Mapping[str, Row]
Counts = Mapping[str, int]


def adaptive(asked: Rows, pool: AdaptivePool, right: Counts, failed: Counts) -> Iterator[Row]:
    """Return the plain questions, with more samples where more failed; seeds continue after those of the other pool.

    `right` and `failed` count the other pool's solutions by question.
    """
    failures = {name: failed.get(name, 0) for name in asked}
    drawn = max(right.get(name, 0) + failures[name] for name in asked)
    for name, draws in shares(failures, drawn, pool.samples * len(asked)).items():
        if draws:
            yield _row(name, asked[name]["prompt_ids"], draws, drawn)


def parted(asked: Rows, pool: SamplePool, number: int) -> Iterator[Row]:
    """Return one part of the questions, by its number, from 0; after the last part comes the first again.

    A part is every n-th question of the table, so parts are alike if its order goes by difficulty.
    """
    parts = pool.parts or 1
    for name in list(asked)[number % parts :: parts]:
        yield _row(name, asked[name]["prompt_ids"], pool.samples)


def queued(asked: Rows, pool: SamplePool, before: Iterable[Mapping[str, float]]) -> Iterator[Row]:
    """Return the questions whose turn it is: one part, in the order of AdaSTaR (arXiv 2505.16322, algorithm 1).

    First are the questions that were sampled longest ago, and of these the ones that had the lowest share of correct
    samples; ties are broken at random. `before` has these shares for each earlier iteration, by question, in the order
    in which the iteration asked them. Of its m questions, only the first a^2 m count as sampled, where a is its share
    of correct samples: a weak policy repeats many questions. In the paper, a is the accuracy during training.
    """
    last, won = dict.fromkeys(asked, 0), dict.fromkeys(asked, 0.0)
    for number, shares_right in enumerate(before, start=1):
        strength = fmean(shares_right.values())
        for name in [*shares_right][: int(len(shares_right) * strength**2)]:
            last[name], won[name] = number, shares_right[name]
    order = sorted(asked, key=lambda name: (last[name], won[name], sample_seed(0, name, 0)))
    for name in order[: math.ceil(len(asked) / (pool.parts or 1))]:
        yield _row(name, asked[name]["prompt_ids"], pool.samples)


def hinted(
    asked: Rows, pool: HintPool, task: BaseTask, tokenizer: "PreTrainedTokenizerBase", right: Counts
) -> Iterator[Row]:
    """Return the unsolved questions, with the gold answer as a hint."""
    for name in unsolved(list(asked), right):
        question = task.prompt(question_as_text(tokenizer, _record(asked[name])))
        text = filled(pool.template, question=question, answer=as_text(tokenizer, asked[name]["gold"]))
        yield _row(name, prompt_ids(tokenizer, text), pool.samples)


def guided(
    asked: Rows, pool: GuidePool, task: BaseTask, tokenizer: "PreTrainedTokenizerBase", before: Iterable[Row],
    most: int,
) -> Iterator[Row]:  # fmt: skip
    """Return the questions in the template, once, or once for each completion of the quoted pool.

    A quote that leaves the model no room is halved until there is room.
    """
    if pool.of is None:
        for name, known in asked.items():
            text = filled(pool.template, question=task.prompt(question_as_text(tokenizer, _record(known))))
            yield _row(name, prompt_ids(tokenizer, text), pool.samples)
    for sample in before:
        name = sample["question_id"]
        question, length = task.prompt(question_as_text(tokenizer, _record(asked[name]))), pool.quote
        while True:
            quote = as_text(tokenizer, quoted(sample["completion"], length))
            text = filled(pool.template, question=question, previous=quote)
            ids = prompt_ids(tokenizer, text)
            if not length or len(ids) + (pool.max_new_tokens or 1) <= most:
                break
            length = min(length, len(sample["completion"])) // 2
        yield _row(name, ids, pool.samples, parent=sample["sample_id"])


def _record(question: Row) -> Record:
    """Return the question as a record of the task."""
    return Record(
        id=question["question_id"], question=question["question"], answer=question["gold"],
        options=dict(question["options"]) if question["options"] else None, difficulty=question["difficulty"],
    )  # fmt: skip


def _row(name: str, ids: list[int], draws: int, first: int = 0, parent: str | None = None) -> Row:
    """Convert a prompt to a row of the table."""
    return {"question_id": name, "parent_id": parent, "prompt_ids": ids, "draws": draws, "first": first}


def check_fits(rows: Sequence[Row], pool: DrawnPool, most: int) -> None:
    """Raise InputError if a prompt leaves the model no room for the pool's completions."""
    longest = max(rows, key=lambda one: len(one["prompt_ids"]), default=None)
    if longest and (needed := len(longest["prompt_ids"]) + (pool.max_new_tokens or 1)) > most:
        raise InputError(
            f"question {longest['question_id']}: its prompt and max_new_tokens are {needed} tokens together, but the"
            f" model has {most} positions; shorten the pool's template, its quote, or max_new_tokens"
        )
