"""Methods that are written as another with changes: `like`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from hsir.config.explain import suggest
from hsir.config.overlay import overlay

LEFT_OUT: Any = object()
"""In place of a method that cannot be written out."""


class Entry(NamedTuple):
    """Where a method is written: in the config or in a file of its own, which the config's wins over."""

    inline: bool
    name: str


def inherited(methods: Mapping[Entry, Any], errors: list[str]) -> dict[Entry, Any]:
    """Write out every method that is `like` another: the other's keys, its own over them, key by key.

    In the config a method may be like the file of its own name. What cannot be written out is noted and left out.
    """
    written: dict[Entry, Any] = {}
    for entry in methods:
        _write(entry, methods, (), written, errors)
    return {entry: raw for entry, raw in written.items() if raw is not LEFT_OUT}


def _write(
    entry: Entry, methods: Mapping[Entry, Any], way: tuple[Entry, ...], written: dict[Entry, Any], errors: list[str]
) -> Any:
    """Write out a method that others on the way are like."""
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
    """Say where a name is looked for; a method's own name is that of the file below it."""
    places = [Entry(True, named), Entry(False, named)]
    return [place for place in places if named != entry.name or (entry.inline and not place.inline)]
