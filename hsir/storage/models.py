"""Load models and tokenizers: safetensors only, no code from a model's folder."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hsir import disk
from hsir.config.home import is_local
from hsir.errors import InputError
from hsir.storage import manifest, weights
from hsir.storage.chat import check_chat_template as check_chat_template
from hsir.storage.chat import prompt_ids as prompt_ids
from hsir.storage.soundness import check_tokenizer, check_weights

if TYPE_CHECKING:
    import torch
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase


def load_tokenizer(path: str, chat_template: Path | None = None) -> "PreTrainedTokenizerBase":
    """Load a model's tokenizer, optionally with another chat template; raises InputError for missing files."""
    from transformers import AutoTokenizer

    check_exists(path)
    manifest.check(Path(path), weights=False)
    with _told(path):
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    check_tokenizer(path, tokenizer)
    if chat_template is not None:
        if not chat_template.is_file():
            raise InputError(f"{chat_template}: no such chat template; fix `chat_template` of the model's config")
        tokenizer.chat_template = chat_template.read_text(encoding="utf-8")
    return tokenizer


def load_model(path: str, dtype: str, **options: str) -> "PreTrainedModel":
    """Load a causal language model for inference, on the GPU if there is one."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    check_exists(path)
    manifest.check(Path(path))
    if not sys.stderr.isatty():
        logging.disable_progress_bar()
    with _told(path):
        model, told = AutoModelForCausalLM.from_pretrained(
            path, dtype=getattr(torch, dtype), use_safetensors=True, trust_remote_code=False,
            output_loading_info=True, ignore_mismatched_sizes=True, **options,
        )  # fmt: skip
    model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    check_weights(path, model, told)
    return model


def positions(path: str) -> int:
    """Return the maximum number of tokens that a model can read."""
    from transformers import AutoConfig

    check_exists(path)
    with _told(path):
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
    return int(config.get_text_config().max_position_embeddings)


def weights_dtype(path: str) -> "torch.dtype | None":
    """Return the number format of a model's weights according to its config; None if it is not set."""
    from transformers import AutoConfig

    with _told(path):
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
    found: torch.dtype | None = config.dtype or config.get_text_config().dtype
    return found


def stop_ids(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    """Return the tokens that end a completion: those of the generation config and of the tokenizer."""
    return _stops(model.name_or_path, model.generation_config, tokenizer)


def stop_ids_at(path: str, tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    """Return the tokens that end a completion, for a model that another library loads."""
    from transformers import AutoConfig, GenerationConfig

    with _told(path):
        try:
            generation = GenerationConfig.from_pretrained(path)
        except OSError:  # without one, use what transformers would derive from its config
            config = AutoConfig.from_pretrained(path, trust_remote_code=False)
            generation = GenerationConfig.from_model_config(config)
    return _stops(path, generation, tokenizer)


def _stops(name: str, generation: "GenerationConfig | None", tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    named = generation.eos_token_id if generation else None
    listed = named if isinstance(named, list) else [] if named is None else [named]
    own = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    if not listed and not own:
        raise InputError(f"{name}: the model has no end-of-text token (eos_token_id)")
    return frozenset([*listed, *own])


def check_exists(path: str) -> None:
    """Raise InputError if a path that can only be a folder does not exist, or contains no supported model."""
    if weights.is_gguf(path):
        raise InputError(f"{path}: a GGUF model, but only safetensors are loaded; {weights.CONVERT}")
    folder = Path(path)
    if is_local(path) and not folder.is_dir():
        raise InputError(
            f"{path}: no such model folder; correct the path (of a run: `path` in config/models/<name>.yaml)"
        )
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise InputError(f"{path}: the folder contains no model (no config.json)")


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Turn a loading failure into an InputError that names the model.

    Covers every exception: damaged files raise whatever one of five libraries happens to raise, at any depth.
    """
    try:
        with disk.naming(Path(path)):
            yield
    except Exception as error:
        if disk.refused(error):
            raise
        said = " ".join(str(error).split())
        if "trust_remote_code" in said:
            raise InputError(
                f"{path}: the model requires its own code (`auto_map`), which HSIR never runs; use a model that"
                " transformers has a class for"
            ) from error
        raise InputError(f"{path}: the model cannot be loaded: {type(error).__name__}: {said}") from error
