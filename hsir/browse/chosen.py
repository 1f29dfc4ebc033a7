"""Which solutions a policy was trained on, and which filter dropped each of the others.

The stage filter stores the solutions that it keeps. The others are found again: the filters, which the training set
records, are applied to the same pools.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from hsir.browse.library import Library
from hsir.browse.samples import Samples
from hsir.errors import InputError
from hsir.selection.filters import Distinct, Filter, InDiv, Selection
from hsir.selection.filters.balanced import Balanced
from hsir.selection.filters.base import Candidate
from hsir.selection.filters.sound import Sound
from hsir.selection.training_set import prefix
from hsir.storage.lookup import Lookup

LEFT_OUT = "left out"
"""The fate of a solution that passed all filters and is not in the training set."""
TOKEN = 4
"""Bytes of a token id in memory."""


class Fate(NamedTuple):
    """What became of a solution: it was trained on, or not, and why."""

    policies: tuple[str, ...]
    trained: bool
    why: str


@dataclass(frozen=True)
class Chosen:
    """The training set of a policy, and what each filter dropped."""

    policy: str
    filters: tuple[Filter, ...]
    pools: frozenset[tuple[str, str]]
    """The pools that it is selected from, as (policy, pool)."""
    trained: frozenset[str]
    losers: Mapping[str, str]
    """Failed solutions that it was trained to avoid, each with the solution that is preferred."""
    dropped: Mapping[str, int] | None
    """The number of the filter that dropped a correct solution, by sample id; None if that cannot be found. Failed ones
    are dropped by the first filter, which is always `right`."""
    scores: Mapping[str, float]
    """Standardized scores of the InDiv filter."""
    tau: float | None = None
    paired: bool = False
    faults: tuple[str, ...] = field(default=())
    others: frozenset[str] = frozenset()
    """The policies whose samples have their policy's name before their own in the training set."""

    def fate(self, policy: str, sample: str, verdict: str | None) -> Fate:
        """Return what became of a solution of one of its pools, which was sampled from a policy."""
        sample = prefix(policy if policy in self.others else "") + sample
        if sample in self.trained:
            return Fate((self.policy,), True, f"trained on{self._score(sample)}")
        if sample in self.losers:
            return Fate((self.policy,), True, f"trained on as the rejected answer, next to {self.losers[sample]}")
        if self.dropped is None:
            return Fate((self.policy,), False, "not trained on")
        number = 0 if verdict != "right" else self.dropped.get(sample)
        if number is None:
            without = "it is too long, or its question has no failed solution" if self.paired else "it is too long"
            return Fate((self.policy,), False, f"{LEFT_OUT}: {without}{self._score(sample)}")
        below = isinstance(self.filters[number], InDiv) and self.tau is not None
        score = f": {self.scores[sample]:+.2f} is below {self.tau:.4g}" if below else self._score(sample)
        return Fate((self.policy,), False, f"dropped by filter {number + 1}, {self.filters[number].kind}{score}")

    def _score(self, sample: str) -> str:
        return f" (InDiv {self.scores[sample]:+.2f})" if sample in self.scores else ""


def merged(fates: Iterable[Fate]) -> list[Fate]:
    """Join the fates that are the same for several policies."""
    found: dict[tuple[bool, str], tuple[str, ...]] = {}
    for policies, trained, why in fates:
        found[trained, why] = (*found.get((trained, why), ()), *policies)
    return [Fate(policies, *fate) for fate, policies in found.items()]


def chosen(library: Library, folder: Path, every: Sequence[Samples], levels: Mapping[str, int | None]) -> Chosen | None:
    """Apply the filters of a policy's training set again; None, with a note, if there is none that can be read.

    `every` has the samples of its pools, among others; `levels` are the difficulties of the questions.
    """
    path = folder / "filtered.parquet"
    if (table := library.table("filtered", path)) is None:
        return None
    try:
        return _chosen(library, folder, table, every, levels)
    except (InputError, OSError, ValueError, LookupError) as error:
        library.damaged(path, error)
        return None


def sources(path: Path) -> frozenset[tuple[str, str]]:
    """Return the pools that a training set is selected from, as (policy, pool), without verifying it; none if they
    cannot be read."""
    try:
        return _pools(json.loads((pq.read_schema(path).metadata or {}).get(b"hsir", b"{}")))
    except (pa.ArrowException, OSError, ValueError, LookupError, AttributeError):
        return frozenset()


