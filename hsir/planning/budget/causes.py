"""Why a job would run, in a few words, from Snakemake's dry run."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from hsir.planning.workflow import Job

CHANGED = "Params have changed since last execution"
WHY = {
    "Missing output files": "missing",
    "Incomplete output files": "incomplete",
    "Set of input files has changed": "its input files have changed",
    "Code has changed": "its code has changed",
    "Software environment definition has changed": "its environment has changed",
    "Forced execution": "forced",
}
NEWER = "Updated input files: "
Leaf = tuple[str, str]


def causes(job: Job) -> list[str]:
    """Return why a job would run; empty if it only follows another job.

    For changed options it lists the old and the new values.
    """
    said = [f"{job.rule}: {told}" for start, told in WHY.items() if start in job.reason and told != "missing"]
    if "Missing output files" in job.reason:
        said.append(WHY["Missing output files"])
    if CHANGED in job.reason:
        said.append(f"{job.rule}: {options(job.reason.partition(CHANGED)[2])}")
    newer = job.reason.partition(NEWER)[2].partition(";")[0].strip()
    return [*said, *([f"{newer} is newer"] if newer else [])]


def options(told: str) -> str:
    """List the changed options, from the old and new JSON that Snakemake prints."""
    before, _, now = told.partition(" now: ")
    old, new = Counter(leaves(before)), Counter(leaves(now))
    gone, come = list((old - new).elements()), list((new - old).elements())
    names = dict.fromkeys(name for name, _ in (*gone, *come))
    changes = [_change(name, _values(gone, name), _values(come, name)) for name in names]
    return ", ".join(changes) or "its options have changed"


def leaves(text: str) -> Iterator[Leaf]:
    """Yield (key, value) of all scalars in the JSON within a text."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        if text[at] not in "{[":
            at += 1
            continue
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            at += 1
        else:
            yield from _leaves("", value)


def _leaves(name: str, value: Any) -> Iterator[Leaf]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(name, inner)
    else:
        yield name, json.dumps(value)


def _change(name: str, before: str, now: str) -> str:
    if before and now:
        return f"{name} {before} -> {now}"
    return f"added: {name} {now}" if now else f"removed: {name} {before}"


def _values(changed: list[Leaf], name: str) -> str:
    return " ".join(value for key, value in changed if key == name)
