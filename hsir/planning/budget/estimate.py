"""Estimate work in samples, tokens, hours and bytes, from measurements or else from assumptions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch

from hsir.config import Plan
from hsir.config.home import found
from hsir.config.plan import EVAL, samples_of, test_set
from hsir.config.pools import DrawnPool, GuidePool, HintPool, ProbePool, SamplePool, VeriExitPool
from hsir.config.training import Grpo, Train
from hsir.planning.budget.assumptions import Assumptions
from hsir.planning.budget.measured import Measured
from hsir.planning.budget.work import Draw, Scoring, Training, Work
from hsir.storage import weights
from hsir.tasks.base import Split

Assume = Callable[[str], float]
WEIGHT_BYTES, TRAINER_BYTES = 4, 12
"""Bytes per parameter: the weight alone, and with both of AdamW's moments, all in float32."""
STATES = 3
"""Number of trainer checkpoints that exist at the same time: two are kept while the next is written."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of work, planned or done; `tokens` are generated, read or trained on, depending on the stage."""

    model: str
    stage: str
    name: str
    jobs: int
    samples: float
    tokens: float
    seconds: float
    gpu_seconds: float
    assumed: tuple[str, ...] = ()


@singledispatch
def drawn(pool: DrawnPool, questions: float, source: float, assume: Assume) -> float:
    """Estimate the number of completions of a pool; `source` is that of the pool it is derived from."""
    return questions * pool.samples


@drawn.register
def _sampled(pool: SamplePool, questions: float, source: float, assume: Assume) -> float:
    return questions / (pool.parts or 1) * pool.samples


@drawn.register
def _recycled(pool: VeriExitPool, questions: float, source: float, assume: Assume) -> float:
    return source * assume("failed") * assume("recyclable") * pool.samples


@drawn.register
def _probed(pool: ProbePool, questions: float, source: float, assume: Assume) -> float:
    solutions = source * assume("unsolved" if pool.unsolved else "failed")
    if pool.per_question is not None:
        solutions = min(solutions, questions * pool.per_question)
    return solutions * pool.most * (assume("mentioned") if pool.mentions else 1) * pool.samples


@drawn.register
def _hinted(pool: HintPool, questions: float, source: float, assume: Assume) -> float:
    return questions * assume("unsolved") * pool.samples


@drawn.register
def _guided(pool: GuidePool, questions: float, source: float, assume: Assume) -> float:
    return (source or questions) * pool.samples


