"""Write README.md for people and schema.json for editors: `python -m hsir.config.docs [--check]`.

Both come from the models of the config; a key without a description is refused, so that neither falls behind."""

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

from hsir.config.load import FOLDERS
from hsir.config.pools import DEFAULT_POOLS, PoolEntry
from hsir.config.schema import Config
from hsir.options import Name
from hsir.tasks.record import Record

Node = dict[str, Any]
DEFS = "#/$defs/"
FOLDER = Path(__file__).parents[2] / "config"
NAME_PATTERN = TypeAdapter(Name).json_schema()["pattern"]
NOUNS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
README = """\
<!-- Made by `python -m hsir.config.docs`: change the models in hsir/, not this file. -->
# Config

`config.yaml` says what is run; `snakemake --configfile FILE` lays another over it. A run is a grid of names, and each
name is a small file in `models/`, `tasks/`, `methods/` or `pools/`. Your own go into the same folders, or into
`models:`, `tasks:`, `methods:`, `pools:` of the config, which win over a file of that name. Names are of letters,
digits, dots, - and _, a method's without a dot. Whatever is wrong is told before anything runs, with the file, the key
and the way out; `snakemake -n` shows what a change would run again.

In a Snakemake project of your own, HSIR is a module of a clone on the disk: `docs/import.md` shows how. A module of a
remote address, as snakedeploy writes it, is refused.

Options are laid over one another, key by key; a list is replaced as a whole:

    defaults < model < task < method < overrides

A model and a task set the options of every stage (`settings`), a method those of training (`train`), and `overrides`
in the config wins. GPUs and their batch size belong to the model, a token limit to the task, a trial to `overrides`.
Editors with a YAML language server complete and check a file by `schema.json` where a comment names it, as below.

## A model of one's own

```yaml
# yaml-language-server: $schema=../schema.json#/$defs/Model
# config/models/qwen-1b.yaml
path: Qwen/Qwen2.5-1.5B-Instruct # a hub id, or a folder
settings:
  sample: {shards: 4, engine: {batch_size: 128, dtype: bfloat16}}
  train:
    sft: {batch_size: 32, device_batch_size: 2, devices: {kind: zero2, processes: 8}}
```

## A task of one's own

Three files, a JSON object a line: seed set, unlabelled set, test set. Paths count from where `snakemake` runs.

```yaml
# yaml-language-server: $schema=../schema.json#/$defs/TaskEntry
# config/tasks/riddles.yaml
task:
  kind: jsonl
  seed: data/riddles/seed.jsonl
  unlabelled: data/riddles/unlabelled.jsonl
  test: data/riddles/test.jsonl
settings:
  sample: {max_new_tokens: 1024}
```

A line of the seed set, which alone needs traces (steps apart by a blank line):

```json
{"question": "Ann has 3 coins and finds 4. How many has she?", "answer": "7", \
"trace": "<think>\\nAnn has 3, finds 4.\\n\\n3 + 4 = 7\\n\\n</think>\\n<answer>\\n7\\n</answer>"}
```

{RECORD}

Left out, `id` is made of the file's name and the line's number. Other keys are ignored.

## A method of one's own

```yaml
# yaml-language-server: $schema=../schema.json#/$defs/Method
# config/methods/two-shortest.yaml
pools: [k10, k10-veriexit] # ten solutions a question; those that failed, recycled
score: indiv
select:
  - {kind: right}
  - {kind: indiv, standardise: per_question, threshold: -0.5}
  - {kind: at_most, per_question: 2, pick: shortest}
train: {kind: sft, start_from: parent, learning_rate: 5.0e-6}
iterations: 2
```

One that differs from another in a few keys is `like` it. Keys that are not set are as there, blocks such as `train` are
merged, lists such as `select` are replaced. In the config a method may be like the file of its own name:

```yaml
methods:
  restem: {like: restem, pools: [k4]}
  stricter: {like: hsir-sft, select: [{kind: right}, {kind: indiv, threshold: 0.0}]}
```

## A pool of one's own

A pool is a way of getting solutions. Its `samples` are K, the samples per question, or, in a pool of kind `veriexit`,
J, the answers per recycled prefix. A pool that is called `k4` must have four samples. The pool below puts the question
in a frame; what is trained on has the plain question as its prompt.

```yaml
# yaml-language-server: $schema=../schema.json#/$defs/PoolEntry
# config/pools/planned.yaml
kind: guide
samples: 10
template: "{question} Plan first, then carry the plan out."
```

## Run them

```yaml
# yaml-language-server: $schema=schema.json
# config/config.yaml
run: mine
runs:
  mine: {models: [qwen-1b], tasks: [riddles], methods: [restem, two-shortest], seeds: [0, 1, 2]}
```

These pools are there without being written, besides the files in `pools/`, and so are the score sets `indiv` and `div`;
your own of that name takes its place:

```yaml
{POOLS}
```

## Every key

{TABLES}
"""


