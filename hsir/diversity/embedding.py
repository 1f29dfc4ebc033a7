"""Embeddings of steps, for Div: a sentence model, or word counts, which need no model."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from hsir import disk
from hsir.config.settings import BaseEmbedder, SentenceTransformers, Words
from hsir.diversity.div import Embed
from hsir.diversity.wordcounts import words
from hsir.errors import InputError


def embedder(options: BaseEmbedder) -> Embed:
    """Load the embedder; raises InputError if a sentence model cannot be loaded."""
    if isinstance(options, Words):
        return partial(words, dimensions=options.dimensions)
    if isinstance(options, SentenceTransformers):
        return _sentences(options)
    raise TypeError(f"{options!r} is not a valid embedder")


def _sentences(options: SentenceTransformers) -> Embed:
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    folder = Path(options.model)
    if options.model.startswith((".", "/", "~")) and not folder.is_dir():
        raise InputError(f"{options.model}: no such folder; fix `model` of the embedder")
    if not sys.stderr.isatty():
        logging.disable_progress_bar()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        model = SentenceTransformer(
            options.model, device=device, trust_remote_code=False, revision=options.revision,
            model_kwargs={"use_safetensors": None if options.pickled else True},
        )  # fmt: skip
    except (OSError, ValueError) as error:
        if disk.refused(error):
            raise
        raise InputError(
            f"{options.model}: the sentence model cannot be loaded ({type(error).__name__}: {error}); set `model` to a"
            " local folder, `pickled: true` if it has no safetensors and you trust it, or use the embedder {kind:"
            " words}, which needs no model"
        ) from error

    def embed(texts: Sequence[str]) -> NDArray[Any]:
        vectors: NDArray[Any] = model.encode(list(texts), batch_size=options.batch_size, show_progress_bar=False)
        return vectors

    return embed