def _pools(made: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    paths = map(Path, made.get("inputs", {}))
    # Verdicts name the pool: one that is labelled by majority has the samples of another.
    return frozenset((path.parts[-3], path.parts[-2]) for path in paths if path.name == "verified.parquet")


def _chosen(
    library: Library, folder: Path, table: Lookup, every: Sequence[Samples], levels: Mapping[str, int | None]
) -> Chosen:
    options, paths = table.made.get("options", {}), [Path(path) for path in table.made.get("inputs", {})]
    filters = Selection.model_validate(options.get("select", [])).root
    pools = _pools(table.made)
    rows = table.columns(["sample_id", "loser_id"]).to_pylist()
    trained = frozenset(row["sample_id"] for row in rows)
    drawn = [samples for samples in every if (samples.pool.policy, samples.pool.name) in pools]
    others = frozenset(options.get("others", ()))
    tables = [folder.parent.joinpath(*path.parts[-3:]) for path in paths if path.name.endswith("-scores.parquet")]
    raw = {
        prefix(policy if policy in others else "") + name: value
        for path in tables
        for policy in [path.parts[-3]]
        for name, value in scores(library, path).items()
    }
    left = _candidates(drawn, filters, raw, levels, others)
    faults = list[str]()
    try:
        _check_shown(drawn, others)
        dropped, standardised, tau = _applied(filters, left, int(options.get("seed", 0)), trained)
    except (ValueError, InputError) as error:  # a table of scores is missing
        dropped, standardised, tau = None, {}, None
        faults.append(f"the filters cannot be applied again: {error}")
    losers = {row["loser_id"]: row["sample_id"] for row in rows if row["loser_id"] is not None}
    known = {one.sample_id for one in left}
    if wrong := len(trained & (dropped or {}).keys()):
        told = "solutions of the training set are dropped by its own filters: it was made from other samples"
        faults.append(f"{wrong:,} {told}; `hsir check` finds such tables")
    return Chosen(
        folder.name, filters, pools, trained & known, losers, dropped, standardised, tau,
        options.get("pairs") is not None, tuple(faults), others,
    )  # fmt: skip


def _check_shown(drawn: Sequence[Samples], others: frozenset[str]) -> None:
    """Raise InputError if the samples of another policy are not at hand: of many pools, a page shows some."""
    if lacking := sorted(others - {samples.pool.policy for samples in drawn}):
        raise InputError(f"the pools of {', '.join(lacking)} are not shown here")


def scores(library: Library, path: Path) -> dict[str, float]:
    """Return the raw scores of a score set of either kind; a solution without a step has no Div, and counts as 0."""
    if (table := library.table(None, path)) is None:
        return {}
    names = ["id", "div"] if table.made.get("table") == "div" else ["sample_id", "indiv"]
    columns = (column.to_pylist() for column in table.columns(names).columns)
    return {name: score or 0.0 for name, score in zip(*columns, strict=True)}


def _applied(
    filters: Sequence[Filter], left: list[Candidate], seed: int, trained: frozenset[str]
) -> tuple[dict[str, int], dict[str, float], float | None]:
    """Return what each filter drops, the standardized scores, and tau."""
    dropped: dict[str, int] = {}
    standardised: dict[str, float] = {}
    tau = None
    for number, chosen_filter in enumerate(filters):
        if isinstance(chosen_filter, InDiv):
            values = chosen_filter.standardised(left)
            least = tau = chosen_filter.least(values)
            standardised = {one.sample_id: value for one, value in zip(left, values, strict=True)}
            after = [one for one, value in zip(left, values, strict=True) if value >= least]
        elif isinstance(chosen_filter, Balanced) and number == len(filters) - 1:
            after = [one for one in left if one.sample_id in trained]  # solving it again would take minutes
        else:
            after = chosen_filter(left, seed)
        kept = {one.sample_id for one in after}
        dropped |= {one.sample_id: number for one in left if one.sample_id not in kept}
        left = after
    return dropped, standardised, tau


def _candidates(
    drawn: Sequence[Samples], filters: Sequence[Filter], raw: Mapping[str, float], levels: Mapping[str, int | None],
    others: frozenset[str],
) -> list[Candidate]:  # fmt: skip
    """Return the correct solutions by sample id, which are what the first filter keeps; texts only if a filter reads
    them, and digests instead of tokens."""
    by_tokens = any(isinstance(one, Distinct) for one in filters)
    by_text = any(isinstance(one, Sound) or (isinstance(one, Distinct) and one.by == "equations") for one in filters)
    found = []
    for samples in drawn:
        texts = _texts(samples) if by_text else {}
        digests = _digests(samples) if by_tokens else {}
        policy = samples.pool.policy if samples.pool.policy in others else ""
        found += [
            Candidate(
                key, question, length, True, digests.get(name, ()), texts.get(name, ""), levels.get(question),
                raw.get(key), policy=policy,
            )
            for name, question, length in samples.right
            for key in [prefix(policy) + name]
        ]  # fmt: skip
    return sorted(found, key=lambda one: one.sample_id)


def _texts(samples: Samples) -> dict[str, str]:
    right = {name for name, _, _ in samples.right}
    read = (batch for _, shard in samples.shards for batch in shard.batches(["sample_id", "completion"]))
    pairs = (pair for batch in read for pair in zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return {name: text for name, text in pairs if name in right}


def _digests(samples: Samples) -> dict[str, tuple[int, ...]]:
    """Return a digest of each solution's tokens, so that equal ones are found without holding all tokens."""
    return {name: digest for _, shard in samples.shards for name, digest in _digested(shard)}


def _digested(shard: Lookup) -> Iterator[tuple[str, tuple[int, ...]]]:
    for batch in shard.batches(["sample_id", "completion_ids"]):
        names, lists = batch.columns
        for name, ids in zip(names.to_pylist(), lists, strict=True):
            start, end = ids.values.offset * TOKEN, (ids.values.offset + len(ids.values)) * TOKEN
            digest = hashlib.blake2b(memoryview(ids.values.buffers()[1])[start:end], digest_size=8).digest()
            yield name, (int.from_bytes(digest, "big"),)
