"""Wrong gold answers on purpose: what the loop does if a share of its labels is wrong."""

import hashlib
import random
from collections.abc import Sequence
from typing import Any

from hsir.errors import InputError
from hsir.grading.base import Grader

DRAWS = 1000
"""Number of gold answers of other questions that are tried for one that differs."""


def noised(rows: Sequence[dict[str, Any]], share: float, seed: int, grader: Grader) -> list[dict[str, Any]]:
    """Replace the gold answers of a share (0 to 1) of questions, rows of the table `questions`, by wrong ones.

    The new answer is another option, the other one of yes and no, or else the gold answer of another of these
    questions. `true_gold` keeps the original, and is None in the other rows. Whether a question is among them depends
    only on the run's seed and its id, so a larger share includes the questions of a smaller one. Raises InputError if
    all gold answers are the same.
    """
    golds = [row["gold"] for row in rows]
    return [
        row | {"gold": _wrong(row, golds, seed, grader), "true_gold": row["gold"]}
        if _place(seed, row["question_id"]) < share
        else row | {"true_gold": None}
        for row in rows
    ]


def _place(seed: int, question: str) -> float:
    """Return a question's place in [0, 1) by a hash."""
    digest = hashlib.blake2b(f"{seed}\0{question}\0noise".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _wrong(row: dict[str, Any], golds: Sequence[str], seed: int, grader: Grader) -> str:
    gold, options = row["gold"], row["options"] or None
    rng = random.Random(f"{seed}/{row['question_id']}/noise")
    offered = grader.alternatives(gold, options)
    if offered:
        return rng.choice(offered)
    for other in rng.choices(golds, k=DRAWS):
        if grader.same(other, gold, options) is False:
            return other
    raise InputError(
        f"question {row['question_id']!r}: no other question has a different gold answer than {gold!r}, so `noise` has"
        " no wrong one for it; use more questions, or set noise: 0"
    )
