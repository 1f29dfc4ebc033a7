"""What a task is: where its questions come from, how they are asked, how an answer is read and judged.

A task is an option and its strategy, one file each: the prompt and the parser that reads its answers
stand side by side.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self

from hsir import traces
from hsir.options import Options
from hsir.tasks.record import Record

Split = Literal["seed", "unlabelled", "test"]
Verdict = Literal["right", "wrong", "no_answer", "undecided"]


class BaseTask(Options, ABC):
    """The four things that a benchmark must say."""

    @abstractmethod
    def records(self, split: Split, seed: int) -> Iterable[Record]:
        """Give the questions of a split; `seed` draws the seed and unlabelled sets, never the test set."""

    def files(self, split: Split) -> list[Path]:
        """Name the files that a split is read from; when one changes, the split is loaded again."""
        return []

    def for_split(self, split: Split | None) -> Self:
        """Give the task with only what a split depends on, so that no other change makes it again.

        None is for its verdicts, which depend on no split.
        """
        return self

    @abstractmethod
    def prompt(self, record: Record) -> str:
        """Write the user's message."""

    def extract(self, completion: str) -> list[str]:
        """Find the answers that a completion gives: none, one, or several that differ."""
        return list(dict.fromkeys(filter(None, traces.answers(completion))))

    @abstractmethod
    def equal(self, extracted: str, gold: str) -> bool | None:
        """Tell whether an answer equals the gold one; None where that cannot be decided."""
