"""What there is to browse: sets of questions, and the pools of samples that answer them."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hsir.config.plan import EVAL, test_set
from hsir.errors import InputError
from hsir.report.run import Cell, Drawn, Made

TRAINING = "pools"
"""The name of the set of questions that pools are sampled for; that of a benchmark is `eval/{benchmark}`."""
MOST = 8
"""Pools that a page shows, unless all of those of a policy are needed: the tables of the others are not read."""
_SHARD = re.compile(r"\d+-of-(\d+)\.parquet")


@dataclass(frozen=True)
class Pool:
    """The samples of one policy: a pool of the training questions, or its answers to a benchmark."""

    policy: str
    name: str
    folder: Path
    shards: tuple[Path, ...]

    @property
    def title(self) -> str:
        """Its name on a page: `sft-initial/k10`; of a benchmark's answers, that of the policy."""
        return self.policy if self.name.startswith(EVAL) else f"{self.policy}/{self.name}"

    @property
    def verified(self) -> Path:
        """The table of its verdicts."""
        return self.folder / "verified.parquet"


@dataclass(frozen=True)
class Place:
    """A set of questions for one model, task and seed, with its pools and the policies trained on some of them."""

    model: str
    task: str
    seed: int
    name: str
    questions: Path
    pools: tuple[Pool, ...]
    policies: tuple[Path, ...] = ()
    """The folders of the policies whose training set is selected from the pools; none for a benchmark."""

    @property
    def key(self) -> str:
        """Its address: `embedded/chains/seed0/pools`."""
        return f"{self.model}/{self.task}/seed{self.seed}/{self.name}"

    @property
    def title(self) -> str:
        """Its name on a page."""
        return "training questions" if self.name == TRAINING else f"benchmark {self.name.removeprefix(EVAL)}"

    def shown(self, titles: Collection[str]) -> tuple[Pool, ...]:
        """Return the pools that a page shows, of all if they are many: those with some titles; of training questions,
        with all pools of the same policies; of a benchmark, with the first others."""
        if len(self.pools) <= MOST:
            return self.pools
        named = [pool for pool in self.pools if pool.title in titles]
        if self.name == TRAINING:
            policies = {pool.policy for pool in named or self.pools[:1]}
            return tuple(pool for pool in self.pools if pool.policy in policies)
        chosen = [*named, *(pool for pool in self.pools if pool not in named)][: max(MOST, len(named))]
        return tuple(pool for pool in self.pools if pool in chosen)


def of_run(made: Made) -> list[Place]:
    """Return the places of a run, with the pools that it needs, whether or not they exist yet."""
    cells: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in made.evaluated():
        cells.setdefault((cell.model, cell.task, cell.seed), []).append(cell)
    return [place for found in cells.values() for place in _places(made, found)]


def on_disk(results: Path) -> list[Place]:
    """Return the places under a folder of results; raises InputError if there are none."""
    found = [
        place
        for seed in sorted(results.glob("*/*/seed*"))
        if seed.name.removeprefix("seed").isdigit()
        for place in _found(results, seed)
    ]
    if not found:
        raise InputError(f"{results}: no run, no folder of a run, and no results; name one, such as results/runs/demo")
    return found


def _places(made: Made, cells: list[Cell]) -> Iterator[Place]:
    first = cells[0]
    trained = [cell for cell in cells if made.plan.config.methods.get(cell.policy.split(".")[0]) is not None]
    drawn = [
        Drawn(Cell(cell.model, cell.task, cell.seed, policy), pool)
        for cell in trained
        for policy in (made.plan.parent(cell.policy), *made.plan.others(cell.policy))
        for pool in made.plan.drawn_for(cell.policy)
    ]
    if drawn:
        chosen = [made.folder(cell) for cell in trained if made.pools(cell)]
        yield _place(made, first, TRAINING, made.questions(first), dict.fromkeys(drawn), chosen)
    for name in made.plan.evaluations(made.run, first.model, first.task):
        table = Path(made.plan.config.results) / first.model / "benchmarks" / f"{test_set(name)}.parquet"
        yield _place(made, first, f"{EVAL}{name}", table, [made.answers(cell, name) for cell in cells])


def _place(
    made: Made, cell: Cell, name: str, questions: Path, drawn: Iterable[Drawn], chosen: Iterable[Path] = ()
) -> Place:
    pools = [Pool(one.cell.policy, one.pool, made.table(one, "").parent, made.shards(one)) for one in drawn]
    return Place(cell.model, cell.task, cell.seed, name, questions, tuple(pools), tuple(chosen))


def _found(results: Path, seed: Path) -> Iterator[Place]:
    pools = [_pool(seed, folder.parent) for folder in sorted(seed.glob("*/**/samples")) if folder.is_dir()]
    number, task, model = int(seed.name.removeprefix("seed")), seed.parent.name, seed.parent.parent.name
    plain = [pool for pool in pools if not pool.name.startswith(EVAL)]
    if plain:
        chosen = [path.parent for path in sorted(seed.glob("*/filtered.parquet"))]
        questions = seed / "data" / "unlabelled.parquet"
        yield Place(model, task, number, TRAINING, questions, tuple(plain), tuple(chosen))
    for name in dict.fromkeys(pool.name for pool in pools if pool.name.startswith(EVAL)):
        table = results / model / "benchmarks" / f"{test_set(name)}.parquet"
        yield Place(model, task, number, name, table, tuple(pool for pool in pools if pool.name == name))


def _pool(seed: Path, folder: Path) -> Pool:
    policy, *name = folder.relative_to(seed).parts
    shards = {int(found[1]) for path in (folder / "samples").iterdir() if (found := _SHARD.fullmatch(path.name))}
    n = max(shards, default=1)
    return Pool(policy, "/".join(name), folder, tuple(folder / f"samples/{k}-of-{n}.parquet" for k in range(n)))
