"""Questions as the policy sees them: prompts and traces, tokenized once."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hsir.errors import InputError
from hsir.storage.chat import check_chat_template, check_trace, prompt_ids, question_as_text
from hsir.storage.tables import Row
from hsir.tasks.base import BaseTask
from hsir.tasks.record import Record

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def question_rows(records: Iterable[Record], task: BaseTask, tokenizer: "PreTrainedTokenizerBase") -> list[Row]:
    """Tokenize a task's questions and their traces; returns rows of the table `questions`.

    `prompt_ids` end where the policy starts to write, and `trace_ids` with the end-of-text token. Raises InputError if
    the tokenizer has no chat template or no end-of-text token.
    """
    check_chat_template(tokenizer)
    if tokenizer.eos_token_id is None:
        raise InputError(f"{tokenizer.name_or_path}: the tokenizer has no end-of-text token (eos_token)")
    return [_row(record, task, tokenizer) for record in records]


def _row(record: Record, task: BaseTask, tokenizer: "PreTrainedTokenizerBase") -> Row:
    trace_ids = None
    if record.trace is not None:
        check_trace(tokenizer, record)
        trace_ids = [*tokenizer(record.trace, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    return {
        "question_id": record.id, "question": record.question, "gold": record.answer,
        "difficulty": record.difficulty, "options": record.options, "trace": record.trace, "trace_ids": trace_ids,
        "prompt_ids": prompt_ids(tokenizer, task.prompt(question_as_text(tokenizer, record))),
    }  # fmt: skip
