"""Check that tables belong together, by the input hashes recorded in them and by their keys."""

import json
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any

from hsir.errors import InputError
from hsir.storage import tables
from hsir.storage.files import file_hash, read_json

ASKED_PLAINLY = {"sample", "veriexit"}
"""Kinds of pools whose prompts are the plain questions."""


def check_pool(
    samples: Sequence[Path], verified: Sequence[Path] = (), questions: Path | None = None,
    scores: Sequence[Path] = (), policy: Path | None = None,
) -> None:  # fmt: skip
    """Raise InputError unless the shards are complete pools, and the other tables were made from exactly these.

    Each sample has one row and one verdict; each correct one has one score, if scores are given, and each question is
    known. Tables without provenance (the user's own) are checked by their keys only.
    """
    check_shards(samples)
    if policy is not None:
        check_made_of(samples, [policy])
    asked = _asked(samples)
    if verified:
        check_made_of(verified, [*samples, *([questions] if questions else [])])
        verdicts = _unique("verified", verified, ["sample_id", "verdict"])
        check_keys(verdicts, asked, verified, "verdict on sample")
        check_keys(asked, verdicts, samples, "sample")
    if questions is not None:
        known = _unique("questions", [questions], ["question_id", "gold"])
        check_keys(known, asked.values(), [questions], "question")
    if scores:
        check_made_of(scores, [*samples, *verified])
        scored = _scored(scores)
        check_keys(asked, scored, samples, "sample")
        right = [name for name, verdict in verdicts.items() if verdict == "right"] if verified else []
        check_keys(scored, right, scores, "score of sample")


def check_prompts(samples: Sequence[Path], questions: Path) -> None:
    """Raise InputError unless samples answer these questions; for pools with plain prompts, the prompts are
    compared."""
    known = dict(tables.tuples("questions", questions, ["question_id", "prompt_ids"]))
    for path in samples:
        plain = tables.metadata(path).get("options", {}).get("pool", {}).get("kind") in ASKED_PLAINLY
        for name, prompt in tables.tuples("samples", path, ["question_id", "prompt_ids"]):
            if name not in known or (plain and prompt != known[name]):
                raise InputError(f"{path}: answers another question {name!r} than {questions} has; {_remedy([path])}")


def check_made_of(made: Sequence[Path], inputs: Iterable[Path]) -> None:
    """Raise InputError unless each current input was used to make one of these, and each was made from some input."""
    recorded = {path: _inputs(path) for path in made}
    if not all(recorded.values()):
        return
    hashes = {path: file_hash(path) for path in inputs}
    known = set[str]().union(*recorded.values())
    for path, found in hashes.items():
        if found not in known:
            raise InputError(f"{made[0]}: made from a different version of {path}; {_remedy(made)}")
    for path, used in recorded.items():
        if hashes and used.isdisjoint(hashes.values()):
            raise InputError(f"{path}: not made from any of the given files ({_named(hashes)}); {_remedy([path])}")


def made_into(pools: Iterable[Sequence[Path]], made: Sequence[Path]) -> list[Path]:
    """Return the shards of the pools that `made` were made from; of all pools, if none was, or if it is not known."""
    given = list(pools)
    recorded = [_inputs(path) for path in made]
    used = set[str]().union(*recorded)
    known = [paths for paths in given if not used.isdisjoint(map(file_hash, paths))] if all(recorded) else []
    return [path for paths in known or given for path in paths]


def check_shards(samples: Sequence[Path]) -> None:
    """Raise InputError unless the shards make up complete pools: none duplicate, missing, or with different
    provenance."""
    pools: dict[str, Counter[int]] = defaultdict(Counter)
    for path in samples:
        made = tables.metadata(path)
        options = dict(made.get("options", {}))
        if "shards" in options:
            number = options.pop("shard")
            options.pop("library", None)
            key = json.dumps([options, sorted(made["inputs"].values())], sort_keys=True)
            pools[key].update({number: 1})
            pools[key].update(dict.fromkeys(range(options["shards"]), 0))
    for counts in pools.values():
        if len(set(counts.values())) > 1:
            lacking = [str(number) for number, count in sorted(counts.items()) if count < max(counts.values())]
            raise InputError(
                f"{samples[0]}: shard {', '.join(lacking)} of the {len(counts)} of its pool is missing, or replaced"
                f" by another (given: {_named(samples)}); give each shard of a pool once"
            )


def check_keys(known: Container[Any], wanted: Iterable[Any], where: Sequence[Path], what: str) -> None:
    """Raise InputError if a table lacks a row that another table refers to."""
    for name in wanted:
        if name not in known:
            raise InputError(f"{_named(where)}: no {what} {name!r}, which the other tables contain; {_remedy(where)}")


def _asked(samples: Sequence[Path]) -> dict[str, str]:
    return _unique("samples", samples, ["sample_id", "question_id"])


def _scored(scores: Sequence[Path]) -> dict[str, float]:
    return _distinct((path, name, value) for path in scores for name, value in tables.scores(path))


def _unique(kind: str, paths: Sequence[Path], columns: Sequence[str]) -> dict[str, Any]:
    return _distinct((path, key, value) for path in paths for key, value in tables.tuples(kind, path, columns))


def _distinct(rows: Iterable[tuple[Path, str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, key, value in rows:
        if key in found:
            raise InputError(
                f"{path}: {key!r} occurs twice, here or in another table; {_remedy([path])}. Samples of two pools"
                " have the same names if one pool's name ends with `-` and the other's; rename one"
            )
        found[key] = value
    return found


def _inputs(path: Path) -> set[str]:
    made = read_json(path).get("provenance", {}) if path.suffix == ".json" else tables.metadata(path)
    return set(made.get("inputs", {}).values())


def _remedy(paths: Sequence[Path]) -> str:
    return f"give files that belong together, or recreate this one: `snakemake --force {' '.join(map(str, paths))}`"


def _named(paths: Iterable[Path]) -> str:
    return ", ".join(map(str, paths))
