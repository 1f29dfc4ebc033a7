"""Shared fixtures: the embedded model and its tokenizer, loaded once."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from hsir.storage.models import load_model, load_tokenizer
from hsir.tasks.chains import Chains

ROOT = Path(__file__).parents[1]
EMBEDDED = ROOT / "hsir" / "embedded" / "model"

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def embedded() -> Path:
    """The embedded model's folder."""
    return EMBEDDED


@pytest.fixture(scope="session")
def encoder() -> PreTrainedTokenizerBase:
    """The embedded tokenizer."""
    return load_tokenizer(str(EMBEDDED))


@pytest.fixture(scope="session")
def policy() -> PreTrainedModel:
    """The embedded model; tests must not change it."""
    return load_model(str(EMBEDDED), "float32")


@pytest.fixture(scope="session")
def asked(encoder: PreTrainedTokenizerBase) -> Callable[[int], list[list[int]]]:
    """Prompts of the embedded benchmark as token ids, of 2 to 8 steps in turn."""
    questions = [record.question for record in Chains(kind="chains", test=70).records("test", 0)]

    def first(n: int) -> list[list[int]]:
        told = [[{"role": "user", "content": question}] for question in questions[:n]]
        texts = [encoder.apply_chat_template(chat, add_generation_prompt=True, tokenize=False) for chat in told]
        return [encoder(text, add_special_tokens=False)["input_ids"] for text in texts]

    return first
