"""The ledger: what a policy cost, in samples, tokens and seconds, so that equal budgets can be seen to be equal."""

from collections.abc import Iterable, Mapping
from typing import Any

COUNTS = (
    "samples", "generated_tokens", "prefill_tokens", "cached_tokens", "scored_tokens", "training_tokens",
    "sample_seconds", "score_seconds", "train_seconds", "device_seconds",
)  # fmt: skip
"""What is summed; tokens are prompt and solution tokens, `device_seconds` are GPU seconds.

Tokens are computed ones, but for `cached_tokens`, which an engine had already.
"""

Entry = dict[str, float]


def pool(rows: Iterable[Mapping[str, Any]], took: Iterable[Mapping[str, Any]]) -> Entry:
    """Sum the samples of a pool; `took` is what its shards noted of their making.

    Prefill tokens are those of prompts and recycled prefixes that were computed. Cached tokens were not, because
    another sample begins alike. Where a shard does not say which, all of them count as computed.
    """
    drawn, noted = list(rows), list(took)
    generated = sum(row["n_generated"] for row in drawn)
    given = sum(len(row["prompt_ids"]) + row["n_tokens"] - row["n_generated"] for row in drawn)
    cached = sum(one.get("cached_tokens", 0) for one in noted)
    entry = {"samples": len(drawn), "generated_tokens": generated, "prefill_tokens": given - cached}
    return entry | {"cached_tokens": cached} | _times(noted, "sample_seconds")


def scores(rows: Iterable[Mapping[str, Any]], took: Iterable[Mapping[str, Any]]) -> Entry:
    """Sum the solutions that were scored; tokens are those that were read of the solutions."""
    return {"scored_tokens": sum(row["n_tokens"] for row in rows)} | _times(took, "score_seconds")


def training(told: Mapping[str, Any], took: Mapping[str, Any]) -> Entry:
    """Sum what a training consumed; of reinforcement learning, its rollouts are samples like any others."""
    counts = {
        "samples": told.get("rollouts", 0), "generated_tokens": told.get("generated_tokens", 0),
        "prefill_tokens": told.get("prompt_tokens", 0), "training_tokens": told["tokens"],
    }  # fmt: skip
    return counts | _times([took], "train_seconds")


def devices(took: Iterable[Mapping[str, Any]]) -> list[str]:
    """Name the GPUs and processors that computed, as far as it was noted."""
    return sorted({one["device"] for one in took if one.get("device")})


def total(entries: Iterable[Mapping[str, float]]) -> Entry:
    """Add entries up; seconds are rounded to tenths."""
    listed = list(entries)
    sums = {name: sum(entry.get(name, 0) for entry in listed) for name in COUNTS}
    return {name: round(value, 1) if name.endswith("seconds") else value for name, value in sums.items()}


def _times(took: Iterable[Mapping[str, Any]], name: str) -> Entry:
    noted = list(took)
    device = sum(one.get("seconds", 0.0) * one.get("devices", 0) for one in noted)
    return {name: sum(one.get("seconds", 0.0) for one in noted), "device_seconds": device}
