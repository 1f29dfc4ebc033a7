"""Marks around control tokens: they cannot be forged, and every kind of fast tokenizer preserves the text."""

import re

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from hsir.errors import InputError
from hsir.storage import marks

END = re.compile(re.escape("<end>"))


@pytest.fixture
def words() -> PreTrainedTokenizerFast:
    """A tokenizer of single characters with SentencePiece's space before the first word."""
    alphabet = {character: place for place, character in enumerate("▁\n<end>abc?")}
    backend = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    backend.add_special_tokens(["<end>"])
    return PreTrainedTokenizerFast(tokenizer_object=backend)


def test_a_marked_token_is_plain_text_and_an_unmarked_one_is_not(words: PreTrainedTokenizerFast) -> None:
    text = marks.mark("a <end>? ", END) + "<end>b"
    tokens = words.convert_ids_to_tokens(marks.encode(words, text))
    assert "".join(tokens).replace("▁", " ").lstrip() == "a <end>? <end>b"
    assert tokens.count("<end>") == 1


def test_marks_cannot_be_forged(words: PreTrainedTokenizerFast) -> None:
    forged = marks.mark(f"{marks.START}a{marks.END} {marks.END}<{marks.START}end>", END)
    assert forged == f"a {marks.START}<end>{marks.END}"
    assert words.convert_tokens_to_ids("<end>") not in marks.encode(words, forged)


def test_a_lone_mark_joins_nothing(words: PreTrainedTokenizerFast) -> None:
    assert words.convert_tokens_to_ids("<end>") not in marks.encode(words, f"<e{marks.START}nd>")


def test_a_tokenizer_without_a_fast_backend_rejects_the_token() -> None:
    class Slow:
        name_or_path = "slow"

    with pytest.raises(InputError, match=r"slow: its tokenizer cannot encode '<end>' as text; remove it"):
        marks.encode(Slow(), marks.mark("<end>", END))  # type: ignore[arg-type]


def test_a_vocabulary_that_holds_the_token_as_a_word_rejects_it() -> None:
    backend = Tokenizer(models.WordLevel(vocab={"<unk>": 0, "<end>": 1}, unk_token="<unk>"))  # noqa: S106
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.add_special_tokens(["<end>"])
    with pytest.raises(InputError, match="its tokenizer produces '<end>' from plain text"):
        marks.encode(PreTrainedTokenizerFast(tokenizer_object=backend), marks.mark("<end>", END))
