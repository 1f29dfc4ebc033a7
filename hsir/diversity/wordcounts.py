"""Texts as word counts, to compare steps without a sentence model."""

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+|[^\w\s]")


def words(texts: Sequence[str], dimensions: int) -> NDArray[np.float32]:
    """Count words, symbols and adjacent pairs, each in its hash bucket: [n, dimensions]."""
    counts = np.zeros((len(texts), dimensions), dtype=np.float32)
    for row, text in enumerate(texts):
        found = _WORD.findall(text.lower())
        for one in [*found, *map(" ".join, pairwise(found))]:
            counts[row, zlib.crc32(one.encode()) % dimensions] += 1
    return counts
