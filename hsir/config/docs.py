"""Write README.md for people and schema.json for editors: `python -m hsir.config.docs [--check]`.

Both are generated from the models of the config; a key without a description is rejected."""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from hsir.config.guide import README
from hsir.config.load import FOLDERS
from hsir.config.pools import DEFAULT_POOLS, PoolEntry
from hsir.config.schema import Config
from hsir.options import Name
from hsir.tasks.record import Record

Node = dict[str, Any]
DEFS = "#/$defs/"
FOLDER = Path(__file__).parents[2] / "config"
NAME_PATTERN = TypeAdapter(Name).json_schema()["pattern"]
NOUNS = {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false"}
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def schema() -> Node:
    """Return the JSON schema of config.yaml; `$defs` contains those of model, task and method files."""
    whole = Config.model_json_schema()
    named = {node["$ref"] for node in _nodes(whole) if {"$ref", "description"} <= node.keys()}
    for node in _nodes(whole):
        if "patternProperties" in node:
            node["additionalProperties"] = False  # names that do not match the pattern are rejected, as by the models
        for choice in set(node.get("discriminator", {}).get("mapping", {}).values()) - named:
            block = whole["$defs"][choice.removeprefix(DEFS)]
            block["properties"]["kind"].pop("default", None)  # `kind` is the discriminator, so it is required
            block["required"] = list(dict.fromkeys(["kind", *block.get("required", [])]))
    # A pool's file is a union of kinds, which has no block of its own in the config.
    whole["$defs"][PoolEntry.__name__] = {k: v for k, v in PoolEntry.model_json_schema().items() if k != "$defs"}
    return {"$schema": GenerateJsonSchema.schema_dialect, **whole}


def readme() -> str:
    """Return config/README.md: the prose, then one table per block."""
    whole = schema()
    sections = _sections(whole)
    links = {section.name: section.link for section in sections}
    pools = yaml.safe_dump({"pools": DEFAULT_POOLS}, sort_keys=False).rstrip()
    tables = "\n\n".join(_section(section, links) for section in sections)
    text = README.replace("{RECORD}", table(Record.model_json_schema(), {}))
    return text.replace("{POOLS}", pools).replace("{TABLES}", tables)


def generated() -> dict[str, str]:
    """Return the text of each generated file, by name."""
    return {"README.md": readme(), "schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"}


def stale(folder: Path) -> list[Path]:
    """Return the files in a folder that are missing or differ from what the models generate."""
    made = {folder / name: text for name, text in generated().items()}
    return [path for path in made if not path.is_file() or path.read_text(encoding="utf-8") != made[path]]


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    """Write the files, or with --check list the stale ones; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m hsir.config.docs", description="Write the config's documentation.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is stale")
    if parser.parse_args(arguments).check:
        for path in (old := stale(folder)):
            print(f"{path}: stale; run `python -m hsir.config.docs`", file=sys.stderr)
        return 1 if old else 0
    for name, text in generated().items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


@dataclass
class _Section:
    """A block of the config: the name of its definition, and every place where it occurs."""

    name: str
    node: Node
    places: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return str(self.node.get("properties", {}).get("kind", {}).get("const", ""))

    @property
    def heading(self) -> str:
        return f"`{self.places[0]}`" + (f", kind `{self.kind}`" if self.kind else "")

    @property
    def link(self) -> str:
        """Return a link to the section, with the anchor that Markdown viewers derive from its heading."""
        anchor = re.sub(r"[^\w -]", "", self.heading.lower()).replace(" ", "-")
        return f"[{f'`{self.kind}`' if self.kind else 'block'}](#{anchor})"


def _sections(whole: Node) -> list[_Section]:
    """Return the blocks in the order of nesting; a block that occurs in several places is listed once."""
    found: dict[str, _Section] = {}

    def visit(node: Node, at: str) -> None:
        for key, value in node.get("properties", {}).items():
            place = f"{at}.{key}" if at else key
            for suffix, reference in _references(value):
                name = reference.removeprefix(DEFS)
                known = name in found
                section = found.setdefault(name, _Section(name, whole["$defs"][name]))
                section.places.append(place + suffix)
                if not known:
                    visit(section.node, place + suffix)

    visit(whole, "")
    return [_Section("Config", whole, ["config.yaml"]), *found.values()]


def _references(node: Node) -> Iterator[tuple[str, str]]:
    """Yield the definitions that a key's value may have, as (`.NAME` below a map of names, reference)."""
    if "$ref" in node:
        yield "", node["$ref"]
    for option in [*node.get("anyOf", []), *node.get("oneOf", [])]:
        yield from _references(option)
    if "items" in node:
        yield from _references(node["items"])
    for value in node.get("patternProperties", {}).values():
        yield from ((".NAME" + suffix, reference) for suffix, reference in _references(value))


def _section(section: _Section, links: dict[str, str]) -> str:
    lines = [f"### {section.heading}", "", section.node["description"], ""]
    for folder, model in FOLDERS.items():
        if model.__name__ == section.name:
            comment = f"# yaml-language-server: $schema=../schema.json{DEFS}{section.name}"
            lines += [f"One file per entry: `config/{folder}/NAME.yaml`. For editors: `{comment}`.", ""]
    if also := sorted(set(section.places[1:])):
        lines += [f"Also at {', '.join(f'`{place}`' for place in also)}.", ""]
    return "\n".join([*lines, table(section.node, links)])


def table(node: Node, links: dict[str, str]) -> str:
    """Return a table of a block's keys, without its `kind`; raises ValueError if a key has no description."""
    keys = {key: value for key, value in node.get("properties", {}).items() if key != "kind" or "const" not in value}
    if not keys:
        return "No options."
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, value in keys.items():
        default = "**required**" if key in node.get("required", []) else _default(value.get("default"))
        cells = [f"`{key}`", _type(value, links), default, _description(node, key, value)]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def _description(node: Node, key: str, value: Node) -> str:
    if "description" not in value:
        raise ValueError(f"{node['title']}.{key}: no description; give its Field one")
    return " ".join(str(value["description"]).split())


def _type(node: Node, links: dict[str, str], plural: str = "") -> str:
    """Describe the type of a value in words."""
    if options := [*node.get("anyOf", []), *node.get("oneOf", [])]:
        return _or(*("none" if o.get("type") == "null" else _type(o, links, plural) for o in options))
    if "$ref" in node:
        return links[node["$ref"].removeprefix(DEFS)]
    if "const" in node or "enum" in node:
        return _or(*(f"`{value}`" for value in node.get("enum", [node.get("const")])))
    if "prefixItems" in node:
        return f"list of {len(node['prefixItems'])} {_type(node['prefixItems'][0], links, 's')}"
    if node["type"] == "array":
        return f"list of {_type(node['items'], links, 's')}" + (" (at least one)" if node.get("minItems") else "")
    if node["type"] == "object":
        values = node.get("patternProperties", {"": node.get("additionalProperties")})
        return _or(*(f"{_type(value, links, 's')} by name" for value in values.values()))
    noun = "path" if node.get("format") == "path" else NOUNS[node["type"]]
    noun = ("name" if node.get("pattern") == NAME_PATTERN else noun) + plural
    bounds = [f"{sign} {_number(node[bound])}" for bound, sign in BOUNDS.items() if bound in node]
    return " ".join([noun, " and ".join(bounds)]) if bounds else noun


def _or(*choices: str) -> str:
    return " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))


def _default(value: Any) -> str:
    """Format a default as in the config; the defaults of a block are in its own table."""
    if isinstance(value, dict):
        return "its defaults" if value else "none"
    if value is None or value == []:
        return "none"
    if isinstance(value, list):
        shown = [v["kind"] if isinstance(v, dict) else _number(v) if isinstance(v, int | float) else v for v in value]
        return f"`[{', '.join(shown)}]`"
    return f"`{_number(value)}`" if isinstance(value, int | float) else "`{}`".format(str(value).replace("\n", r"\n"))


def _number(value: float) -> str:
    """Format a number so that YAML parses it as one: `1.0e-5`, because `1e-05` is a string in YAML."""
    return re.sub(r"^(-?\d+)(\.\d+)?e-0?", lambda m: f"{m[1]}{m[2] or '.0'}e-", json.dumps(value))


def _nodes(node: Any) -> Iterator[Node]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(child)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
