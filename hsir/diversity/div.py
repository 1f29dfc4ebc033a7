"""Div, the external diversity of a solution: the share of its steps that are not repetitions (paper, Algorithm 1)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hsir import traces
from hsir.splitting import Layout
from hsir.storage.tables import Row

Embed: TypeAlias = Callable[[Sequence[str]], NDArray[Any]]
"""From n texts to [n, e]."""

THRESHOLD = 0.85
ROUNDING = 1e-9
"""Tolerance for the cosine of a vector with itself, which may be slightly below 1."""


def div_rows(
    completions: Mapping[str, str], embed: Embed, threshold: float = THRESHOLD, layout: Layout = "blank_line"
) -> list[Row]:
    """Compute the Div of completions by id; returns rows of the table `div`, in order.

    A step that occurs several times, in any completions, is embedded once.
    """
    cut = {name: [step for step, _ in traces.steps(text, layout)] for name, text in completions.items()}
    place = {text: n for n, text in enumerate(dict.fromkeys(step for steps in cut.values() for step in steps))}
    vectors = embed(list(place)) if place else np.zeros((0, 1))
    masks = {name: kept_steps(vectors[[place[step] for step in steps]], threshold) for name, steps in cut.items()}
    return [{"id": name, "steps": len(kept), "kept": int(kept.sum()), "div": div(kept)} for name, kept in masks.items()]


def kept_steps(embeddings: NDArray[Any], threshold: float = THRESHOLD) -> NDArray[np.bool_]:
    """Go through the steps in order; drop each whose cosine similarity to a kept one is at or above the threshold.

    Shapes: embeddings [n, e] -> [n]. A zero vector has similarity 0 to all others.
    Raises ValueError if embeddings are not a matrix of finite numbers.
    Source: paper, Algorithm 1; it writes "cosine distance below the threshold", which at 0.85 would drop nearly all.
    """
    vectors = np.asarray(embeddings, dtype=np.float64)
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ValueError(
            f"embeddings of shape {vectors.shape}: they must be a matrix of finite numbers, one row per step"
        )
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    close = unit @ unit.T >= threshold - ROUNDING
    kept = np.zeros(len(vectors), dtype=np.bool_)
    for step, like in enumerate(close):
        kept[step] = not (like[:step] & kept[:step]).any()
    return kept


def div(kept: NDArray[np.bool_]) -> float | None:
    """Return the share of kept steps; None if there is no step (paper, eq. 3)."""
    return float(kept.mean()) if len(kept) else None