def schema() -> Node:
    """Give the JSON schema of config.yaml; `$defs` hold those of model, task and method files."""
    whole = Config.model_json_schema()
    named = {node["$ref"] for node in _nodes(whole) if {"$ref", "description"} <= node.keys()}
    for node in _nodes(whole):
        if "patternProperties" in node:
            node["additionalProperties"] = False  # a name that breaks the pattern is refused, as in the models
        for choice in set(node.get("discriminator", {}).get("mapping", {}).values()) - named:
            block = whole["$defs"][choice.removeprefix(DEFS)]
            block["properties"]["kind"].pop("default", None)  # `kind` tells blocks apart, so it is needed
            block["required"] = list(dict.fromkeys(["kind", *block.get("required", [])]))
    # A pool's file is a choice between kinds, which has no block of its own in the config.
    whole["$defs"][PoolEntry.__name__] = {k: v for k, v in PoolEntry.model_json_schema().items() if k != "$defs"}
    return {"$schema": GenerateJsonSchema.schema_dialect, **whole}


def readme() -> str:
    """Give config/README.md: the prose, then a table for every block."""
    whole = schema()
    sections = _sections(whole)
    links = {section.name: section.link for section in sections}
    pools = yaml.safe_dump({"pools": DEFAULT_POOLS}, sort_keys=False).rstrip()
    tables = "\n\n".join(_section(section, links) for section in sections)
    text = README.replace("{RECORD}", table(Record.model_json_schema(), {}))
    return text.replace("{POOLS}", pools).replace("{TABLES}", tables)


def generated() -> dict[str, str]:
    """Give the text of each generated file, by name."""
    return {"README.md": readme(), "schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"}


def stale(folder: Path) -> list[Path]:
    """Name the files in a folder that are missing, or not what the models give."""
    made = {folder / name: text for name, text in generated().items()}
    return [path for path in made if not path.is_file() or path.read_text(encoding="utf-8") != made[path]]


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    """Write the files, or with --check tell which are stale; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m hsir.config.docs", description="Write the config's documentation.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is stale")
    if parser.parse_args(arguments).check:
        for path in (old := stale(folder)):
            print(f"{path}: stale; run `python -m hsir.config.docs`", file=sys.stderr)
        return 1 if old else 0
    for name, text in generated().items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


@dataclass
class _Section:
    """A block of the config: its definition's name, and every place that it stands at, the first one first."""

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
        """Write a link to the section, by the anchor that Markdown viewers give its heading."""
        anchor = re.sub(r"[^\w -]", "", self.heading.lower()).replace(" ", "-")
        return f"[{f'`{self.kind}`' if self.kind else 'block'}](#{anchor})"


def _sections(whole: Node) -> list[_Section]:
    """Give the blocks as the config nests them; one that stands at several places comes once."""
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
    """Yield what a key's value may be, as (`.NAME` below a map of names, reference)."""
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
            lines += [f"A file each: `config/{folder}/NAME.yaml`. For editors: `{comment}`.", ""]
    if also := sorted(set(section.places[1:])):
        lines += [f"Also at {', '.join(f'`{place}`' for place in also)}.", ""]
    return "\n".join([*lines, table(section.node, links)])


def table(node: Node, links: dict[str, str]) -> str:
    """Write a block's keys as a table; raises ValueError where a key has no description."""
    rows = ["| key | type | default | what it does |", "|---|---|---|---|"]
    for key, value in sorted(node.get("properties", {}).items(), key=lambda item: item[0] != "kind"):
        default = "**needed**" if key in node.get("required", []) else _default(value.get("default"))
        cells = [f"`{key}`", _type(value, links), default, _description(node, key, value)]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def _description(node: Node, key: str, value: Node) -> str:
    if key != "kind" and "description" not in value:
        raise ValueError(f"{node['title']}.{key}: no description; give its Field one")
    return " ".join(str(value.get("description", "Names this kind.")).split())


def _type(node: Node, links: dict[str, str], plural: str = "") -> str:
    """Say in words what a value may be."""
    if options := [*node.get("anyOf", []), *node.get("oneOf", [])]:
        return _or(*("none" if o.get("type") == "null" else _type(o, links, plural) for o in options))
    if "$ref" in node:
        return links[node["$ref"].removeprefix(DEFS)]
    if "const" in node or "enum" in node:
        return _or(*(f"`{value}`" for value in node.get("enum", [node.get("const")])))
    if "prefixItems" in node:
        return f"list of {len(node['prefixItems'])} {_type(node['prefixItems'][0], links, 's')}"
    if node["type"] == "array":
        return f"list of {_type(node['items'], links, 's')}" + (", one or more" if node.get("minItems") else "")
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
    """Write a default as the config would; a block's own defaults stand in its own table."""
    if isinstance(value, dict):
        return "its own" if value else "none"
    if value is None or value == []:
        return "none"
    if isinstance(value, list):
        shown = [v["kind"] if isinstance(v, dict) else _number(v) if isinstance(v, int | float) else v for v in value]
        return f"`[{', '.join(shown)}]`"
    return f"`{_number(value) if isinstance(value, int | float) else value}`"


def _number(value: float) -> str:
    """Write a number so that YAML reads it as one: `1.0e-5`, for it takes `1e-05` for text."""
    return re.sub(r"^(-?\d+)(\.\d+)?e-0?", lambda m: f"{m[1]}{m[2] or '.0'}e-", json.dumps(value))


def _nodes(node: Any) -> Iterator[Node]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(child)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
