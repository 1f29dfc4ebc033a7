"""Load models and tokenizers: safetensors only, no code from a model's folder."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hsir import traces
from hsir.errors import InputError

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase


def load_tokenizer(path: str, chat_template: Path | None = None) -> "PreTrainedTokenizerBase":
    """Load a model's tokenizer, with a chat template in place of its own; raises InputError for missing files."""
    from transformers import AutoTokenizer

    check_exists(path)
    with _told(path):
        tokenizer = AutoTokenizer.from_pretrained(path)
    if chat_template is not None:
        if not chat_template.is_file():
            raise InputError(f"{chat_template}: no such chat template; mend `chat_template` of the model's config")
        tokenizer.chat_template = chat_template.read_text(encoding="utf-8")
    return tokenizer


def check_chat_template(tokenizer: "PreTrainedTokenizerBase") -> None:
    """Raise InputError where a tokenizer has no chat template."""
    if not tokenizer.chat_template:
        raise InputError(
            f"{tokenizer.name_or_path}: the model has no chat template, so questions cannot be put to it; give one as"
            " a Jinja file with `chat_template:` in config/models/<name>.yaml"
        )


def prompt_ids(tokenizer: "PreTrainedTokenizerBase", message: str) -> list[int]:
    """Tokenise a user's message as the model's chat template puts it, up to where the completion begins.

    A `<think>` that the template writes at the end belongs to the completion (see `opening_ids`).
    """
    prompt = _rendered(tokenizer, message)[0]
    ids: list[int] = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    return ids


def opening_ids(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """Give the tokens with which the chat template opens the reasoning; none where the model does so itself.

    Templates of DeepSeek-R1's distilled models, QwQ and others end with `<think>`. Every completion is made to begin
    with these tokens, so that its text holds the whole trace. Raises InputError for a template that closes the
    reasoning before it has begun, as a mode without thinking does.
    """
    opening = _rendered(tokenizer, "?")[1]
    ids: list[int] = tokenizer(opening, add_special_tokens=False)["input_ids"] if opening else []
    return ids


def _rendered(tokenizer: "PreTrainedTokenizerBase", message: str) -> tuple[str, str]:
    """Render a message, and part the prompt from the opening of the reasoning that the template writes."""
    messages = [{"role": "user", "content": message}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    bare, opening = traces.split_opening(prompt)
    if traces.CLOSED in opening:
        raise InputError(
            f"{tokenizer.name_or_path}: the chat template ends the reasoning before the model begins it"
            f" ({opening.strip()!r}); give one in thinking mode with `chat_template:` in config/models/<name>.yaml"
        )
    return bare, opening


def load_model(path: str, dtype: str, **options: str) -> "PreTrainedModel":
    """Load a causal language model for inference, on the GPU if there is one."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    check_exists(path)
    if not sys.stderr.isatty():
        logging.disable_progress_bar()
    with _told(path):
        model = AutoModelForCausalLM.from_pretrained(path, dtype=getattr(torch, dtype), use_safetensors=True, **options)
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def positions(path: str) -> int:
    """Tell how many tokens a model can read."""
    from transformers import AutoConfig

    check_exists(path)
    with _told(path):
        return int(AutoConfig.from_pretrained(path).get_text_config().max_position_embeddings)


def stop_ids(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    """Give the tokens that end a completion: the generation config's and the tokenizer's."""
    return _stops(model.name_or_path, model.generation_config, tokenizer)


def stop_ids_at(path: str, tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    """Give the tokens that end a completion of a model that another library loads."""
    from transformers import AutoConfig, GenerationConfig

    with _told(path):
        try:
            generation = GenerationConfig.from_pretrained(path)
        except OSError:  # it has none of its own, and what transformers would make of its config counts
            generation = GenerationConfig.from_model_config(AutoConfig.from_pretrained(path))
    return _stops(path, generation, tokenizer)


def _stops(name: str, generation: "GenerationConfig | None", tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    named = generation.eos_token_id if generation else None
    listed = named if isinstance(named, list) else [] if named is None else [named]
    own = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    if not listed and not own:
        raise InputError(f"{name}: the model names no end-of-text token (eos_token_id)")
    return frozenset([*listed, *own])


def check_exists(path: str) -> None:
    """Raise InputError where a path that can only be a folder is none, or holds no model."""
    folder = Path(path)
    looks_local = (
        path.startswith((".", "/", "~")) or path.count("/") > 1 or (folder.parent != Path() and folder.parent.is_dir())
    )
    if looks_local and not folder.is_dir():
        raise InputError(f"{path}: no such model folder; mend `path` in config/models/<name>.yaml")
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise InputError(f"{path}: the folder holds no model (no config.json)")


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Turn a loading failure into an InputError that names the model."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(f"{path}: the model cannot be loaded: {error}") from error
