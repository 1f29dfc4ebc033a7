"""The engine for CPUs and single GPUs: transformers, with a decoding loop that keeps samples apart."""

from hsir.config.pools import BasePool
from hsir.config.settings import TransformersEngine
from hsir.engines.base import Completion, Prompt
from hsir.engines.decode import Decoding, decode
from hsir.errors import InputError
from hsir.models import load_model, load_tokenizer, stop_ids


class TransformersRunner:
    """A policy, loaded, that completes batches."""

    def __init__(self, model: str, pool: BasePool, options: TransformersEngine) -> None:
        self._model = load_model(model, options.dtype)
        self._tokenizer = load_tokenizer(model)
        limit = pool.max_new_tokens
        if limit is None:
            raise InputError("the pool has no token limit; set max_new_tokens in it")
        self._positions = self._model.config.get_text_config().max_position_embeddings
        self._how = Decoding(pool.temperature, limit, stop_ids(self._model, self._tokenizer))

    def complete(self, batch: list[Prompt]) -> list[Completion]:
        """Complete one batch, in order."""
        contexts = [[*prompt.prompt_ids, *prompt.prefix_ids] for prompt in batch]
        longest = max(map(len, contexts)) + self._how.max_new_tokens
        if longest > self._positions:
            raise InputError(
                f"{longest} tokens (the longest prompt and max_new_tokens {self._how.max_new_tokens}) exceed the"
                f" {self._positions} positions of the model; lower max_new_tokens"
            )
        drawn = decode(self._model, contexts, [prompt.seed for prompt in batch], self._how)
        return [self._completion(prompt, ids) for prompt, ids in zip(batch, drawn, strict=True)]

    def _completion(self, prompt: Prompt, drawn: list[int]) -> Completion:
        stopped = drawn[-1] in self._how.stop_ids
        whole = [*prompt.prefix_ids, *drawn]
        text = self._tokenizer.decode(whole[:-1] if stopped else whole, skip_special_tokens=True)
        return Completion(prompt, whole, text, "stop" if stopped else "length")
