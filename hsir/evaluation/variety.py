"""The variety of a policy's samples: how many different answers and texts it gives to a question."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from math import log2
from statistics import fmean

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hsir.reducers import Answer, Mean, PassAt

GRAM = 4
"""Number of tokens of the n-grams that are counted."""
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)


@dataclass(frozen=True, slots=True)
class Variety:
    """The variety of the samples of a question, or its mean over questions.

    `pass_1`, `pass_k` and `distinct` are shares from 0 to 1; `entropy` is in bits.
    """

    drawn: float
    pass_1: float
    pass_k: float
    answers: float
    entropy: float
    distinct: float


def variety(answers: Sequence[Answer], texts: Iterable[Sequence[int]]) -> Variety:
    """Measure the samples of one question: their graded answers, and their token ids.

    All correct answers count as the same one; samples without an answer have none. `distinct` is the number of
    different n-grams of `GRAM` tokens, divided by that of all (distinct-n, arXiv 1510.03055).
    """
    given = Counter((one.right, "" if one.right else one.said) for one in answers if one.right or one.said is not None)
    shares = [count / given.total() for count in given.values()]
    found = np.concatenate([np.zeros(0, np.uint64), *map(_grams, texts)])
    return Variety(
        drawn=len(answers), pass_1=Mean()(answers), pass_k=PassAt()(answers), answers=len(given),
        entropy=sum(-share * log2(share) for share in shares), distinct=len(np.unique(found)) / max(len(found), 1),
    )  # fmt: skip


def mean(several: Sequence[Variety]) -> Variety:
    """Return the means over questions."""
    return Variety(*(fmean(getattr(one, field.name) for one in several) for field in fields(Variety)))


def _grams(text: Sequence[int]) -> NDArray[np.uint64]:
    """Return a hash of each n-gram of a text."""
    ids = np.asarray(text, np.uint64) + np.uint64(1)
    if len(ids) < GRAM:
        return np.zeros(0, np.uint64)
    hashes: NDArray[np.uint64] = (sliding_window_view(ids, GRAM) * _FACTORS).sum(axis=1, dtype=np.uint64)
    return hashes
