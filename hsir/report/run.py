"""The outputs of a run, and their locations."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hsir.config import Plan, load, read_yaml
from hsir.config.home import HOME
from hsir.config.plan import EVAL, test_set
from hsir.config.pools import VeriExitPool
from hsir.config.schema import Method, Run
from hsir.errors import InputError
from hsir.selection.training_set import prefix

REFERENCE = "restem"
"""The default reference of a run's methods: plain self-training."""


def open_run(folder: Path) -> "Made":
    """Open a run from its folder; its results are located relative to the folder, regardless of its config.

    Raises InputError if the folder is not that of a run.
    """
    path = folder.resolve() / "config.yaml"
    if not path.is_file():
        raise InputError(f"{folder}: no config.yaml; name the folder of a finished run, such as results/runs/demo")
    raw = read_yaml(path)
    config = load(raw, HOME / "config", {str(path): raw})
    return Made(Plan(config.model_copy(update={"results": str(path.parents[2])})))


@dataclass(frozen=True, slots=True)
class Cell:
    """One policy of a run, for one model, task and seed."""

    model: str
    task: str
    seed: int
    policy: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """One pool, sampled from one policy."""

    cell: Cell
    pool: str


@dataclass(frozen=True)
class Made:
    """A run, with everything that the report derives from it.

    The plan's config contains only this run: `config.run` names it.
    """

    plan: Plan

    @property
    def run(self) -> Run:
        """The grid."""
        return self.plan.config.runs[self.plan.built_by_default()[0]]

    @property
    def title(self) -> str:
        """The run's name, with a note if it is a rehearsal."""
        name = self.plan.built_by_default()[0]
        return f"{name} (rehearsal)" if self.plan.config.rehearse else name

    def cells(self) -> list[Cell]:
        """Return the trained policies, in the config's order."""
        return [Cell(model, task, seed, policy) for model, task, seed, _, policy in self.plan.cells(self.run)]

    def evaluated(self) -> list[Cell]:
        """Return the evaluated policies, including the untrained model, in the config's order."""
        return [Cell(model, task, seed, policy) for model, task, seed, _, policy in self.plan.evaluated(self.run)]

    def method(self, cell: Cell) -> Method:
        """Return the method that trained a policy."""
        return self.plan.method(cell.policy)

    def folder(self, cell: Cell) -> Path:
        """Return the folder of a policy."""
        return self._root(cell) / cell.policy

    def questions(self, cell: Cell) -> Path:
        """Return the path of the table of questions that a seed's pools answer."""
        return self._root(cell) / "data" / "unlabelled.parquet"

    def labels(self, drawn: Drawn) -> Path:
        """Return the path of the table of questions with the gold answers that judge a pool or an evaluation."""
        if drawn.pool.startswith(EVAL):
            return Path(self.plan.config.results) / drawn.cell.model / "benchmarks" / f"{test_set(drawn.pool)}.parquet"
        voted = self.plan.labels(drawn.pool)
        return self.table(Drawn(drawn.cell, voted), "questions") if voted else self.questions(drawn.cell)

    def evaluations(self, cell: Cell) -> Iterator[tuple[str, Path]]:
        """Yield each evaluation of a policy (`gsm8k`, or `gsm8k@16` for 16 samples) with the JSON of its results."""
        for name in self.plan.evaluations(self.run, cell.model, cell.task):
            yield name, self.folder(cell) / "eval" / f"{name}.json"

    def answers(self, cell: Cell, benchmark: str) -> Drawn:
        """Return the pool of a policy's answers to a benchmark."""
        return Drawn(cell, f"{EVAL}{benchmark}")

    @property
    def reference(self) -> str:
        """Return the method that the others are compared with: the run's own choice, else one of its methods."""
        methods = self.run.methods
        return self.run.reference or (REFERENCE if REFERENCE in methods else methods[0])

    def pools(self, cell: Cell) -> list[Drawn]:
        """Return the pools that a policy's training set was selected from: first those of its parent."""
        sampled = [self.plan.parent(cell.policy), *self.plan.others(cell.policy)]
        return [
            Drawn(Cell(cell.model, cell.task, cell.seed, policy), pool)
            for policy in sampled
            for pool in self.method(cell).pools
        ]

    def last_pools(self, cell: Cell) -> list[Drawn]:
        """Return those of a policy's pools that were sampled from its parent."""
        return self.pools(cell)[: len(self.method(cell).pools)]

    def other(self, cell: Cell, drawn: Drawn) -> str:
        """Return the policy that one of a policy's pools was sampled from; empty if that is its parent."""
        return "" if drawn.cell.policy == self.plan.parent(cell.policy) else drawn.cell.policy

    def source(self, cell: Cell, drawn: Drawn) -> str:
        """Return the name of one of a policy's pools in its training set."""
        return prefix(self.other(cell, drawn)) + drawn.pool

    def drawn(self) -> list[Drawn]:
        """Return every pool of the run once, in the order in which policies use them."""
        return list(dict.fromkeys(drawn for cell in self.cells() for drawn in self.pools(cell)))

    def recycles(self, drawn: Drawn) -> Drawn | None:
        """Return the pool whose failed solutions a pool recycles, if any."""
        pool = self.plan.config.pools[drawn.pool]
        return Drawn(drawn.cell, pool.of) if isinstance(pool, VeriExitPool) else None

    def matcher(self, drawn: Drawn) -> str:
        """Return the kind of matcher that a pool recycles with; raises ValueError if it does not recycle."""
        pool = self.plan.config.pools[drawn.pool]
        if not isinstance(pool, VeriExitPool):
            raise ValueError(f"{drawn.pool} does not recycle")
        return pool.matcher.kind

    def table(self, drawn: Drawn, name: str) -> Path:
        """Return the path of a pool's table, such as `verified`."""
        return self.folder(drawn.cell) / drawn.pool / f"{name}.parquet"

    def shards(self, drawn: Drawn) -> tuple[Path, ...]:
        """Return the paths of a pool's sample tables."""
        n = self.plan.shards(drawn.cell.model, drawn.cell.task, drawn.pool)
        source = Drawn(drawn.cell, self.plan.drawn_as(drawn.pool))
        return tuple(self.table(source, f"samples/{shard}-of-{n}") for shard in range(n))

    def where(self, model: str, task: str) -> str:
        """Return which part of the grid a panel shows; empty if the grid has only one."""
        names = [(self.run.models, model), (self.run.tasks, task)]
        return ", ".join(name for known, name in names if len(known) > 1)

    def _root(self, cell: Cell) -> Path:
        return Path(self.plan.config.results) / cell.model / cell.task / f"seed{cell.seed}"
