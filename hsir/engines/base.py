"""What an engine takes and gives; every engine, present or future, speaks in these."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class Prompt(NamedTuple):
    """One completion to be drawn: where it belongs, what it continues, and the seed of its noise."""

    sample_id: str
    question_id: str
    prompt_ids: list[int]
    seed: int
    prefix_ids: list[int] = []
    """What of the completion is given already (a recycled prefix)."""
    parent_id: str | None = None
    cut_step: int | None = None


class Completion(NamedTuple):
    """What was drawn for a prompt: token ids (stop token kept), text, and why it ended."""

    prompt: Prompt
    completion_ids: list[int]
    text: str
    finish: str


class Engine(Protocol):
    """Something that completes prompts."""

    def complete(self, batch: list[Prompt]) -> list[Completion]:
        """Complete one batch, in order."""
        ...


def batches(prompts: list[Prompt], size: int) -> Iterator[list[Prompt]]:
    """Cut prompts into batches of like lengths; the same prompts give the same batches every time."""
    ordered = sorted(prompts, key=lambda p: (len(p.prompt_ids) + len(p.prefix_ids), p.sample_id))
    for at in range(0, len(ordered), size):
        yield ordered[at : at + size]
