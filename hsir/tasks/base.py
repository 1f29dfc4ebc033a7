"""What a task is: where its questions come from, how they are asked, how an answer is read and judged.

A task is an option and its strategy, one file each: the prompt and the parser that reads its answers
stand side by side.
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
Graded = Annotated[Grading, Field(description="How answers are graded, by `kind`.")]


class BaseTask(Options, ABC):
    """The three things that a benchmark must say: its questions, how they are asked, how answers are graded.

    A task has a field `grading`, one of the kinds of `hsir.grading`, which its config may change.
    """

    grading: Graded
    limit: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Use only this many questions of each split, for a trial."
    )

    @abstractmethod
    def records(self, split: Split, seed: int) -> Iterable[Record]:
        """Give all questions of a split; `seed` draws the seed and unlabelled sets, never the test set."""

    def questions(self, split: Split, seed: int) -> list[Record]:
        """Give the questions of a split that are used: no more than `limit`."""
        return list(islice(self.records(split, seed), self.limit))

    def expected(self, split: Split) -> int | None:
        """Tell how many questions are used, as far as that is known without a network."""
        size = self.size(split)
        return size if size is None or self.limit is None else min(size, self.limit)

    def files(self, split: Split) -> list[Path]:
        """Name the files that a split is read from; when one changes, the split is loaded again."""
        return []

    def size(self, split: Split) -> int | None:
        """Tell how many questions a split has, as far as that is known without a network."""
        return None

    def remote(self, split: Split) -> str | None:
        """Name the data set of the hub that a split is read from, if it is."""
        return None

    def for_split(self, split: Split | None) -> Self:
        """Give the task with only what a split depends on, so that no other change makes it again.

        None is for its verdicts, which depend on `grading` alone. A split depends on the kind of its grading and on
        no option of it: another fallback grades anew what was generated, and generates nothing again.
        """
        fields = type(self).model_fields
        unread = self.unread(split) if split else set(fields) - {"kind", "grading"}
        reset = {name: fields[name].get_default() for name in unread}
        return self.model_copy(update=reset | ({"grading": type(self.grading)()} if split else {}))

    def unread(self, split: Split) -> Collection[str]:
        """Name the options that a split does not depend on, besides those of its grading."""
        return ()

    @abstractmethod
    def prompt(self, record: Record) -> str:
        """Write the user's message."""
