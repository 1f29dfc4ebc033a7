"""The ledger: the cost of a policy in samples, tokens and seconds, so that budgets can be compared."""

from collections.abc import Iterable, Mapping
from typing import Any

COUNTS = (
    "samples", "generated_tokens", "prefill_tokens", "cached_tokens", "scored_tokens", "training_tokens",
    "sample_seconds", "score_seconds", "train_seconds", "device_seconds",
)  # fmt: skip
"""Summed columns; tokens are prompt and solution tokens, `device_seconds` are GPU seconds.

Tokens are computed ones, except for `cached_tokens`, which were already in an engine's cache.
"""

Entry = dict[str, float]


def pool(rows: Iterable[Mapping[str, Any]], took: Iterable[Mapping[str, Any]]) -> Entry:
    """Sum the samples of a pool; `took` are the cost records of its shards.

    Prefill tokens are those of prompts and recycled prefixes that were computed. Cached tokens were not, because
    another sample has the same beginning. If a shard does not record this, all of them count as computed.
    """
    drawn, noted = list(rows), list(took)
    generated = sum(row["n_generated"] for row in drawn)
    given = sum(len(row["prompt_ids"]) + row["n_tokens"] - row["n_generated"] for row in drawn)
    cached = sum(one.get("cached_tokens", 0) for one in noted)
    entry = {"samples": len(drawn), "generated_tokens": generated, "prefill_tokens": given - cached}
    return entry | {"cached_tokens": cached} | _times(noted, "sample_seconds")


def scores(rows: Iterable[Mapping[str, Any]], took: Iterable[Mapping[str, Any]]) -> Entry:
    """Sum the scored solutions; tokens are the solution tokens that were read."""
    return {"scored_tokens": sum(row["n_tokens"] for row in rows)} | _times(took, "score_seconds")


def training(told: Mapping[str, Any], took: Mapping[str, Any]) -> Entry:
    """Sum what training consumed; in reinforcement learning, rollouts count as samples like any others."""
    counts = {
        "samples": told.get("rollouts", 0), "generated_tokens": told.get("generated_tokens", 0),
        "prefill_tokens": told.get("prompt_tokens", 0), "training_tokens": told["tokens"],
    }  # fmt: skip
    return counts | _times([took], "train_seconds")


def devices(took: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the GPUs and processors used, as far as they were recorded."""
    return sorted({one["device"] for one in took if one.get("device")})


def total(entries: Iterable[Mapping[str, float]]) -> Entry:
    """Sum entries; seconds are rounded to tenths."""
    listed = list(entries)
    sums = {name: sum(entry.get(name, 0) for entry in listed) for name in COUNTS}
    return {name: round(value, 1) if name.endswith("seconds") else value for name, value in sums.items()}


def _times(took: Iterable[Mapping[str, Any]], name: str) -> Entry:
    noted = list(took)
    device = sum(one.get("seconds", 0.0) * one.get("devices", 0) for one in noted)
    return {name: sum(one.get("seconds", 0.0) for one in noted), "device_seconds": device}
