"""The config as users write it: runs, and what the names in a run stand for."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, RootModel, model_validator

from hsir.config.settings import Count, Dpo, MethodName, Model, Name, Pool, Score, Settings, Sft
from hsir.filters import Filter, needs_scores
from hsir.options import Options
from hsir.tasks import Task


def _sft_by_default(given: Any) -> Any:
    return {"kind": "sft", **given} if isinstance(given, dict) else given


Train = Annotated[Sft | Dpo, Field(discriminator="kind"), BeforeValidator(_sft_by_default)]
DEFAULT_POOLS = {
    "greedy": {"kind": "sample", "samples": 1, "temperature": 0.0},
    "k10": {"kind": "sample", "samples": 10},
    "k30": {"kind": "sample", "samples": 30},
    "k10-veriexit": {"kind": "veriexit", "of": "k10", "samples": 5},
}

DEFAULT_SCORES: dict[str, dict[str, str]] = {"indiv": {}}


class TaskEntry(Options):
    """A benchmark, with the stage options that go with it."""

    task: Task = Field(description="The benchmark and its options, by `kind`.")
    settings: Settings = Field(Settings(), description="Stage options that go with this task.")


class TestSets(RootModel[dict[Name, Task]]):
    """Benchmarks by name, as the stage contamination takes them."""

    def files(self) -> list[Path]:
        """Name the files that the test sets are read from."""
        return [path for task in self.root.values() for path in task.files("test")]


class Method(Options):
    """A method: what is sampled, what of it is kept, how it is trained on.

    With `iterations: 0` it trains once on given data and samples nothing.
    """

    given: tuple[Literal["seed", "gold"], ...] = Field(
        ("seed",), description="Given data to train on: the seed set, gold traces of the unlabelled set."
    )
    initial: MethodName = Field("sft-initial", description="Method whose policy iteration 1 samples from.")
    pools: tuple[Name, ...] = Field((), description="Pools of solutions to choose from.")
    score: Name | None = Field(None, description="Score set that filters read, if any does.")
    select: tuple[Filter, ...] = Field((), description="Filters, applied in order.")
    train: Train = Field(Sft(), description="How the next policy is trained, by `kind`.")
    iterations: int = Field(1, ge=0, description="Rounds of sampling and training.")

    @model_validator(mode="after")
    def _fits_together(self) -> "Method":
        readers = [chosen.kind for chosen in self.select if needs_scores(chosen)]
        if self.train.pairs and self.given:
            raise ValueError(f"train is {self.train.kind}, which learns from pairs alone; set given: []")
        if self.train.pairs and not self.pools:
            raise ValueError(f"train is {self.train.kind}, which needs failed solutions beside right ones; set pools")
        if self.iterations and not self.pools:
            raise ValueError(f"iterations is {self.iterations}, but no pool is sampled; set pools, or iterations: 0")
        if not self.iterations and (self.pools or self.select):
            raise ValueError("pools and select need iterations of 1 or more; with 0 only given data is trained on")
        if not self.iterations and not self.given:
            raise ValueError("nothing to train on; set given: [seed]")
        if readers and self.score is None:
            raise ValueError(f"the filter {readers[0]!r} reads scores, but no score set is named; set score: indiv")
        if self.pools and (not self.select or self.select[0].kind != "right"):
            raise ValueError("the first filter must be {kind: right}: a wrong solution must not be trained on")
        return self


class Run(Options):
    """A grid of models, tasks, methods and seeds, evaluated on benchmarks."""

    models: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(description="Names of models.")
    tasks: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(description="Names of tasks to train on.")
    methods: Annotated[tuple[MethodName, ...], Field(min_length=1)] = Field(description="Names of methods.")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field((0,), description="Seeds of data and sampling.")
    iterations: Count | None = Field(None, description="Rounds for every method, if not its own number.")
    benchmarks: Annotated[tuple[Name, ...], Field(min_length=1)] | None = Field(
        None, description="Tasks whose test sets the policies are evaluated on; the training task's own, if none."
    )


class Config(Options):
    """The whole config, as `config/config.yaml` holds it."""

    run: Annotated[tuple[Name, ...], Field(min_length=1)] | Name = Field(
        description="The run, or runs, that plain `snakemake` builds."
    )
    results: str = Field("results", description="Folder for everything that is made.")
    runs: dict[Name, Run] = Field(description="Runs by name; `snakemake NAME` builds one.")
    overrides: Settings = Field(Settings(), description="Stage options that win over all others.")
    pools: dict[Name, Pool] = Field({}, description="Pools by name, beside greedy, k10, k30, k10-veriexit.")
    scores: dict[Name, Score] = Field({}, description="Score sets by name, beside indiv.")
    models: dict[Name, Model] = Field({}, description="Models by name, beside config/models/*.yaml.")
    tasks: dict[Name, TaskEntry] = Field({}, description="Tasks by name, beside config/tasks/*.yaml.")
    methods: dict[MethodName, Method] = Field({}, description="Methods by name, beside config/methods/*.yaml.")
