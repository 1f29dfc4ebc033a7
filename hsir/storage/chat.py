"""Convert messages to token ids with the model's chat template, which is treated as untrusted code without a clock."""

import multiprocessing
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from hsir import traces
from hsir.errors import InputError
from hsir.storage import marks
from hsir.tasks.record import Record

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DEADLINE = 10.0
"""Timeout in seconds for rendering one message, which takes milliseconds."""
SENTINEL = "The first line.\n\n" + 400 * "word " + "\nThe last line?"
"""A message that must appear unchanged in the output."""
CLOCK = "strftime_now"
TODAY = datetime(2024, 7, 26)
"""The date that templates see: the default of Llama's own template."""
_CODES = "".join(f" | replace('%{code}', '{TODAY.strftime(f'%{code}')}')" for code in "AaBbDdeFHIjMmpSTYy")
_PINNED = f"{{%- macro {CLOCK}(format) -%}}{{{{ format{_CODES} }}}}{{%- endmacro %}}\n"


def check_chat_template(tokenizer: "PreTrainedTokenizerBase") -> None:
    """Raise InputError if a tokenizer has no chat template, or one that fails, hangs or loses the message.

    It is tried in a child process, which is killed at the deadline.
    """
    name = tokenizer.name_or_path
    if not tokenizer.chat_template:
        raise InputError(
            f"{name}: the model has no chat template, so it cannot be prompted; give a Jinja file with"
            " `chat_template:` in config/models/<name>.yaml"
        )
    text, fault = _tried(tokenizer)
    if fault is None and SENTINEL not in text:
        fault = "omits the message, or a part of it"
    if fault is not None:
        raise InputError(
            f"{name}: its chat template {fault}; give a working one as a Jinja file with `chat_template:` in"
            " config/models/<name>.yaml"
        )


def rendered(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Mapping[str, Any]]) -> str:
    """Render messages with the chat template, on a fixed date; raises InputError if it fails."""
    template = tokenizer.get_chat_template()
    if CLOCK in template:
        template = _PINNED + template
    try:
        text: str = tokenizer.apply_chat_template(
            list(messages), chat_template=template, add_generation_prompt=True, tokenize=False
        )
    except Exception as error:  # a template can raise anything
        said = " ".join(str(error).split())
        raise InputError(
            f"{tokenizer.name_or_path}: its chat template cannot be rendered: {type(error).__name__}: {said}"
        ) from error
    return text


def prompt_ids(tokenizer: "PreTrainedTokenizerBase", message: str) -> list[int]:
    """Tokenize a user message with the model's chat template, up to the start of the completion.

    Text marked by `as_text` stays text. A `<think>` that the template adds at the end belongs to the completion (see
    `opening_ids`).
    """
    prompt, _ = _parted(tokenizer, message)
    return marks.encode(tokenizer, prompt)


def opening_ids(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """Return the tokens with which the chat template opens the reasoning; none if the model does so itself.

    Templates of DeepSeek-R1's distilled models, QwQ and others end with `<think>`. Every completion starts with these
    tokens, so that its text contains the complete trace. Raises InputError for a template that closes the
    reasoning before it starts, as in a non-thinking mode.
    """
    _, opening = _parted(tokenizer, "?")
    ids: list[int] = tokenizer(opening, add_special_tokens=False)["input_ids"] if opening else []
    return ids


def _parted(tokenizer: "PreTrainedTokenizerBase", message: str) -> tuple[str, str]:
    """Render a message, and split the prompt from the reasoning tag that the template adds."""
    prompt, opening = traces.split_opening(rendered(tokenizer, [{"role": "user", "content": message}]))
    if message.strip() not in prompt:
        raise InputError(
            f"{tokenizer.name_or_path}: its chat template changes or omits the message {message.strip()!r:.80}; give"
            " one that keeps every text with `chat_template:` in config/models/<name>.yaml"
        )
    if traces.CLOSED in opening:
        raise InputError(
            f"{tokenizer.name_or_path}: the chat template closes the reasoning before the model starts it"
            f" ({opening.strip()!r}); give one in thinking mode with `chat_template:` in config/models/<name>.yaml"
        )
    return prompt, opening


def as_text(tokenizer: "PreTrainedTokenizerBase", text: str) -> str:
    """Mark control tokens and tags of the trace format in untrusted text."""
    return marks.mark(text, _pattern([*specials(tokenizer), *traces.TAGS]))


def question_as_text(tokenizer: "PreTrainedTokenizerBase", record: Record) -> Record:
    """Return a question with its text and options marked in this way."""
    options = record.options and {letter: as_text(tokenizer, text) for letter, text in record.options.items()}
    return record.model_copy(update={"question": as_text(tokenizer, record.question), "options": options})


def check_trace(tokenizer: "PreTrainedTokenizerBase", record: Record) -> None:
    """Raise InputError if a trace contains a control token, which the policy would learn to write."""
    found = _pattern(specials(tokenizer)).search(record.trace or "")
    if found:
        raise InputError(
            f"question {record.id!r}: its trace contains {found[0]!r}, a control token of the model; remove it"
        )


def specials(tokenizer: "PreTrainedTokenizerBase") -> list[str]:
    """Return the model's control tokens; the tags of the trace format count as text."""
    added = tokenizer.added_tokens_decoder.values()
    return [token.content for token in added if token.special and token.content not in traces.TAGS]


def _pattern(names: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))) or "(?!)")


def _tried(tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str | None]:
    """Return the rendered sentinel, and the fault, if any."""
    fork = multiprocessing.get_context("fork")  # spawning a new process would take seconds for imports
    receiver, sender = fork.Pipe(duplex=False)
    child = fork.Process(target=_render, args=(tokenizer, sender), daemon=True)
    child.start()
    sender.close()
    try:
        answer: tuple[str, str | None] = (
            receiver.recv() if receiver.poll(DEADLINE) else ("", f"takes more than {DEADLINE:g} s for one message")
        )
    except EOFError:
        answer = "", "crashes the process that renders it (out of memory?)"
    child.kill()
    child.join()
    return answer


def _render(tokenizer: "PreTrainedTokenizerBase", sender: Connection) -> None:
    try:
        sender.send((rendered(tokenizer, [{"role": "user", "content": SENTINEL}]), None))
    except InputError as error:
        sender.send(("", str(error).split("its chat template ", 1)[1]))
