"""The base class of tasks: the source of the questions, their prompt, and the grading of answers.

A task is an option and its strategy, in one file: the prompt is next to the parser that reads its answers.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field

from hsir.grading import Grading
from hsir.options import Options
from hsir.tasks.record import Record

Split = Literal["seed", "unlabelled", "test"]


def _none(noise: float) -> bool:
    """Leave noise out of a task's JSON where there is none: data made before it existed stay valid."""
    return not noise


Graded = Annotated[Grading, Field(description="How answers are graded, by `kind`.")]


class BaseTask(Options, ABC):
    """The three things that a benchmark must define: its questions, their prompt, and the grading.

    A task has a field `grading`, one of the answer types of `hsir.grading`, which its config may change.
    """

    grading: Graded
    limit: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Use only this many questions of each split, for a trial."
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=1,
        exclude_if=_none,
        description="Share of the unlabelled questions whose gold answer is replaced by a wrong one, to study wrong"
        " labels.",
    )

    @abstractmethod
    def records(self, split: Split, seed: int) -> Iterable[Record]:
        """Return all questions of a split; `seed` affects the seed and unlabelled sets, never the test set."""

    def questions(self, split: Split, seed: int) -> list[Record]:
        """Return the questions of a split that are used: at most `limit`."""
        return list(islice(self.records(split, seed), self.limit))

    def expected(self, split: Split) -> int | None:
        """Return how many questions are used, if that is known without a network."""
        size = self.size(split)
        return size if size is None or self.limit is None else min(size, self.limit)

    def files(self, split: Split) -> list[Path]:
        """Return the files that a split is read from; if one changes, the split is reloaded."""
        return []

    def size(self, split: Split) -> int | None:
        """Return how many questions a split has, if that is known without a network."""
        return None

    def remote(self, split: Split) -> str | None:
        """Return the hub data set that a split is read from, if any."""
        return None

    def for_split(self, split: Split | None) -> Self:
        """Return the task with only the options that a split depends on, so that other changes do not recreate it.

        None stands for its verdicts, which depend only on `grading`. A split depends on the kind of its grading, but
        not on its options: a different fallback regrades existing samples, and does not resample.
        """
        fields = type(self).model_fields
        unread = {*self.unread(split)} if split else set(fields) - {"kind", "grading"}
        if split != "unlabelled":
            unread |= {"noise"}
        reset = {name: fields[name].get_default() for name in unread}
        return self.model_copy(update=reset | ({"grading": type(self.grading)()} if split else {}))

    def unread(self, split: Split) -> Collection[str]:
        """Return the options that a split does not depend on, in addition to those of its grading."""
        return ()

    @abstractmethod
    def prompt(self, record: Record) -> str:
        """Return the user message."""
