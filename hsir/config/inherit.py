"""Inheritance between methods: `like`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from hsir.config.explain import suggest
from hsir.config.overlay import overlay

LEFT_OUT: Any = object()
"""Placeholder for a method that cannot be expanded."""


class Entry(NamedTuple):
    """Where a method is defined: in the config, or in its own file, which the config overrides."""

    inline: bool
    name: str


def inherited(methods: Mapping[Entry, Any], errors: list[str]) -> dict[Entry, Any]:
    """Expand every method that is `like` another: its own keys are merged over the other's, key by key.

    In the config, a method may be like the file of the same name. Methods that cannot be expanded are reported and
    omitted.
    """
    written: dict[Entry, Any] = {}
    for entry in methods:
        _write(entry, methods, (), written, errors)
    return {entry: raw for entry, raw in written.items() if raw is not LEFT_OUT}


def _write(
    entry: Entry, methods: Mapping[Entry, Any], way: tuple[Entry, ...], written: dict[Entry, Any], errors: list[str]
) -> Any:
    """Expand a method that other methods on the path are like."""
    raw = methods[entry]
    if entry in written or not isinstance(raw, dict) or raw.get("like") is None:
        return written.setdefault(entry, raw)
    named, at = str(raw["like"]), f"methods.{entry.name}.like"
    below = next((place for place in _places(entry, named) if place in methods), None)
    if below is None:
        errors.append(f"{at}: unknown method {named!r}{suggest(named, {one.name for one in methods} - {entry.name})}")
    elif below in (*way, entry):
        errors.append(f"{at}: {named!r} is itself like {entry.name!r}; name a method that does not depend on it")
    else:
        base = _write(below, methods, (*way, entry), written, errors)
        if isinstance(base, dict):
            written[entry] = overlay(base, {key: value for key, value in raw.items() if key != "like"})
    return written.setdefault(entry, LEFT_OUT)


def _places(entry: Entry, named: str) -> list[Entry]:
    """Return the places to look up a name; a method's own name refers to the file with that name."""
    places = [Entry(True, named), Entry(False, named)]
    return [place for place in places if named != entry.name or (entry.inline and not place.inline)]