class Estimator:
    """Estimates the items of a plan, and records the assumptions used."""

    def __init__(self, plan: Plan, measured: Measured, assumptions: Assumptions, on_cpu: bool = False) -> None:
        self.on_cpu = on_cpu and not measured.on_gpu
        """Whether jobs run without a GPU: hours are then those of CPU threads."""
        self._plan, self._measured, self._assumptions = plan, measured, assumptions
        self._used: set[str] = set()

    def items(self, work: Work) -> list[Item]:
        """Estimate all work, in order."""
        scorings = [one for one in work.scorings if self._plan.config.scores[one.score].kind == "indiv"]
        pieces: list[Draw | Scoring | Training] = [*work.draws, *scorings, *work.trainings]
        return [self.item(one) for one in pieces]

    def item(self, one: Draw | Scoring | Training) -> Item:
        """Estimate one item of work."""
        if isinstance(one, Draw):
            return self._drawing(one)
        return self._scoring(one) if isinstance(one, Scoring) else self._training(one)

    def parameters(self, model: str) -> float:
        """Return a model's number of parameters: from its folder, its config, its name, or an assumption."""
        named = self._plan.config.models[model]
        folder = found(named.path)
        known = weights.parameters(folder) if folder.is_dir() else named.parameters or weights.named(named.path)
        return known or self._assume("parameters")

    def disk(self, work: Work, items: Sequence[Item]) -> float:
        """Return the peak disk space in bytes: all policies and tables, and the states of parallel training runs."""
        states = sorted((self._state(one) for one in work.trainings), reverse=True)
        kept = sum(self._saved(one) for one in work.trainings)
        tokens = sum(item.tokens + item.samples * self._assumptions.prompt_tokens for item in items)
        return kept + tokens * self._assume("bytes_per_token") + sum(states[: int(self._assume("trainings_at_once"))])

    def noted(self) -> tuple[str, ...]:
        """Return the names of the assumptions used since the last call."""
        used, self._used = tuple(sorted(self._used)), set()
        return used

    def _assume(self, name: str) -> float:
        self._used.add(name)
        value: float = getattr(self._assumptions, name)
        return value

    def _saved(self, one: Training) -> float:
        """Return the bytes of a saved policy; `base` counts as float32 if no folder shows the base model's number
        format."""
        chosen = self._plan.train(one.model, one.task, one.policy).save_dtype
        folder = found(self._plan.config.models[one.model].path)
        own = weights.size(folder) if chosen == "base" and folder.is_dir() else None
        return own or self.parameters(one.model) * (2 if chosen in ("bfloat16", "float16") else WEIGHT_BYTES)

    def _state(self, one: Training) -> float:
        train = self._plan.train(one.model, one.task, one.policy)
        return self.parameters(one.model) * (WEIGHT_BYTES + (0 if train.lora else STATES * TRAINER_BYTES))

    def _drawing(self, one: Draw) -> Item:
        samples = self._samples(one)
        tokens = samples * self._length(one)
        stage = "evaluate" if one.pool.startswith(EVAL) else "sample"
        seconds, devices = self._time(stage, one.model, tokens, 2, "sampling_teraflops")
        jobs = self._plan.shards(one.model, one.task, one.pool)
        return self._item(one, stage, one.pool, jobs, samples, tokens, seconds, devices)

    def _scoring(self, one: Scoring) -> Item:
        draw = Draw(*one[:5])._replace(pool=self._plan.drawn_as(one.pool))
        scored = 1.0 if one.pool.startswith(EVAL) else 1 - self._failed(one.model, one.task)
        right = self._samples(draw) * scored
        tokens = right * self._solution(draw)
        seconds, devices = self._time("score", one.model, tokens, 1, "scoring_teraflops")
        return self._item(one, "score", f"{one.pool}, {one.score}", 1, right, tokens, seconds, devices)

    def _training(self, one: Training) -> Item:
        train = self._plan.train(one.model, one.task, one.policy)
        rollouts = train.learns_from == "questions"
        samples = self._passes(one, train)
        tokens = self._measured.ratio("trained", one.model, one.task, one.policy) or samples * self._row(one, train)
        seconds, devices = self._time(train.kind, one.model, tokens, 6, "training_teraflops")
        if rollouts and self._measured.ratio("tokens a second", train.kind, one.model) is None:
            seconds += self._time("sample", one.model, tokens, 2, "sampling_teraflops")[0]
        return self._item(one, "train", "", 1, samples, tokens, seconds, devices)

    def _item(
        self, one: Draw | Scoring | Training, stage: str, what: str, jobs: int, samples: float, tokens: float,
        seconds: float, devices: float,
    ) -> Item:  # fmt: skip
        name = "/".join([one.task, f"seed{one.seed}", one.policy, *([what] if what else [])])
        return Item(one.model, stage, name, jobs, samples, tokens, seconds, seconds * devices, self.noted())

    def _time(self, stage: str, model: str, tokens: float, operations: int, teraflops: str) -> tuple[float, float]:
        """Return the seconds and the devices of a job; evaluations use the rate of other pools if only that is
        known."""
        for known in (stage, *(["sample"] if stage == "evaluate" else [])):
            if rate := self._measured.ratio("tokens a second", known, model):
                return tokens / rate, self._measured.ratio("devices", known, model) or 0.0
        if self.on_cpu:
            return tokens * operations * self.parameters(model) / (self._assume("cpu_teraflops") * 1e12), 0.0
        size = max(self.parameters(model), self._assume("least_parameters"))
        return tokens * operations * size / (self._assume(teraflops) * 1e12), 1.0

    def _questions(self, task: str, split: Split) -> float:
        return self._plan.config.tasks[task].task.expected(split) or self._assume("questions")

    def _samples(self, one: Draw) -> float:
        if one.pool.startswith(EVAL):
            return self._questions(test_set(one.pool), "test") * samples_of(one.pool)
        pool = self._plan.pool(one.model, one.task, one.pool)
        source = self._samples(one._replace(pool=self._plan.drawn_as(pool.source))) if pool.source else 0.0
        measured = self._measured.ratio("drawn", one.model, one.task, one.pool)
        if measured is not None:
            return source * measured
        failed = self._measured.ratio("failed", one.model, one.task)
        return drawn(
            pool, self._questions(one.task, "unlabelled"), source,
            lambda name: failed if name == "failed" and failed is not None else self._assume(name),
        )  # fmt: skip

    def _failed(self, model: str, task: str) -> float:
        measured = self._measured.ratio("failed", model, task)
        return self._assume("failed") if measured is None else measured

    def _length(self, one: Draw) -> float:
        """Return the number of tokens generated per completion."""
        measured = self._measured.ratio("length", one.model, one.task, one.pool)
        pool = self._plan.pool(one.model, one.task, one.pool)
        if measured is None and pool.source is None and not one.pool.startswith(EVAL):
            measured = self._measured.ratio("length", one.model, one.task)
        return self._assume("length") * (pool.max_new_tokens or 0) if measured is None else measured

    def _solution(self, one: Draw) -> float:
        """Return the number of tokens of a complete solution; of a recycled one, the prefix plus the answer."""
        pool = self._plan.pool(one.model, one.task, one.pool)
        return self._length(one._replace(pool=self._plan.drawn_as(pool.of)) if isinstance(pool, VeriExitPool) else one)

    def _passes(self, one: Training, train: Train) -> float:
        """Return the number of rows that a training run reads, over all epochs or steps."""
        return train.steps(round(self._examples(one))) * train.in_a_step * train.rollouts

    def _examples(self, one: Training) -> float:
        method, sampled = self._plan.method(one.policy), [self._plan.parent(one.policy), *self._plan.others(one.policy)]
        splits: dict[str, Split] = {"seed": "seed", "gold": "unlabelled", "questions": "unlabelled"}
        given = sum(self._questions(one.task, splits[name]) for name in method.given)
        drawn_as = [self._plan.drawn_as(pool) for pool in method.pools]
        pools = [Draw(one.model, one.task, one.seed, policy, pool) for policy in sampled for pool in drawn_as]
        left = sum(self._samples(draw) for draw in pools) * (1 - self._failed(one.model, one.task) if pools else 0)
        for chosen in method.select[1:]:
            if chosen.kind == "at_most":
                left = min(left, self._questions(one.task, "unlabelled") * chosen.per_question)
            else:
                left *= self._assume("kept")
        return given + left

    def _row(self, one: Training, train: Train) -> float:
        """Return the number of tokens of a training row; of a pair, both sides."""
        limit = self._plan.settings(one.model, one.task).sample.max_new_tokens
        if isinstance(train, Grpo):
            limit = train.max_new_tokens
        measured = self._measured.ratio("length", one.model, one.task)
        length = self._assume("length") * limit if measured is None else measured
        sides = 2 if train.learns_from == "pairs" else 1
        return sides * (self._assume("prompt_tokens") + length)
