"""The order of training examples."""

from collections.abc import Callable, Iterator, Sequence

from accelerate.data_loader import SeedableRandomSampler
from torch.utils.data import Sampler


class Order(Sampler[int]):
    """Random in each epoch, but sorted by length within a step to reduce padding; then `blank` examples.

    A step's gradient is a mean over all of its examples, whichever pass they are in. `lengths` are those of the
    examples, in tokens; `step` counts the examples of a step; blanks come last. The epoch is derived from `done`, the
    steps so far, because processes that resume within an epoch are not informed of it.
    """

    def __init__(self, lengths: Sequence[int], step: int, blank: int, seed: int, done: Callable[[], int]) -> None:
        self._lengths, self._step, self._done = lengths, step, done
        self._random = SeedableRandomSampler(lengths, data_seed=seed)
        self._blank = range(len(lengths), len(lengths) + blank)

    def __iter__(self) -> Iterator[int]:
        self._random.set_epoch(self._done() // -(-len(self._lengths) // self._step))
        drawn = list(self._random)
        for first in range(0, len(drawn), self._step):
            yield from sorted(drawn[first : first + self._step], key=self._lengths.__getitem__)
        yield from self._blank

    def __len__(self) -> int:
        return len(self._lengths) + len(self._blank)
