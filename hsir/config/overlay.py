"""Lay blocks of options over one another."""

from typing import Any


def overlay(*layers: dict[str, Any]) -> dict[str, Any]:
    """Lay blocks over one another, key by key, the last on top; lists and blocks of another kind are replaced."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            merged[key] = overlay(merged[key], value) if _alike(merged.get(key), value) else value
    return merged


def _alike(below: Any, above: Any) -> bool:
    """Tell whether both are blocks of options, and not of two kinds."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return False
    return len({block["kind"] for block in (below, above) if "kind" in block}) < 2
