"""A generated benchmark in which the shortest solution is not the best: length comes from work and from redundancy.

Source: `hsir/tasks/bagproblems.py`. Licence: Apache-2.0, like the project. In the seed traces, the rate of steps that
are written out and the rate of redundant steps are drawn independently of each other.
"""

import random
from typing import Annotated, Literal

from pydantic import Field

from hsir.tasks import bagproblems
from hsir.tasks.generated import Drawn, Generated

Rates = Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(min_length=1)]


class Bags(Generated):
    """Word problems whose difficulty is their number of steps, each a product and a sum."""

    kind: Literal["bags"]
    unlabelled: int = Field(180, ge=1, description="Questions in the unlabelled set.")
    test: int = Field(300, ge=1, description="Questions in the test set.")
    longest: int = Field(6, ge=1, le=20, description="Steps of the hardest questions.")
    stream: str = Field("bags", description="Name of the random stream; a different name gives different questions.")
    work: Rates = Field(
        (0.1, 0.5, 0.9), description="Rates of steps written out, rather than skipped to their result; one per trace."
    )
    redundancy: Rates = Field(
        (0.2, 0.8, 0.8), description="Rates of steps with a redundant one after them; one per trace."
    )

    def draw(self, rng: random.Random, length: int) -> Drawn:
        problem = bagproblems.problem(rng, length)

        def trace() -> str:
            return bagproblems.trace(rng, problem, rng.choice(self.work), rng.choice(self.redundancy))

        return Drawn(problem.question, problem.answer, trace)
