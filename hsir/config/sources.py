"""Find the file that a config key comes from."""

from collections.abc import Mapping
from typing import Any


def source(key: str, merged: Mapping[str, Any], layers: Mapping[str, Any]) -> str | None:
    """Return the last layer that contains most of a dotted key, and the merged value; None if no layer contains any of
    it.

    `merged` is the result of merging the layers, which are given by file name.
    """
    depths = {name: _depth(key, merged, layer) for name, layer in layers.items()}
    deepest = max(depths.values(), default=0)
    return [name for name, depth in depths.items() if depth == deepest][-1] if deepest else None


def _depth(key: str, merged: Any, layer: Any) -> int:
    """Count the keys on the path that a layer contains; names may contain dots."""
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
    """Return whether a layer's value survived the merge: other layers may have added keys, but not changed any."""
    if not isinstance(below, Mapping):
        return bool(below == above)
    return isinstance(above, Mapping) and all(name in above and _within(below[name], above[name]) for name in below)
