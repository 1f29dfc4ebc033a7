"""Read and check the config; all errors are reported at once, with file, key and a suggested fix."""

import copy
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, RootModel, ValidationError

from hsir.config.checks import misfits, unknown_names
from hsir.config.explain import Location, describe, keys
from hsir.config.inherit import Entry, inherited
from hsir.config.pools import DEFAULT_POOLS, PoolEntry
from hsir.config.rehearsal import rehearsed
from hsir.config.schema import Config, Method, TaskEntry
from hsir.config.settings import DEFAULT_SCORES, Model
from hsir.config.sources import source
from hsir.errors import ConfigError

Validated = TypeVar("Validated", bound=BaseModel)
Fragments = dict[Path, Any]
"""Folders of entries, and the pydantic model of each."""
Where = Callable[[str], str]
"""Returns the file that a dotted key comes from."""
FOLDERS: dict[str, type[BaseModel]] = {"models": Model, "tasks": TaskEntry, "methods": Method, "pools": PoolEntry}
KINDS = {"model": "models", "task": "tasks", "method": "methods", "run": "runs", "pool": "pools", "score set": "scores"}


def load(
    raw: Mapping[str, Any], folder: Path, files: Mapping[str, Any] | None = None, beside: str = "--config"
) -> Config:
    """Check a raw config together with the files in `folder`/{models,tasks,methods,pools}.

    `files` are the configs that `raw` was merged from, by name, the last one on top; a key in none of them comes from
    `beside`. Raises ConfigError with all errors, each with its file: an invalid entry is dropped, and the rest is still
    checked.
    """
    files, errors = {"config/config.yaml": raw} if files is None else files, list[str]()
    fragments = {kind: _fragments(kind, folder, errors) for kind in FOLDERS}
    layers = {beside: raw, **_layers(fragments, raw), **files}

    def where(key: str) -> str:
        return source(key, raw, layers) or ", ".join(files) or beside

    defaults: dict[str, dict[str, Any]] = {"pools": DEFAULT_POOLS, "scores": DEFAULT_SCORES}
    merged = {**raw, **{key: _under(default, raw.get(key)) for key, default in defaults.items()}}
    fragments["methods"], merged = _inherited(fragments["methods"], merged, where, errors)
    config = _validate(Config, merged, where, errors)
    entries = {kind: _entries(kind, fragments[kind], merged.get(kind), errors) for kind in FOLDERS}
    if config is not None:
        declared = {what: _declared(kind, folder, raw.get(kind)) for what, kind in KINDS.items()}
        entries["pools"] = {**config.pools, **entries["pools"]}
        config = config.model_copy(update=entries)
        wrong = [*unknown_names(config, declared), *misfits(config)]
        errors += [f"{where(error.split(': ')[0])}: {error}" for error in wrong]
    if errors or config is None:
        raise ConfigError("the config cannot be used:\n" + "\n".join(f"  - {error}" for error in errors))
    return rehearsed(config) if config.rehearse else config


def read_yaml(path: Path) -> Any:
    """Read a YAML file; raises ConfigError naming the file and the line."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Once)  # noqa: S506 - it is a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not YAML: {error or 'brackets nested too deeply'}") from error


class _Once(yaml.SafeLoader):
    """YAML loader that rejects duplicate keys: the first of two blocks with the same name would be lost silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        for name in names:
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} occurs twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _under(default: dict[str, Any], given: Any) -> Any:
    """Merge given values over a default; anything but a mapping is kept, so that validation reports it."""
    return default if given is None else {**default, **given} if isinstance(given, dict) else given


def _fragments(kind: str, folder: Path, errors: list[str]) -> Fragments:
    """Read all files of one type of entry."""
    found = {}
    for path in sorted((folder / kind).glob("*.yaml")):
        try:
            found[path] = read_yaml(path)
        except ConfigError as error:
            errors.append(str(error))
    return found


