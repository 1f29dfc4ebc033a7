"""The engine for CPUs and single GPUs: transformers, with a decoding loop that keeps samples apart."""

from collections.abc import Iterable
from typing import Any

from hsir.config.engines import TransformersEngine
from hsir.config.pools import BasePool
from hsir.sampling.engines.base import Completion, Prompt, Within, completion, room, token_limit, unheard
from hsir.sampling.engines.decode import Decoding, decode
from hsir.storage.models import load_model, load_tokenizer, stop_ids


class TransformersRunner:
    """A policy, loaded, that completes batches of the prompts that it is made for."""

    def __init__(self, model: str, pool: BasePool, options: TransformersEngine, prompts: Iterable[Prompt]) -> None:
        self._model = load_model(model, options.dtype)
        self._tokenizer = load_tokenizer(model)
        limit = token_limit(pool)
        room(prompts, limit, self._model.config.get_text_config().max_position_embeddings)
        self._how = Decoding(pool.temperature, limit, stop_ids(self._model, self._tokenizer))

    def complete(self, batch: list[Prompt], within: Within = unheard) -> list[Completion]:
        """Complete one batch, in order."""
        contexts = [[*prompt.prompt_ids, *prompt.prefix_ids] for prompt in batch]
        drawn = decode(self._model, contexts, [prompt.seed for prompt in batch], self._how, within)
        stops = self._how.stop_ids
        return [completion(prompt, ids, stops, self._tokenizer) for prompt, ids in zip(batch, drawn, strict=True)]

    def noted(self) -> dict[str, Any]:
        """Nothing: what it runs on is what its options say."""
        return {}
