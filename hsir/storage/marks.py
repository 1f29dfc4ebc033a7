"""Marks around control tokens in untrusted text, so that they are tokenized as plain text.

Otherwise, a question that contains `<|im_end|>` would end the user's turn.
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hsir.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

START, END = "\U000f0000", "\U000f0001"
"""Characters for private use, which pass through a chat template unchanged."""
_MARKED = re.compile(f"{START}([^{START}{END}]*){END}|[{START}{END}]")


def mark(text: str, tokens: re.Pattern[str]) -> str:
    """Put marks around each match; existing marks are removed, so that the text cannot forge any."""
    return tokens.sub(f"{START}\\g<0>{END}", re.sub(f"[{START}{END}]", "", text))


def encode(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    """Tokenize a rendered chat: marked parts as plain text, and the rest as usual.

    A lone mark, which a template's `split` can leave, is dropped. Raises InputError if the tokenizer has no fast
    backend, or also produces the control token from plain text.
    """

    def usual(part: str) -> list[int]:
        ids: list[int] = tokenizer(part, add_special_tokens=False)["input_ids"]
        return ids

    first, *rest = _MARKED.split(text)
    ids = usual(first) if first else []
    for place, part in enumerate(rest):
        if part and place % 2 == 0:  # the pattern has one group, so every second part is a marked one
            ids += _plain(tokenizer, part)
        elif part:
            ids += _within(usual, part)
    return ids


def _plain(tokenizer: "PreTrainedTokenizerBase", part: str) -> list[int]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise InputError(f"{tokenizer.name_or_path}: its tokenizer cannot encode {part!r} as text; remove it")

    def without_added_tokens(part: str) -> list[int]:
        part = backend.normalizer.normalize_str(part) if backend.normalizer else part
        words = [word for word, _ in backend.pre_tokenizer.pre_tokenize_str(part)] if backend.pre_tokenizer else [part]
        return [token.id for word in words for token in backend.model.tokenize(word)]

    ids = _within(without_added_tokens, part)
    if tokenizer.convert_tokens_to_ids(part) in ids:
        raise InputError(f"{tokenizer.name_or_path}: its tokenizer produces {part!r} from plain text; remove it")
    return ids


def _within(encoder: Callable[[str], Sequence[int]], part: str) -> list[int]:
    """Tokenize a part as if inside a text: SentencePiece puts a space before the first word of a text."""
    newline, ids = list(encoder("\n")), list(encoder("\n" + part))
    return ids[len(newline) :] if ids[: len(newline)] == newline else list(encoder(part))
