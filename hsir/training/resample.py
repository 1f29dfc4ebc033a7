"""Replace questions whose rollouts all have the same reward, because nothing can be learned from them."""

import random
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Protocol

from accelerate.utils import gather_object

from hsir.config.training import Grpo
from hsir.progress import doing

Asking = dict[str, Any]
"""A question as the trainer's input: `prompt` (token ids) and `question_id`."""


class Judge(Protocol):
    """Rewards rollouts."""

    def __call__(self, asked: Sequence[Asking], ids: Sequence[list[int]]) -> list[float]:
        """Return the weighted sum of rewards for each rollout of complete groups."""
        ...


class Resampling:
    """Replaces questions of a step, at most `rounds` times; all processes must do so together.

    The replacement questions depend on the seed and the step.
    """

    def __init__(self, options: Grpo, questions: Sequence[Asking], seed: int, judge: Judge) -> None:
        self._rounds, self._size = options.resample, options.group_size
        self._questions, self._seed, self._judge = questions, seed, judge
        self.exchanged = self.tokens = 0
        """Number of groups generated but not used in the last step, over all processes, and their tokens."""

    def __call__(
        self, inputs: list[Asking], step: int, process: int, draw: Callable[[list[Asking]], list[list[int]]]
    ) -> list[Asking]:  # fmt: skip
        """Return the questions that a process learns from, one per rollout, in groups."""
        groups = [inputs[at] for at in range(0, len(inputs), self._size)]
        here = process * len(groups)
        others, self.exchanged, self.tokens = self._others(groups, step), 0, 0
        for _ in range(self._rounds):
            asked = [one for one in groups for _ in range(self._size)]
            ids = draw(asked)
            lost = self._lost(asked, ids)
            everywhere = gather_object(lost)
            taken = list(islice(others, sum(tokens > 0 for tokens in everywhere)))
            if not taken:
                break
            doing(f"resampling, {len(taken)} questions with equal rewards")
            places = [place for place, tokens in enumerate(everywhere) if tokens][: len(taken)]
            self.exchanged += len(taken)
            self.tokens += sum(everywhere[place] for place in places)
            for place, other in zip(places, taken, strict=True):
                if here <= place < here + len(groups):
                    groups[place - here] = other
        return [one for one in groups for _ in range(self._size)]

    def _lost(self, asked: list[Asking], ids: list[list[int]]) -> list[int]:
        """Return the number of tokens of each group with equal rewards; 0 for other groups."""
        rewards, lost = self._judge(asked, ids), []
        for at in range(0, len(ids), self._size):
            group = rewards[at : at + self._size]
            even = max(group) - min(group) < 1e-6
            lost.append(sum(map(len, ids[at : at + self._size])) if even else 0)
        return lost

    def _others(self, groups: list[Asking], step: int) -> Any:
        """Return the questions that are not in this step, in the same order in all processes."""
        names = set(gather_object([one["question_id"] for one in groups]))
        left = [one for one in self._questions if one["question_id"] not in names]
        random.Random(f"{self._seed} {step}").shuffle(left)
        return iter(left)
