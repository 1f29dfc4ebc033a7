"""The config as users write it: runs, and the entries that a run names."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, RootModel, model_validator

from hsir.config.pools import Pool
from hsir.config.questions import PassRate
from hsir.config.settings import Model, ScoreSet, Settings
from hsir.config.teacher import Judge, Teacher
from hsir.config.tracking import Track
from hsir.config.training import Grpo, Sft, Train
from hsir.options import Count, Name, Options
from hsir.rewards import reads_scores
from hsir.selection.filters import Filter, needs_scores
from hsir.tasks import Task

MethodName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
"""No dot: a policy is called <method>.<iteration>."""
PolicyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[1-9][0-9]*)?$")]


def _folder(name: str) -> str:
    """Reject a name that has a special meaning to the shell, to Snakemake's wildcards or in a path."""
    if not name.strip() or name != name.strip():
        raise ValueError(f"{name!r} is not a folder name; choose one, such as results")
    if name.startswith("-") or max(map(len, Path(name).parts), default=0) > 200 or Path(name).is_file():
        raise ValueError(f"{name:.80!r} cannot be a folder; choose another name")
    if name.startswith("~"):
        raise ValueError(f"{name!r}: `~` is not expanded; write the full path")
    if found := next((mark for mark in "{}*?[]$:\n\t\0" if mark in name), None):
        raise ValueError(f"{name!r} contains {found!r}, which Snakemake treats as a pattern; choose another name")
    if ".." in Path(name).parts or Path(name) in (Path(), Path("/")):
        raise ValueError(f"{name!r} is not a separate folder; choose a subfolder, or write the full path")
    return str(Path(name))


class TaskEntry(Options):
    """A benchmark with its stage options."""

    task: Task = Field(description="The benchmark and its options, by `kind`.")
    settings: Settings = Field(Settings(), description="Stage options for this task.")


class TestSets(RootModel[dict[Name, Task]]):
    """Benchmarks by name, as the stage contamination reads them."""

    def files(self) -> list[Path]:
        """Return the files that the test sets are read from."""
        return [path for task in self.root.values() for path in task.files("test")]


def _is_last(keep: str) -> bool:
    """Leave the default of `keep` out of a method's JSON: configs of runs that were made before it existed stay as
    they are."""
    return keep == "last"


class Method(Options):
    """A method: what is sampled, which solutions are kept, and how the policy is trained on them.

    With `iterations: 0` it trains once on the given data and samples nothing.
    """

    like: MethodName | None = Field(
        None,
        description="Method that this one inherits from: keys that are not set here are taken from it. Blocks are"
        " merged key by key, lists are replaced.",
    )
    given: tuple[Literal["seed", "gold", "questions"], ...] = Field(
        ("seed",),
        description="Given data to train on: the seed set, gold traces of the unlabelled set, or its questions alone.",
    )
    initial: PolicyName = Field(
        "sft-initial",
        description="Policy that iteration 1 samples from or continues from, such as `sft-initial` or `hsir-sft.1`.",
    )
    questions: PassRate | None = Field(
        None, description="Reinforcement learning: the questions to ask, by a pool's verdicts; all of them if none."
    )
    pools: tuple[Name, ...] = Field((), description="Pools of solutions to select from.")
    keep: Literal["last", "all", "ancestors"] = Field(
        "last",
        exclude_if=_is_last,
        description="Iterations whose pools are selected from: only the last one, all so far, or also those of the"
        " methods that led to `initial`. Filters are applied to all of these solutions together; each has the score of"
        " the policy that it was sampled from.",
    )
    score: Name | None = Field(None, description="Score set that filters and rewards read, if any.")
    select: tuple[Filter, ...] = Field((), description="Filters, applied in order.")
    train: Train = Field(Sft(), description="How the next policy is trained, by `kind`.")
    iterations: int = Field(1, ge=0, description="Iterations of sampling and training.")

    @property
    def follows(self) -> bool:
        """Whether its first policy depends on another one, to sample from or to continue training."""
        return self.iterations > 0

    @property
    def reads(self) -> tuple[str, ...]:
        """The pools whose samples and verdicts the stage filter reads."""
        return self.pools if self.questions is None else (self.questions.of,)

    @model_validator(mode="after")
    def _fits_together(self) -> "Method":
        checks = [self._what_is_learnt_from(), self._what_is_sampled(), self._what_is_scored()]
        for wrong in filter(None, checks):
            raise ValueError(wrong)
        return self

    def _what_is_learnt_from(self) -> str | None:
        kind, learns_from = self.train.kind, self.train.learns_from
        if learns_from == "questions" and (self.given != ("questions",) or self.pools or self.select):
            return (
                f"train is {kind}, which generates its own samples; set given: [questions], and neither pools"
                " nor select"
            )
        if learns_from != "questions" and self.questions is not None:
            return f"train is {kind}, which generates no rollouts; remove questions, which chooses what they answer"
        if learns_from != "questions" and "questions" in self.given:
            return f"train is {kind}, which cannot learn from questions alone; remove `questions` from given"
        if learns_from == "pairs" and self.given:
            return f"train is {kind}, which learns only from pairs; set given: []"
        if learns_from == "pairs" and not self.pools:
            return f"train is {kind}, which needs correct and failed solutions; set pools"
        return None

    def _what_is_sampled(self) -> str | None:
        if self.iterations and not self.pools and self.train.learns_from != "questions":
            return f"iterations is {self.iterations}, but no pool is sampled; set pools, or iterations: 0"
        if not self.iterations and (self.pools or self.select or self.questions):
            return "pools, select and questions need iterations of 1 or more; with 0, training uses only given data"
        if self.keep != "last" and not self.pools:
            return f"keep is {self.keep}, but no pool is sampled; set pools, or remove keep"
        if not self.iterations and not self.given:
            return "nothing to train on; set given: [seed]"
        if self.pools and (not self.select or self.select[0].kind != "right"):
            return "the first filter must be {kind: right}: incorrect solutions must not be trained on"
        return None

    def _what_is_scored(self) -> str | None:
        rewards = self.train.rewards if isinstance(self.train, Grpo) else ()
        readers = [f"filter {chosen.kind!r}" for chosen in self.select if needs_scores(chosen)]
        readers += [f"reward {reward.kind!r}" for reward in rewards if reads_scores(reward)]
        if readers and self.score is None:
            return f"the {readers[0]} reads scores, but no score set is named; set score: indiv"
        return None


