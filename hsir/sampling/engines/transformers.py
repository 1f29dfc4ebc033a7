"""The engine for CPUs and single GPUs: transformers, with a decoding loop that keeps samples independent."""

from collections.abc import Iterable, Iterator
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from hsir.sampling.engines.base import Completion, Engine, Prompt, Within, completion, room, unheard
from hsir.sampling.engines.decode import Decoding, decode
from hsir.sampling.engines.grouped import grouped
from hsir.sampling.engines.shared import origins
from hsir.storage.models import stop_ids


class TransformersRunner(Engine):
    """A loaded policy that completes batches of prompts, with at most `max_new_tokens` each; temperature 0 is
    greedy."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        temperature: float,
        max_new_tokens: int,
        top_p: float = 1.0,
    ) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._how = Decoding(temperature, max_new_tokens, stop_ids(model, tokenizer), top_p)

    def stream(self, todo: Iterable[list[Prompt]], within: Within = unheard) -> Iterator[list[Completion]]:
        """Yield the completions of each batch, in order; raises InputError if the model has too few positions."""
        return (self._completed(batch, within) for batch in todo)

    def _completed(self, batch: list[Prompt], within: Within) -> list[Completion]:
        room(batch, self._how.max_new_tokens, self._model.config.get_text_config().max_position_embeddings)
        contexts = [[*prompt.prompt_ids, *prompt.prefix_ids] for prompt in batch]
        with grouped(self._model):
            drawn = decode(self._model, contexts, [prompt.seed for prompt in batch], self._how, within)
        stops, kept = self._how.stop_ids, [one.kept for one in origins(contexts)]
        return [
            completion(prompt, ids, stops, self._tokenizer, cached)
            for prompt, ids, cached in zip(batch, drawn, kept, strict=True)
        ]

    def noted(self) -> dict[str, Any]:
        """Return nothing: the options already define how it runs."""
        return {}
