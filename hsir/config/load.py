"""Read and check the config; every error is reported at once, with its file, its key and the way out."""

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from hsir.config.checks import misfits, unknown_names
from hsir.config.explain import describe
from hsir.config.schema import DEFAULT_POOLS, DEFAULT_SCORES, Config, Method, TaskEntry
from hsir.config.settings import Model
from hsir.errors import ConfigError

Validated = TypeVar("Validated", bound=BaseModel)
FOLDERS: dict[str, type[BaseModel]] = {"models": Model, "tasks": TaskEntry, "methods": Method}


def load(raw: Mapping[str, Any], folder: Path, name: str = "config/config.yaml") -> Config:
    """Check a raw config together with the files in `folder`/{models,tasks,methods}.

    Raises ConfigError that lists all that is wrong: what fails by itself is left out, and the rest checked on.
    """
    errors: list[str] = []
    merged = {**raw, "pools": DEFAULT_POOLS | (raw.get("pools") or {})}
    merged["scores"] = DEFAULT_SCORES | (raw.get("scores") or {})
    config = _validate(Config, merged, name, errors)
    entries = {kind: _entries(kind, folder, raw.get(kind) or {}, errors) for kind in FOLDERS}
    if config is not None:
        config = config.model_copy(update=entries)
        errors += [f"{name}: {error}" for error in [*unknown_names(config), *misfits(config)]]
    if errors or config is None:
        raise ConfigError("the config cannot be used:\n" + "\n".join(f"  - {error}" for error in errors))
    return config


def read_yaml(path: Path) -> Any:
    """Read a YAML file; raises ConfigError naming the file and the line."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from error


def _entries(kind: str, folder: Path, inline: Mapping[str, Any], errors: list[str]) -> dict[str, BaseModel]:
    found = {}
    for path in sorted((folder / kind).glob("*.yaml")):
        try:
            entry = _validate(FOLDERS[kind], read_yaml(path), str(path), errors)
        except ConfigError as error:
            errors.append(str(error))
            continue
        if entry is not None and _named_well(kind, path, errors):
            found[path.stem] = entry
    for name, value in inline.items():
        if (entry := _try(FOLDERS[kind], value)) is not None:
            found[name] = entry
    return found


def _named_well(kind: str, path: Path, errors: list[str]) -> bool:
    """Tell whether a file's name can be a name in the config; a policy is called <method>.<iteration>."""
    allowed = r"[A-Za-z0-9][A-Za-z0-9_-]*" if kind == "methods" else r"[A-Za-z0-9][A-Za-z0-9._-]*"
    if re.fullmatch(allowed, path.stem):
        return True
    errors.append(f"{path}: {path.stem!r} is no name for one of {kind}: it must match {allowed}; rename the file")
    return False


def _try(schema: type[BaseModel], value: Any) -> BaseModel | None:
    """Validate what the whole config's validation reports on already."""
    try:
        return schema.model_validate(value)
    except ValidationError:
        return None


def _validate(schema: type[Validated], raw: Any, where: str, errors: list[str]) -> Validated | None:
    """Validate; note what is wrong, and go on without it, so that nothing hides behind something else."""
    rest = copy.deepcopy(raw)
    while True:
        try:
            return schema.model_validate(rest)
        except ValidationError as invalid:
            errors += [describe(schema, error, where) for error in invalid.errors()]
            removed = [_remove(rest, error["loc"]) for error in invalid.errors()]
        if not any(removed):
            return None


def _remove(node: Any, location: tuple[int | str, ...]) -> bool:
    """Take away the innermost key on the way to a location, if there is one; tags of unions are no keys."""
    innermost: tuple[dict[Any, Any], Any] | None = None
    for part in location:
        if isinstance(node, dict) and part in node:
            innermost = (node, part)
            node = node[part]
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            node = node[part]
    if innermost:
        innermost[0].pop(innermost[1], None)
    return innermost is not None
