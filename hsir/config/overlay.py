"""Merge blocks of options."""

from typing import Any


def overlay(*layers: dict[str, Any]) -> dict[str, Any]:
    """Merge blocks key by key; later ones override earlier ones, and lists and blocks of a different kind are
    replaced."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            merged[key] = overlay(merged[key], value) if _alike(merged.get(key), value) else value
    return merged


def _alike(below: Any, above: Any) -> bool:
    """Return whether both are blocks of options of the same kind."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return False
    return len({block["kind"] for block in (below, above) if "kind" in block}) < 2
