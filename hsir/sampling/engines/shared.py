"""Find common beginnings of the contexts in a batch, so that each is computed once."""

from collections.abc import Sequence
from typing import NamedTuple

import torch


class Origin(NamedTuple):
    """Source of a context's keys and values: its first `kept` tokens are those of context `source`."""

    source: int
    kept: int


def origins(contexts: Sequence[Sequence[int]]) -> list[Origin]:
    """Return for each context (token ids) the part that another one computes; at most two passes compute the rest.

    A repeated context is reused completely. One that shares at least half of its tokens with a longer context, which is
    computed first, continues from there. All such branches compute the same number of tokens at their end: the number
    that minimizes the sum over the batch. All others are sources and reuse nothing.
    """
    first: dict[tuple[int, ...], int] = {}
    numbers = [first.setdefault(tuple(context), n) for n, context in enumerate(contexts)]
    branches = _branches(contexts, sorted(first.values(), key=lambda n: -len(contexts[n])))
    fresh = _fresh(contexts, branches)
    found = {n: Origin(n, 0) for n in first.values()}
    found |= {
        n: Origin(one.source, len(contexts[n]) - fresh)
        for n, one in branches.items() if len(contexts[n]) - one.kept <= fresh < len(contexts[n])
    }  # fmt: skip
    return [found[n] if n == own else Origin(n, len(contexts[n])) for own, n in enumerate(numbers)]


def _branches(contexts: Sequence[Sequence[int]], longest_first: list[int]) -> dict[int, Origin]:
    """Find the contexts that share at least half of their tokens with a source; all but the last token may be
    shared."""
    lengths = torch.tensor([len(contexts[n]) for n in longest_first])
    table = torch.full((len(longest_first), int(lengths.max())), -1)
    for row, n in enumerate(longest_first):
        table[row, : len(contexts[n])] = torch.tensor(contexts[n])
    free, found = torch.ones_like(lengths, dtype=torch.bool), {}
    for row, n in enumerate(longest_first):
        if not free[row]:
            continue
        free[row] = False
        near = (free & (table[:, 0] == table[row, 0])).nonzero().squeeze(1)
        alike = (table[near] == table[row]).cumprod(1).sum(1).minimum(lengths[near] - 1)
        close = 2 * alike >= lengths[near]
        for other, kept in zip(near[close].tolist(), alike[close].tolist(), strict=True):
            found[longest_first[other]] = Origin(n, kept)
        free[near[close]] = False
    return found


def _fresh(contexts: Sequence[Sequence[int]], branches: dict[int, Origin]) -> int:
    """Return the number of tokens that each branch computes; one that needs more is computed completely."""
    needed = {n: len(contexts[n]) - one.kept for n, one in branches.items()}
    return min(
        sorted(set(needed.values())), default=0,
        key=lambda fresh: sum(fresh if own <= fresh else len(contexts[n]) for n, own in needed.items()),
    )  # fmt: skip
