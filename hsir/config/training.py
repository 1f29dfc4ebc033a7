"""Options of the stage train, by training type. The defaults are those of the paper (section 4.1, appendix B)."""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from hsir.config.devices import Devices, Single
from hsir.config.rollouts import RolloutEngine, TransformersRollouts
from hsir.options import Count, Dtype, Options
from hsir.rewards import Accuracy, Format, Reward

Loser = Literal["random", "nearest", "parent"]
SaveDtype = Literal["base", "float32", "bfloat16", "float16"]


class Limits(Options):
    """Limits on the training examples; used by the stage filter."""

    max_length: Count = Field(2048, description="Largest number of tokens, prompt included.")
    too_long: Literal["fail", "drop", "cut"] = Field(
        "drop", description="How to handle longer examples; `cut` truncates them, as the paper's trainer does."
    )
    when_empty: Literal["fail", "given_only"] = Field(
        "fail", description="If no solution is left: stop, or train on the given data only."
    )


class Lora(Options):
    """Low-rank adapters instead of all weights, for small GPUs; merged into the saved weights."""

    rank: Count = Field(16, description="Rank of the adapters.")
    alpha: Count = Field(32, description="Scale of the adapters, divided by the rank.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout of an adapter's inputs in training.")
    modules: Literal["all-linear"] | tuple[str, ...] = Field(
        "all-linear", description="Linear layers with an adapter, by the end of their names."
    )


class Training(Options):
    """Options shared by all training types; limits and batches count solutions, pairs of them, or questions."""

    start_from: Literal["base", "parent"] = Field(
        "base", description="Initial weights: the base model, or the policy that was sampled from."
    )
    learning_rate: float = Field(1e-5, gt=0, description="Peak learning rate.")
    batch_size: Count = Field(32, description="Examples per optimizer step, over all devices.")
    device_batch_size: Count = Field(4, description="Examples per forward pass on one device.")
    devices: Devices = Field(Single(), description="Training processes and their parallelism, by `kind`.")
    warmup_ratio: float = Field(0.1, ge=0, lt=1, description="Share of the steps used for warm-up.")
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = Field(
        "cosine", description="Learning rate after the warm-up."
    )
    weight_decay: float = Field(0.0, ge=0, description="AdamW's weight decay.")
    save_steps: Count = Field(100, description="Steps between resumable checkpoints.")
    dtype: Dtype = Field("float32", description="Number format of the forward pass; weights are trained in float32.")
    save_dtype: SaveDtype = Field(
        "base", description="Number format of the saved policy; `base`: that of the initial weights."
    )
    checkpointing: Literal["gpu", "on", "off"] = Field(
        "gpu", description="Recompute activations in the backward pass to save memory: on a GPU, always, or never."
    )
    lora: Lora | None = Field(None, description="Train low-rank adapters instead of all weights.")
    limits: Limits = Field(Limits(), description="Limits on the training examples.")

    learns_from: ClassVar[Literal["solutions", "pairs", "questions"]] = "solutions"
    """The type of a training row: a correct solution, a pair of a correct and a failed one, or a question alone."""

    @property
    def rollouts(self) -> int:
        """Forward rows per example."""
        return 1

    @property
    def in_a_step(self) -> int:
        """Examples per optimizer step, over all devices."""
        return self.batch_size

    @property
    def accumulation(self) -> int:
        """Forward passes per optimizer step; raises ValueError if the batch cannot be split evenly."""
        rows, processes = self.in_a_step * self.rollouts, self.devices.processes
        if rows % (self.device_batch_size * processes):
            raise ValueError(
                f"batch_size {self.in_a_step}{f' x {self.rollouts} rollouts' if self.rollouts > 1 else ''} is not"
                f" a multiple of device_batch_size {self.device_batch_size}"
                f"{f' x {processes} processes' if processes > 1 else ''}; change either"
            )
        return rows // (self.device_batch_size * processes)

    @property
    def at_once(self) -> int:
        """Rows that the trainer receives at once on one device."""
        return self.device_batch_size

    @abstractmethod
    def steps(self, examples: int) -> int:
        """Return the number of optimizer steps."""

    @model_validator(mode="after")
    def _on_devices(self) -> "Training":
        if self.lora is not None and self.devices.deepspeed() is not None:
            kind = self.devices.kind
            raise ValueError(f"devices is {kind}, which cannot merge lora adapters yet; set ddp or single")
        return self