Benchmarks = Annotated[tuple[Name, ...], Field(min_length=1)]


class Run(Options):
    """A grid of models, tasks, methods and seeds, evaluated on benchmarks."""

    models: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(description="Names of models.")
    tasks: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(description="Names of tasks to train on.")
    methods: Annotated[tuple[MethodName, ...], Field(min_length=1)] = Field(
        description="Names of methods; `base` is the untrained model, which is only evaluated."
    )
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63)], ...] = Field((0,), description="Seeds for data and sampling.")
    iterations: Count | None = Field(
        None, description="Number of iterations of every method; if none, each method's own."
    )
    benchmarks: Benchmarks | dict[Name, Benchmarks] | None = Field(
        None,
        description="Tasks whose test sets are used for evaluation, for all training tasks or by training task; if"
        " none, the training task's own.",
    )
    reference: MethodName | None = Field(
        None, description="Method that the others are compared with; if none, restem, or the run's first method."
    )

    def evaluated_on(self) -> dict[str, tuple[str, ...]]:
        """Return the benchmarks by training task."""
        given = self.benchmarks or {}
        return {task: (given.get(task) if isinstance(given, dict) else given) or (task,) for task in self.tasks}


class Config(Options):
    """The whole config, as in `config/config.yaml`."""

    run: Annotated[tuple[Name, ...], Field(min_length=1)] | Name = Field(
        description="The run, or runs, that plain `snakemake` builds."
    )
    results: Annotated[str, AfterValidator(_folder)] = Field("results", description="Folder for all outputs.")
    rehearse: bool = Field(
        False,
        description="Rehearse the run on a laptop: the same job graph with the embedded model, a few generated"
        " questions in each benchmark's layout, and few steps; results go to `<results>-rehearsal`.",
    )
    runs: dict[Name, Run] = Field(description="Runs by name; `snakemake NAME` builds one.")
    teacher: Teacher | None = Field(
        None,
        description="The teacher that distils missing `results/traces/{task}.jsonl` for seed sets.",
    )
    judge: Judge | None = Field(None, description="The model for the matcher `judge`.")
    track: Track = Field(Track(), description="Experiment trackers that log training metrics; does not affect outputs.")
    overrides: Settings = Field(Settings(), description="Stage options that override all others.")
    pools: dict[Name, Pool] = Field({}, description="Pools by name, in addition to the built-in ones.")
    scores: dict[Name, ScoreSet] = Field({}, description="Score sets by name, in addition to indiv and div.")
    models: dict[Name, Model] = Field({}, description="Models by name, in addition to config/models/*.yaml.")
    tasks: dict[Name, TaskEntry] = Field({}, description="Tasks by name, in addition to config/tasks/*.yaml.")
    methods: dict[MethodName, Method] = Field({}, description="Methods by name, in addition to config/methods/*.yaml.")
