"""The embedded benchmark: word problems of 2 to 8 steps from a seeded generator.

Source: `hsir/tasks/wordproblems.py`. Licence: Apache-2.0, like the project. Seed traces are correct, and some have
redundant re-checks.
"""

import random
from typing import Literal

from pydantic import Field, model_validator

from hsir.tasks import wordproblems
from hsir.tasks.generated import Drawn, Generated


class Chains(Generated):
    """Word problems whose difficulty is their number of steps."""

    kind: Literal["chains"]
    stream: str = Field("chains", description="Name of the random stream; a different name gives different questions.")
    rechecks: tuple[float, ...] = Field(
        (0.0, 1.0, 1.0, 1.0), description="Weight of 0, 1, 2, ... redundant re-checks in a trace."
    )

    @model_validator(mode="after")
    def _weights(self) -> "Chains":
        if sum(self.rechecks) <= 0 or min(self.rechecks) < 0:
            raise ValueError("rechecks are weights: none may be negative, and at least one must be positive")
        return self

    def draw(self, rng: random.Random, length: int) -> Drawn:
        problem = wordproblems.problem(rng, length)

        def trace() -> str:
            return wordproblems.trace(rng, problem, wordproblems.rechecks(rng, self.rechecks))

        return Drawn(problem.question, problem.answer, trace)
