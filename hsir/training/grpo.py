"""Reinforcement learning with TRL's GRPOTrainer: rollouts of the policy in training, graded, scored and rewarded."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from trl import GRPOConfig

from hsir.config.rollouts import RolloutEngine, VllmRollouts
from hsir.config.settings import Score
from hsir.config.training import Grpo
from hsir.diversity.indiv.reading import Solution, read
from hsir.diversity.indiv.score import batches, live
from hsir.errors import HsirError, InputError
from hsir.grading import Item
from hsir.grading.base import Grader
from hsir.grading.voting import majority, said
from hsir.progress import doing
from hsir.rewards import BaseReward, Reward, Rollout, reads_scores
from hsir.sampling.engines.base import library
from hsir.storage import tables
from hsir.training.questions import QuestionTrainer
from hsir.training.resample import Asking, Judge, Resampling

Names = Callable[[], list[str]]


@dataclass(frozen=True)
class Asked:
    """The judges of rollouts: the questions by id (table `questions`), their grader, and a score set."""

    questions: Mapping[str, tables.Row]
    grader: Grader
    score: Score
    opening: tuple[int, ...] = ()
    """Token ids with which all rollouts start."""


class Rollouts:
    """A step's completions as groups of rollouts, graded and scored once for all rewards."""

    def __init__(self, options: Grpo, asked: Asked, opening: str = "") -> None:
        self._options, self._asked, self._opening = options, asked, opening
        self._scored = any(map(reads_scores, options.rewards))
        self._by_vote = options.majority is not None
        self._of: Any = None
        self._kept: dict[Any, list[Rollout]] = {}
        self._seconds: dict[str, float] = defaultdict(float)
        self._groups: list[list[Rollout]] = []
        self.trainer: QuestionTrainer | None = None
        """The trainer whose policy scores; set once the trainer exists."""

    def names(self) -> list[str]:
        """Return the questions of the last step."""
        return [group[0].name.rsplit("-", 1)[0] for group in self._groups]

    def __call__(
        self, prompts: Sequence[list[int]], texts: Sequence[str], ids: Sequence[list[int]], names: Sequence[str],
        log: Callable[[str, float], None],
    ) -> list[list[Rollout]]:  # fmt: skip
        """Return the groups, in order, and log their statistics; raises HsirError as `judged` does."""
        if self._of is ids:
            return self._groups
        self._groups, self._of = self.judged(prompts, texts, ids, names), ids
        if self._scored:
            values = [one.indiv or 0.0 for group in self._groups for one in group]
            log("indiv/mean", math.fsum(values) / len(values))
        for name, seconds in self._seconds.items():
            log(f"{name}/seconds", seconds)
        self._kept, self._seconds = {}, defaultdict(float)
        return self._groups

    def judged(
        self, prompts: Sequence[list[int]], texts: Sequence[str], ids: Sequence[list[int]], names: Sequence[str]
    ) -> list[list[Rollout]]:  # fmt: skip
        """Grade and score groups, except those already judged in this step.

        Raises HsirError if a group contains more than one question.
        """
        size = self._options.group_size
        places = range(0, len(names), size)
        for group in (names[at : at + size] for at in places):
            if len(set(group)) > 1 or len(group) < size:
                raise HsirError(f"a group of rollouts is of {', '.join(sorted(set(group)))}: groups were split")
        keys = [(names[at], *map(tuple, ids[at : at + size])) for at in places]
        new = [at for key, at in zip(keys, places, strict=True) if key not in self._kept]
        rows = [n for at in new for n in range(at, at + size)]
        own = [ids[n] for n in rows]
        began = time.monotonic()
        doing(f"grading {len(rows)} rollouts")
        graded = self._graded([texts[n] for n in rows], own, [names[n] for n in rows])
        self._seconds["grading"] += time.monotonic() - began
        scored = self._by_policy(graded, [prompts[n] for n in rows], own) if self._scored else graded
        self._kept |= {
            keys[at // size]: scored[n : n + size] for at, n in zip(new, range(0, len(rows), size), strict=True)
        }
        return [self._kept[key] for key in keys]

    def _graded(self, texts: Sequence[str], ids: Sequence[list[int]], names: Sequence[str]) -> list[Rollout]:
        stops = set(self.trainer.eos_token_ids) if self.trainer else set()
        cut_off = [not one or one[-1] not in stops for one in ids]
        rows = [self._asked.questions[name] for name in names]
        texts = [self._opening + text for text in texts]
        items = [
            Item(text, "" if self._by_vote else row["gold"], dict(row["options"]) if row["options"] else None, cut)
            for text, row, cut in zip(texts, rows, cut_off, strict=True)
        ]
        rights = self._voted(items) if self._by_vote else self._right(items)
        return [
            Rollout(f"{name}-{n}", self._opening + text, len(one), right, cut, self._options.max_new_tokens)
            for n, (name, text, one, right, cut) in enumerate(zip(names, texts, ids, rights, cut_off, strict=True))
        ]

    def _right(self, items: Sequence[Item]) -> list[bool]:
        return [judgement.verdict == "right" for judgement in self._asked.grader.judge_all(iter(items))]

    def _voted(self, items: Sequence[Item]) -> list[bool]:
        """Return which rollouts give the majority answer of their group; none do without a majority."""
        grader, size, least = self._asked.grader, self._options.group_size, self._options.majority or 0.0
        answers = [said(item.completion, grader, item.options, item.truncated) for item in items]
        rights: list[bool] = []
        for at in range(0, len(items), size):
            group, options = answers[at : at + size], items[at].options
            first = majority(group, grader, options, least)
            rights += [bool(one and first and grader.same(one, first, options)) for one in group]
        return rights

    def _by_policy(
        self, graded: list[Rollout], prompts: Sequence[list[int]], ids: Sequence[list[int]]
    ) -> list[Rollout]:  # fmt: skip
        """Score rollouts with the policy that generated them, as it is in this step."""
        if self.trainer is None:
            raise HsirError("no policy to score with")
        began, options = time.monotonic(), self._asked.score
        solutions = [
            self._read(Solution(one.name, prompt, own)) for one, prompt, own in zip(graded, prompts, ids, strict=True)
        ]
        with live(self.trainer.accelerator.unwrap_model(self.trainer.model), options) as scorer:
            found: dict[str, Any] = {}
            for batch in batches(solutions, options.token_budget):
                doing(f"scoring rollouts, {len(found)}/{len(solutions)}")
                found |= dict(scorer.score(batch))
        values = [found[one.name].indiv for one in graded]
        self._seconds["indiv"] += time.monotonic() - began
        return [one._replace(indiv=value) for one, value in zip(graded, values, strict=True)]

    def _read(self, solution: Solution) -> Solution:
        """Select the part of a rollout to score; all of it if the requested reasoning is missing."""
        if self.trainer is None:
            return solution
        return read(solution, self.trainer.processing_class, self._asked.score) or solution


def grpo(
    shared: dict[str, Any], rows: list[tables.Row], options: Grpo, arguments: dict[str, Any], asked: Asked | None
) -> tuple[QuestionTrainer, Names]:
    """Build the trainer of `kind: grpo`, and a function that returns the questions of its last step (paper, eq. 6 to
    10).

    The loss is a mean over all tokens of the step, however many passes it takes; the initial policy is the KL's
    reference. A group's standard deviation is the sample one (n - 1), plus 1e-4, as in TRL.
    """
    if asked is None:
        raise InputError("train is grpo, which grades its own rollouts; give --questions and --task")
    library(options.engine.kind)
    longest = check_fits(shared["model"], rows, options, len(asked.opening))
    rollouts = Rollouts(options, asked, shared["processing_class"].decode(list(asked.opening)))
    config = GRPOConfig(
        **arguments, loss_type="dapo", epsilon=options.epsilon, epsilon_high=options.epsilon_high, beta=options.beta,
        scale_rewards=options.advantages, num_generations=options.group_size, temperature=options.temperature,
        max_completion_length=options.max_new_tokens, top_p=1.0, top_k=0,
        reward_weights=[reward.weight for reward in options.rewards], remove_unused_columns=False,
        **correction(options.engine),
        # TRL would also weight the KL by the probability ratio; equation 6 does not.
        use_bias_correction_kl=False,
        # `in_order` has fixed the order; TRL's sampler would draw a different one if a later epoch is resumed.
        shuffle_dataset=False,
    )  # fmt: skip
    drawn = in_order(rows, options, arguments["seed"])
    data = Dataset.from_list([asking(row, asked) for row in drawn])
    functions = [function(reward, rollouts) for reward in options.rewards]
    judged: dict[str, Any] = {"reward_funcs": functions, "train_dataset": data}
    resampling = None
    if options.resample:
        judge = judging(options.rewards, rollouts, shared["processing_class"])
        resampling = Resampling(options, [asking(row, asked) for row in rows], arguments["seed"], judge)
    sampled: dict[str, Any] = {"engine": options.engine, "longest": longest, "resampling": resampling}
    trainer = QuestionTrainer(**shared, **judged, **sampled, args=config)
    rollouts.trainer = trainer
    return trainer, rollouts.names


def correction(engine: RolloutEngine) -> dict[str, Any]:
    """Translate the correction for vLLM's probabilities into TRL's options; the own loop needs none."""
    if not isinstance(engine, VllmRollouts) or engine.correction == "none":
        return {"vllm_importance_sampling_correction": False}
    return {
        "vllm_importance_sampling_correction": True, "vllm_importance_sampling_mode": engine.correction,
        "vllm_importance_sampling_clip_max": engine.largest_ratio,
    }  # fmt: skip


def asking(row: tables.Row, asked: Asked) -> Asking:
    """Convert a question to the trainer's input."""
    return {"prompt": [*row["prompt_ids"], *asked.opening], "question_id": row["question_id"]}


def judging(rewards: Sequence[Reward], rollouts: Rollouts, tokenizer: Any) -> Judge:
    """Return a function that computes the weighted sum of rollouts' rewards, before TRL requests each reward."""

    def judge(asked: Sequence[Asking], ids: Sequence[list[int]]) -> list[float]:
        texts = tokenizer.batch_decode(ids, skip_special_tokens=True)
        names, prompts = [one["question_id"] for one in asked], [one["prompt"] for one in asked]
        groups = rollouts.judged(prompts, texts, ids, names)
        each = [[value for group in groups for value in checked(reward, group)] for reward in rewards]
        return [math.fsum(r.weight * v for r, v in zip(rewards, one, strict=True)) for one in zip(*each, strict=True)]

    return judge


def in_order(rows: list[tables.Row], options: Grpo, seed: int) -> list[tables.Row]:
    """Return the questions of all steps in TRL's order, epoch after epoch, as one epoch."""
    generator = torch.Generator().manual_seed(seed)
    an_epoch = len(rows) // options.in_a_step * options.in_a_step
    epochs = -(-options.max_steps * options.in_a_step // an_epoch)
    drawn = [n for _ in range(epochs) for n in torch.randperm(len(rows), generator=generator).tolist()[:an_epoch]]
    return [rows[n] for n in drawn[: options.max_steps * options.in_a_step]]


def function(reward: Reward, rollouts: Rollouts) -> Callable[..., list[float]]:
    """Wrap a reward as a function that TRL calls; it raises HsirError naming the reward and the question."""

    def rewarded(
        prompts: list[list[int]], completions: list[str], completion_ids: list[list[int]], question_id: list[str],
        log_metric: Callable[[str, float], None], **_: Any,
    ) -> list[float]:  # fmt: skip
        groups = rollouts(prompts, completions, completion_ids, question_id, log_metric)
        return [value for group in groups for value in checked(reward, group)]

    rewarded.__name__ = reward.kind
    return rewarded


def checked(reward: BaseReward, group: list[Rollout]) -> list[float]:
    """Reward a group; raises HsirError if the reward raises, or returns something that is not a number."""
    where = f"the reward {reward.kind} on question {group[0].name.rsplit('-', 1)[0]}"  # type: ignore[attr-defined]
    try:
        values: list[float] = reward(group)  # type: ignore[operator]
    except HsirError:
        raise
    except Exception as error:  # a reward may be user code
        raise HsirError(f"{where} failed: {error!r}; the last complete checkpoint is kept: fix the reward") from error
    if len(values) != len(group) or not all(map(math.isfinite, values)):
        raise HsirError(f"{where} gave {values}, for {len(group)} rollouts; the last complete checkpoint is kept")
    return values


def check_fits(model: Any, rows: list[tables.Row], options: Grpo, opening: int = 0) -> int:
    """Return the tokens of the longest prompt with its rollout; raises InputError if the model has fewer positions, or
    if there are too few questions for a step.
    """
    longest = max(rows, key=lambda row: len(row["prompt_ids"]))
    positions = model.config.get_text_config().max_position_embeddings
    needed = len(longest["prompt_ids"]) + opening + options.max_new_tokens
    if needed > positions:
        raise InputError(
            f"question {longest['question_id']}: its {len(longest['prompt_ids'])} tokens and max_new_tokens"
            f" {options.max_new_tokens} exceed the {positions} positions of the model; lower max_new_tokens"
        )
    if len(rows) < options.in_a_step:
        raise InputError(f"{len(rows)} questions, fewer than the {options.in_a_step} of a step; lower batch_size")
    return needed