class Offline(Training):
    """Training on a fixed training set."""

    epochs: Count = Field(3, description="Number of passes over the training set.")
    tokens_per_pass: Count | None = Field(
        None,
        description="Maximum number of tokens per forward pass, including padding; replaces `device_batch_size`. For"
        " pairs, both texts count; an example above the maximum gets its own pass. Requires a single process.",
    )

    @property
    def at_once(self) -> int:
        return self.batch_size if self.tokens_per_pass else self.device_batch_size

    @property
    def accumulation(self) -> int:
        """Batches per optimizer step: one with `tokens_per_pass`."""
        return 1 if self.tokens_per_pass else super().accumulation

    def steps(self, examples: int) -> int:
        """Return the number of optimizer steps; the last one of an epoch may be smaller."""
        return self.epochs * -(-examples // self.batch_size)

    @model_validator(mode="after")
    def _cut_by_one(self) -> "Offline":
        if self.tokens_per_pass and self.devices.processes > 1:
            raise ValueError(
                f"tokens_per_pass needs a single process, and devices has {self.devices.processes}; set"
                " device_batch_size instead"
            )
        return self


class Sft(Offline):
    """Supervised fine-tuning (paper, eq. 1) with TRL's SFTTrainer."""

    kind: Literal["sft"] = "sft"


class Dpo(Offline):
    """Preference learning on pairs (paper, eq. 2) with TRL's DPOTrainer: DPO, plus the winner's mean NLL per token."""

    kind: Literal["dpo"] = "dpo"
    start_from: Literal["base", "parent"] = Field(
        "parent", description="Initial weights, and the reference: the base model, or the policy that was sampled from."
    )
    learning_rate: float = Field(1e-6, gt=0, description="Peak learning rate.")
    batch_size: Count = Field(16, description="Pairs per optimizer step, over all devices.")
    beta: float = Field(0.1, gt=0, description="Strength of the penalty for deviating from the reference.")
    nll_weight: float = Field(
        0.5, ge=0, description="Weight of the winner's NLL (a mean over its tokens, then over pairs)."
    )

    loser: Loser = Field(
        "random",
        description="Failed solution that a winner is paired with: a random one of its question (paper), the nearest"
        " in length, or the one that it was recycled from (`parent`; a random one if it was not recycled).",
    )

    learns_from: ClassVar[Literal["solutions", "pairs", "questions"]] = "pairs"


def _is_none(value: object) -> bool:
    """Leave an option out of the JSON where it is not set: policies trained before it existed stay valid."""
    return value is None


class Grpo(Training):
    """Reinforcement learning with verifiable rewards (paper, eq. 6 to 10) with TRL's GRPOTrainer and a token-level
    loss."""

    kind: Literal["grpo"] = "grpo"
    start_from: Literal["base", "parent"] = Field("parent", description="Initial weights, and the reference of the KL.")
    learning_rate: float = Field(1e-6, gt=0, description="Peak learning rate.")
    batch_size: Count = Field(14, description="Questions per optimizer step, over all devices.")
    batch_counts: Literal["questions", "rollouts"] = Field(
        "questions",
        description="What `batch_size` counts: questions, or rollouts, which must be a multiple of `group_size`.",
    )
    device_batch_size: Count = Field(4, description="Rollouts per forward pass on one device.")
    max_steps: Count = Field(300, description="Optimizer steps.")
    group_size: int = Field(8, ge=2, description="Rollouts per question.")
    temperature: float = Field(1.0, gt=0, description="Divides the logits when rollouts are sampled.")
    max_new_tokens: Count = Field(2048, description="Token limit of a rollout.")
    engine: RolloutEngine = Field(TransformersRollouts(), description="Engine that generates rollouts, by `kind`.")
    epsilon: float = Field(0.2, gt=0, description="Clipping range of a token's probability ratio around 1.")
    epsilon_high: float | None = Field(
        None, gt=0, description="Clipping range above 1, if it is not `epsilon` (DAPO's clip-higher)."
    )
    beta: float = Field(0.04, ge=0, description="Weight of the KL to the initial policy.")
    resample: int = Field(
        0, ge=0, description="Times that questions whose rollouts all have the same reward are replaced by others."
    )
    advantages: Literal["group", "batch", "none"] = Field(
        "group", description="Which standard deviation normalizes the advantage: the group's, the batch's, or none."
    )
    majority: float | None = Field(
        None,
        gt=0,
        le=1,
        exclude_if=_is_none,
        description="Judge rollouts without gold answers: the answer that at least this share of a question's rollouts"
        " give counts as correct. If none, the gold answer.",
    )
    rewards: Annotated[tuple[Reward, ...], Field(min_length=1)] = Field(
        (Accuracy(), Format()), description="Rewards, by `kind`; a rollout gets their weighted sum."
    )

    learns_from: ClassVar[Literal["solutions", "pairs", "questions"]] = "questions"

    @property
    def rollouts(self) -> int:
        return self.group_size

    @property
    def in_a_step(self) -> int:
        """Questions per optimizer step, over all devices."""
        return self.batch_size if self.batch_counts == "questions" else self.batch_size // self.group_size

    @property
    def accumulation(self) -> int:
        """Forward passes per optimizer step; also raises ValueError if a group would be split over steps or devices."""
        processes = self.devices.processes
        if self.batch_counts == "rollouts" and self.batch_size % self.group_size:
            raise ValueError(
                f"batch_size {self.batch_size} counts rollouts and would split groups of {self.group_size}; make it a"
                " multiple of group_size, or set batch_counts: questions"
            )
        if self.in_a_step % processes:
            raise ValueError(
                f"batch_size {self.in_a_step} on {processes} processes would split groups of rollouts; make it a"
                f" multiple of {processes}"
            )
        return super().accumulation

    def steps(self, examples: int) -> int:
        """Return the number of optimizer steps."""
        return self.max_steps

    @model_validator(mode="after")
    def _resampled_alike(self) -> "Grpo":
        if self.resample and self.devices.kind == "zero3":
            raise ValueError(
                "devices is zero3, whose processes score in step, and resample lets them differ; set zero2"
            )
        return self

    @model_validator(mode="after")
    def _named_once(self) -> "Grpo":
        kinds = [reward.kind for reward in self.rewards]
        if len(set(kinds)) < len(kinds):
            raise ValueError(f"rewards name {', '.join(sorted({k for k in kinds if kinds.count(k) > 1}))} twice")
        return self


def _sft_by_default(given: Any) -> Any:
    return {"kind": "sft", **given} if isinstance(given, dict) else given


Train = Annotated[Sft | Dpo | Grpo, Field(discriminator="kind"), BeforeValidator(_sft_by_default)]


class TrainSettings(Options):
    """Training options by type."""

    sft: Sft = Field(Sft(), description="Options of `kind: sft`.")
    dpo: Dpo = Field(Dpo(), description="Options of `kind: dpo`.")
    grpo: Grpo = Field(Grpo(), description="Options of `kind: grpo`.")