def _layers(fragments: Mapping[str, Fragments], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return each entry's file as a config layer; the config's own entries replace it."""
    given = {kind: raw.get(kind) for kind in fragments}
    return {
        str(path): {kind: {path.stem: entry}}
        for kind, found in fragments.items()
        for path, entry in found.items()
        if not (isinstance(own := given[kind], dict) and path.stem in own)
    }


def _inherited(
    fragments: Fragments, merged: dict[str, Any], where: Where, errors: list[str]
) -> tuple[Fragments, dict[str, Any]]:
    """Expand the methods that are like others, from files and from the config."""
    if not isinstance(own := merged.get("methods") or {}, dict):
        return fragments, merged
    methods = {Entry(False, path.stem): entry for path, entry in fragments.items()}
    wrong = list[str]()
    written = inherited({Entry(True, str(name)): entry for name, entry in own.items()} | methods, wrong)
    errors += [f"{where(error.split(': ')[0])}: {error}" for error in wrong]
    inline = {entry.name: raw for entry, raw in written.items() if entry.inline}
    kept = {path: written[at] for path in fragments if (at := Entry(False, path.stem)) in written}
    return kept, {**merged, "methods": inline} if own else merged


def _entries(kind: str, fragments: Fragments, inline: Any, errors: list[str]) -> dict[str, BaseModel]:
    found = {}
    for path, raw in fragments.items():
        entry = _validate(FOLDERS[kind], raw, _always(str(path)), errors)
        if entry is not None and _named_well(kind, path, errors):
            found[path.stem] = _bare(entry)
    for name, value in (inline if isinstance(inline, dict) else {}).items():
        if (entry := _try(FOLDERS[kind], value)) is not None:
            found[name] = _bare(entry)
    return found


def _always(name: str) -> Where:
    return lambda _: name


def _bare(entry: BaseModel) -> BaseModel:
    """Unwrap an entry that is a union of kinds."""
    return entry.root if isinstance(entry, RootModel) else entry


def _named_well(kind: str, path: Path, errors: list[str]) -> bool:
    """Return whether a file's name is a valid name in the config; a policy is called <method>.<iteration>."""
    allowed = r"[A-Za-z0-9][A-Za-z0-9_-]*" if kind == "methods" else r"[A-Za-z0-9][A-Za-z0-9._-]*"
    if re.fullmatch(allowed, path.stem):
        return True
    errors.append(f"{path}: {path.stem!r} is not a valid name in {kind}: it must match {allowed}; rename the file")
    return False


def _declared(kind: str, folder: Path, inline: Any) -> set[str]:
    """Return the names of all entries, valid or not, so that an invalid one is not also reported as unknown."""
    files = {path.stem for path in (folder / kind).glob("*.yaml")}
    return files | set(map(str, inline) if isinstance(inline, dict | list) else ())


def _try(schema: type[BaseModel], value: Any) -> BaseModel | None:
    """Validate an entry whose errors the validation of the whole config already reports."""
    try:
        return schema.model_validate(value)
    except ValidationError:
        return None


def _validate(schema: type[Validated], raw: Any, where: Where, errors: list[str]) -> Validated | None:
    """Validate; record invalid parts and continue without them, so that one error does not hide another.

    Errors caused only by the removal of such parts are not recorded.
    """
    rest, noted = copy.deepcopy(raw), list[Location]()
    while True:
        try:
            return schema.model_validate(rest)
        except ValidationError as invalid:
            faults = [(keys(rest, error), error) for error in invalid.errors()]
        new = [(at, error) for at, error in faults if not any(_related(at, known) for known in noted)]
        for at, error in new:
            if at not in noted:
                told = describe(schema, at, error)
                errors.append(f"{where('.'.join(map(str, at)))}: {told}")
                noted.append(at)
        removed = [_remove(rest, at) for at, _ in faults]
        if not any(removed):
            return None


def _related(one: Location, other: Location) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _remove(node: Any, location: Location) -> bool:
    """Remove the innermost existing key on the path to a location."""
    innermost: tuple[dict[Any, Any], Any] | None = None
    for part in location:
        if isinstance(node, dict) and part in node:
            innermost = (node, part)
        elif not (isinstance(node, list) and isinstance(part, int) and part < len(node)):
            break
        node = node[part]
    if innermost:
        innermost[0].pop(innermost[1], None)
    return innermost is not None
