"""The embedded benchmark: word problems of 2 to 8 steps from a seeded generator.

Source: `hsir/tasks/wordproblems.py`. Licence: Apache-2.0, like the project. Splits: seed (correct traces, some with
redundant re-checks), unlabelled, test (the same for every run seed); no question is in two of them.
"""

import random
from collections.abc import Collection, Iterator
from typing import Literal

from pydantic import Field, model_validator

from hsir.errors import InputError
from hsir.grading import Number
from hsir.tasks import wordproblems
from hsir.tasks.base import BaseTask, Graded, Split
from hsir.tasks.record import Record

ORDER: tuple[Split, ...] = ("test", "seed", "unlabelled")
"""The order in which splits are generated: each without the questions of the earlier ones."""

MOST_MISSES = 1000


class Chains(BaseTask):
    """Word problems whose difficulty is their number of steps."""

    kind: Literal["chains"]
    grading: Graded = Number(fallbacks=())
    seed: int = Field(300, ge=1, description="Questions in the seed set.")
    unlabelled: int = Field(250, ge=1, description="Questions in the unlabelled set.")
    test: int = Field(420, ge=1, description="Questions in the test set.")
    shortest: int = Field(2, ge=1, description="Steps of the easiest questions.")
    longest: int = Field(8, ge=1, le=20, description="Steps of the hardest questions.")
    stream: str = Field("chains", description="Name of the random stream; a different name gives different questions.")
    rechecks: tuple[float, ...] = Field(
        (0.0, 1.0, 1.0, 1.0), description="Weight of 0, 1, 2, ... redundant re-checks in a trace."
    )

    @model_validator(mode="after")
    def _sound(self) -> "Chains":
        if sum(self.rechecks) <= 0 or min(self.rechecks) < 0:
            raise ValueError("rechecks are weights: none may be negative, and at least one must be positive")
        if self.shortest > self.longest:
            raise ValueError(f"shortest is {self.shortest}, longest is {self.longest}; swap them")
        return self

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
            told = wordproblems.problem(rng, length)
            misses += 1
            if misses > MOST_MISSES:
                raise InputError(f"only {len(records)} different questions of these lengths exist; request fewer")
            if told.question not in known:
                misses = 0
                known.add(told.question)
                records.append(self._record(f"{split}-{len(records):05d}", told, rng))
        return records

    def _record(self, name: str, told: wordproblems.Problem, rng: random.Random) -> Record:
        trace = wordproblems.trace(rng, told, wordproblems.rechecks(rng, self.rechecks))
        return Record(id=name, question=told.question, answer=told.answer, difficulty=len(told.steps), trace=trace)
