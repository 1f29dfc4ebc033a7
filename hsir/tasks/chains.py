"""The embedded benchmark: word problems of 2 to 8 steps, made by a seeded generator.

Source: `hsir/tasks/wordproblems.py`. Licence: Apache-2.0, as the project. Splits: seed (right traces, some
with redundant re-checks), unlabelled, test (the same for every run seed); no question is in two of them.
"""

import random
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from hsir.tasks import numbers, wordproblems
from hsir.tasks.base import BaseTask, Split
from hsir.tasks.record import Record


class Chains(BaseTask):
    """Word problems whose difficulty is their number of steps."""

    kind: Literal["chains"]
    seed: int = Field(300, ge=1, description="Questions in the seed set.")
    unlabelled: int = Field(300, ge=1, description="Questions in the unlabelled set.")
    test: int = Field(400, ge=1, description="Questions in the test set.")
    shortest: int = Field(2, ge=1, description="Steps of the easiest questions.")
    longest: int = Field(8, le=20, description="Steps of the hardest questions.")
    rechecks: tuple[float, ...] = Field(
        (0.0, 1.0, 1.0, 1.0), description="Weight of 0, 1, 2, ... redundant re-checks in a trace."
    )

    def records(self, split: Split, seed: int) -> Iterator[Record]:
        test = {told.question for told, _ in self._draw("test", 0, self.test, set())}
        if split == "test":
            yield from self._records("test", 0, self.test, set())
            return
        known = {told.question for told, _ in self._draw("seed", seed, self.seed, test)}
        if split == "seed":
            yield from self._records("seed", seed, self.seed, test)
        else:
            yield from self._records("unlabelled", seed, self.unlabelled, test | known)

    def prompt(self, record: Record) -> str:
        return record.question

    def equal(self, extracted: str, gold: str) -> bool | None:
        return numbers.equal(extracted, gold)

    def _records(self, split: Split, seed: int, count: int, taken: set[str]) -> Iterator[Record]:
        for n, (told, trace) in enumerate(self._draw(split, seed, count, taken)):
            yield Record(
                id=f"{split}-{n:05d}", question=told.question, answer=told.answer,
                difficulty=len(told.steps), trace=trace,
            )  # fmt: skip

    def _draw(
        self, split: Split, seed: int, count: int, taken: set[str]
    ) -> Iterator[tuple[wordproblems.Problem, str]]:
        rng = random.Random(f"chains/{split}/{seed}")
        taken = set(taken)
        levels = self.longest - self.shortest + 1
        for n in range(count):
            told = wordproblems.problem(rng, self.shortest + n % levels)
            while told.question in taken:
                told = wordproblems.problem(rng, self.shortest + n % levels)
            taken.add(told.question)
            yield told, wordproblems.trace(rng, told, wordproblems.rechecks(rng, self.rechecks))
