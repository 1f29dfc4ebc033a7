"""Which file a key of the config comes from."""

from collections.abc import Mapping
from typing import Any


def source(key: str, merged: Mapping[str, Any], layers: Mapping[str, Any]) -> str | None:
    """Name the last layer that holds most of a dotted key, and what was made of it; None where none holds any.

    `merged` is what the layers give together, each by its file's name.
    """
    depths = {name: _depth(key, merged, layer) for name, layer in layers.items()}
    deepest = max(depths.values(), default=0)
    return [name for name, depth in depths.items() if depth == deepest][-1] if deepest else None


def _depth(key: str, merged: Any, layer: Any) -> int:
    """Count the keys on the way that a layer holds; names may have dots."""
    if not isinstance(layer, Mapping):
        return 0
    for name, below in layer.items():
        if f"{key}.".startswith(f"{name}."):
            above = merged.get(name, below) if isinstance(merged, Mapping) else below
            rest = key.removeprefix(str(name)).removeprefix(".")
            held = isinstance(below, Mapping) if rest else _within(below, above)
            return 1 + _depth(rest, above, below) if held or below == above else 0
    return 0


def _within(below: Any, above: Any) -> bool:
    """Tell whether a layer's value came through: others may have added keys, and changed none."""
    if not isinstance(below, Mapping):
        return bool(below == above)
    return isinstance(above, Mapping) and all(name in above and _within(below[name], above[name]) for name in below)
