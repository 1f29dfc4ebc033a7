"""Explain what is wrong with a config value, and suggest a fix."""

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter, ValidationError

Location = tuple[int | str, ...]


def keys(raw: Any, error: Any) -> Location:
    """Return the keys on the path to an error, without the union branches that pydantic adds."""
    found: list[int | str] = []
    for part in error["loc"]:
        there = part in raw if isinstance(raw, dict) else isinstance(raw, list) and isinstance(part, int)
        if there:
            found.append(part)
            raw = raw[part]
    if error["type"] == "missing":
        found.append(error["loc"][-1])
    return tuple(found)


def describe(schema: Any, at: Location, error: Any) -> str:
    """Format a pydantic error as one line: key, what is wrong, known values."""
    return f"{'.'.join(map(str, at)) or 'the file'}: {_fault(schema, error)}"


def faults(schema: Any, raw: Any, invalid: ValidationError) -> str:
    """Format all errors of a value that was validated alone: keys, what is wrong, known values."""
    told = [(".".join(map(str, keys(raw, error))), _fault(schema, error)) for error in invalid.errors()]
    return "; ".join(f"{at}: {fault}" if at else fault for at, fault in told)


def _fault(schema: Any, error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "unknown key" + suggest(str(error["loc"][-1]), _fields_at(schema, error["loc"][:-1]))
    elif error["type"] == "missing":
        message = "missing; it is required"
    elif error["type"] != "value_error" and not isinstance(error["input"], dict):
        message += f", not {error['input']!r}"
    return str(message)


def _fields_at(schema: Any, location: Iterable[Any]) -> list[str]:
    """Return the known keys at a location, from the JSON schema, which resolves unions and references."""
    whole = TypeAdapter(schema).json_schema()
    nodes = [whole]
    for part in location:
        nodes = [child for node in nodes for child in _children(whole, node, part)]
    return sorted({key for node in nodes for key in _resolved(whole, node).get("properties", {})})


def _children(whole: Any, node: Any, part: Any) -> list[Any]:
    node = _resolved(whole, node)
    options = [_resolved(whole, option) for option in [*node.get("anyOf", []), *node.get("oneOf", [])]]
    tagged = [o for o in options if o.get("properties", {}).get("kind", {}).get("const") == part]
    if tagged:
        return tagged
    found = []
    for candidate in [node, *options]:
        if part in candidate.get("properties", {}):
            found.append(candidate["properties"][part])
        elif isinstance(part, int) and "items" in candidate:
            found.append(candidate["items"])
        elif isinstance(candidate.get("additionalProperties"), dict):
            found.append(candidate["additionalProperties"])
        else:
            found += list(candidate.get("patternProperties", {}).values())
    return found


def _resolved(whole: Any, node: Any) -> Any:
    while "$ref" in node:
        node = whole["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node


def suggest(name: str, known: Iterable[str]) -> str:
    """Suggest the closest known name, and list all known names."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}? Known" if near else "; known"
    return f"{hint}: {', '.join(known)}" if known else ""
