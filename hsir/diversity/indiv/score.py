"""Score solutions by intrinsic diversity: the one function that the stage calls."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import torch
from transformers import PreTrainedModel

from hsir.config.settings import Score
from hsir.diversity.indiv import attention
from hsir.diversity.indiv.logdet import Parts, UnscoredError, parts
from hsir.diversity.indiv.reading import Solution
from hsir.diversity.indiv.states import look, truncate
from hsir.errors import InputError
from hsir.progress import say
from hsir.storage.models import load_model

Batch = list[Solution]


def batches(solutions: Sequence[Solution], budget: int) -> list[Batch]:
    """Group solutions of similar length, with at most `budget` tokens per batch, padding included. The longest come
    first, so memory runs out at once or not at all.
    """
    ordered = sorted(solutions, key=lambda one: (-one.tokens.length, one.sample_id))
    planned: list[Batch] = []
    for one in ordered:
        if planned and planned[-1][0].tokens.length * (len(planned[-1]) + 1) <= budget:
            planned[-1].append(one)
        else:
            planned.append([one])
    return planned


class Scorer:
    """A policy, truncated after the block that is read, and the scoring of its states."""

    def __init__(self, model: PreTrainedModel, options: Score) -> None:
        self.options, self.model = options, model
        self.limit: int = self.model.config.get_text_config().max_position_embeddings
        self.most: int | None = None
        """Number of tokens per batch for which memory was insufficient."""

    def score(self, batch: Batch) -> list[tuple[str, Parts]]:
        """Return (sample id, parts) for each solution; raises InputError with the id of a sample that cannot be scored.
        If memory runs out, this batch and every later one of its size are halved.
        """
        self._check(batch)
        size = len(batch) * max(one.tokens.length for one in batch)
        if len(batch) > 1 and self.most is not None and size >= self.most:
            return self._halves(batch)
        try:
            return self._score(batch)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not _short_of_memory(error):
                raise
            if len(batch) == 1:
                raise InputError(f"sample {batch[0].sample_id}: {size} tokens do not fit into memory") from error
        self.most = size
        say(f"out of memory at {size} tokens per batch; retrying with half")
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return self._halves(batch)

    def _halves(self, batch: Batch) -> list[tuple[str, Parts]]:
        half = (len(batch) + 1) // 2
        return self.score(batch[:half]) + self.score(batch[half:])

    def _score(self, batch: Batch) -> list[tuple[str, Parts]]:
        options = self.options
        try:
            seen = look(self.model, [one.tokens for one in batch], options.weights != "none", options.received)
            found = parts(seen, options.alpha, options.weights, options.scale)
        except UnscoredError as error:
            raise InputError(f"sample {batch[error.place].sample_id}: {error}") from error
        return [(one.sample_id, score) for one, score in zip(batch, found, strict=True)]

    def _check(self, batch: Batch) -> None:
        for one in batch:
            if one.tokens.length > self.limit:
                raise InputError(
                    f"sample {one.sample_id}: {one.tokens.length} tokens, but the model has {self.limit} positions"
                )
            if not one.tokens.span[1] > one.tokens.span[0]:
                raise InputError(f"sample {one.sample_id}: a solution without tokens has no score")


def opened(model: str, options: Score) -> Scorer:
    """Load a policy for scoring."""
    return Scorer(truncate(load(model, options), options.layer), options)


@contextmanager
def live(model: PreTrainedModel, options: Score) -> Iterator[Scorer]:
    """Score with a policy in training, adapters included; its state is restored afterwards."""
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    decoder, training = whole.get_decoder(), model.training
    blocks, own = decoder.layers, whole.config._attn_implementation
    model.eval()
    if options.weights != "none":
        whole.set_attn_implementation(attention.NAME)
    try:
        yield Scorer(truncate(whole, options.layer), options)
    finally:
        decoder.layers = blocks
        whole.set_attn_implementation(own)
        model.train(training)


def load(model: str, options: Score) -> PreTrainedModel:
    """Load a policy with attention that records the weights tokens receive, if the model supports it."""
    try:
        return load_model(model, options.dtype, attn_implementation=attention.NAME)
    except InputError:
        if options.weights != "none":
            raise
        return load_model(model, options.dtype)


def _short_of_memory(error: RuntimeError) -> bool:
    """Return whether an error is an out-of-memory error; on a CPU it has no class of its own."""
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)


def score(
    model: str | PreTrainedModel, solutions: Sequence[Solution], options: Score = Score()
) -> Iterator[tuple[str, Parts]]:
    """Yield (sample id, parts) for each solution, longest first; raises InputError as `Scorer.score` does.

    The policy is a folder, or a loaded model, which is left unchanged.
    """
    with nullcontext(opened(model, options)) if isinstance(model, str) else live(model, options) as scorer:
        for batch in batches(solutions, options.token_budget):
            yield from scorer.score(batch)
