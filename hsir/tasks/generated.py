"""The base of the generated benchmarks: problems drawn from a seeded stream, an equal number of each length.

Splits: seed (with correct traces), unlabelled, test (the same for every run seed); no question is in two of them.
"""

import random
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple, Self

from pydantic import Field, model_validator

from hsir.errors import InputError
from hsir.grading import Number
from hsir.tasks.base import BaseTask, Graded, Split
from hsir.tasks.record import Record

ORDER: tuple[Split, ...] = ("test", "seed", "unlabelled")
"""The order in which splits are generated: each without the questions of the earlier ones."""

MOST_MISSES = 1000


class Drawn(NamedTuple):
    """A problem from the stream; `trace` draws a correct trace of it, and is called for a new question only."""

    question: str
    answer: str
    trace: Callable[[], str]


class Generated(BaseTask):
    """Word problems whose difficulty is their number of steps."""

    grading: Graded = Number(fallbacks=())
    seed: int = Field(300, ge=1, description="Questions in the seed set.")
    unlabelled: int = Field(250, ge=1, description="Questions in the unlabelled set.")
    test: int = Field(420, ge=1, description="Questions in the test set.")
    shortest: int = Field(2, ge=1, description="Steps of the easiest questions.")
    longest: int = Field(8, ge=1, le=20, description="Steps of the hardest questions.")
    stream: str = Field("", description="Name of the random stream; a different name gives different questions.")

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        if self.shortest > self.longest:
            raise ValueError(f"shortest is {self.shortest}, longest is {self.longest}; swap them")
        return self

    @abstractmethod
    def draw(self, rng: random.Random, length: int) -> Drawn:
        """Generate a problem of `length` steps."""

    def records(self, split: Split, seed: int) -> Iterator[Record]:
        taken: set[str] = set()
        for drawn in ORDER:
            records = self._draw(drawn, 0 if drawn == "test" else seed, taken)
            if drawn == split:
                return iter(records)
            taken |= {record.question for record in records}
        raise ValueError(f"no split {split!r}")

    def size(self, split: Split) -> int:
        count: int = getattr(self, split)
        return count

    def unread(self, split: Split) -> Collection[str]:
        return ORDER[ORDER.index(split) + 1 :]

    def prompt(self, record: Record) -> str:
        return record.question

    def _draw(self, split: Split, seed: int, taken: set[str]) -> list[Record]:
        """Generate a split, with equal numbers of each length, without the questions already taken."""
        rng = random.Random(f"{self.stream}/{split}/{seed}")
        levels = range(self.shortest, self.longest + 1)
        records: list[Record] = []
        known = set(taken)
        misses = 0
        while len(records) < getattr(self, split):
            length = levels[len(records) % len(levels)]
            drawn = self.draw(rng, length)
            misses += 1
            if misses > MOST_MISSES:
                raise InputError(f"only {len(records)} different questions of these lengths exist; request fewer")
            if drawn.question not in known:
                misses = 0
                known.add(drawn.question)
                records.append(_record(f"{split}-{len(records):05d}", drawn, length))
        return records


def _record(name: str, drawn: Drawn, length: int) -> Record:
    return Record(id=name, question=drawn.question, answer=drawn.answer, difficulty=length, trace=drawn.trace())
