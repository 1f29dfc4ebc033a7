"""Options of the stage train, by kind. The defaults are the paper's (section 4.1, appendix B)."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from hsir.config.devices import Devices, Single
from hsir.config.rollouts import RolloutEngine, TransformersRollouts
from hsir.options import Options
from hsir.rewards import Accuracy, Format, Reward

Count = Annotated[int, Field(ge=1)]
Dtype = Literal["float32", "bfloat16", "float16"]
SaveDtype = Literal["base", "float32", "bfloat16", "float16"]


class Limits(Options):
    """What may be trained on at all; read by the stage filter."""

    max_length: Count = Field(2048, description="Most tokens of a solution, prompt included.")
    too_long: Literal["fail", "drop", "cut"] = Field(
        "drop", description="What happens to longer ones; `cut` keeps their first tokens, as the paper's trainer does."
    )
    when_empty: Literal["fail", "given_only"] = Field(
        "fail", description="Where no solution is left: stop, or train on the given data alone."
    )


class Lora(Options):
    """Low-rank adapters in place of all weights, for small GPUs; merged into the weights that are saved."""

    rank: Count = Field(16, description="Rank of the adapters.")
    alpha: Count = Field(32, description="What adapters are multiplied by, divided by the rank.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of an adapter's inputs that is zeroed in training.")
    modules: Literal["all-linear"] | tuple[str, ...] = Field(
        "all-linear", description="Which linear layers get an adapter, by the end of their names."
    )


class Training(Options):
    """What all kinds of training share; limits and batches count solutions, pairs of them, or questions."""

    start_from: Literal["base", "parent"] = Field(
        "base", description="Weights to begin with: the base model, or the policy that was sampled from."
    )
    learning_rate: float = Field(1e-5, gt=0, description="Peak learning rate.")
    batch_size: Count = Field(32, description="Examples per optimizer step, over all devices.")
    device_batch_size: Count = Field(4, description="Examples per forward pass on one device.")
    devices: Devices = Field(Single(), description="Processes that train, and what they share, by `kind`.")
    warmup_ratio: float = Field(0.1, ge=0, lt=1, description="Share of the steps with a rising rate.")
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = Field(
        "cosine", description="Learning rate after the warm-up."
    )
    weight_decay: float = Field(0.0, ge=0, description="AdamW's weight decay.")
    save_steps: Count = Field(100, description="Steps between resumable checkpoints.")
    dtype: Dtype = Field("float32", description="Number format of the forward pass; weights are trained in float32.")
    save_dtype: SaveDtype = Field(
        "base", description="Number format that the policy is saved in; `base`: that of the weights it began with."
    )
    checkpointing: Literal["gpu", "on", "off"] = Field(
        "gpu", description="Compute activations again in the backward pass, for memory: on a GPU, always, never."
    )
    lora: Lora | None = Field(None, description="Train low-rank adapters in place of all weights.")
    limits: Limits = Field(Limits(), description="What may be trained on at all.")

    learns_from: ClassVar[Literal["solutions", "pairs", "questions"]] = "solutions"
    """What a row of the training set is: a right solution, one with a failed one beside it, or a bare question."""

    @property
    def rollouts(self) -> int:
        """Forward rows that one example stands for."""
        return 1

    @property
    def accumulation(self) -> int:
        """Forward passes an optimizer step; raises ValueError where the batch cannot be cut evenly."""
        rows, processes = self.batch_size * self.rollouts, self.devices.processes
        if rows % (self.device_batch_size * processes):
            raise ValueError(
                f"batch_size {self.batch_size}{f' x {self.rollouts} rollouts' if self.rollouts > 1 else ''} is no"
                f" multiple of device_batch_size {self.device_batch_size}"
                f"{f' x {processes} processes' if processes > 1 else ''}; change either"
            )
        return rows // (self.device_batch_size * processes)

    def steps(self, examples: int) -> int:
        """Count the optimizer steps."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _on_devices(self) -> "Training":
        if self.lora is not None and self.devices.deepspeed() is not None:
            kind = self.devices.kind
            raise ValueError(f"devices is {kind}, under which lora cannot be merged yet; set ddp, or single")
        return self


class Offline(Training):
    """Training on a set that is there before it begins."""

    epochs: Count = Field(3, description="Passes over the training set.")

    def steps(self, examples: int) -> int:
        """Count the optimizer steps; the last one of an epoch may be short."""
        return self.epochs * -(-examples // self.batch_size)


class Sft(Offline):
    """Supervised fine-tuning (paper, eq. 1), by TRL's SFTTrainer."""

    kind: Literal["sft"] = "sft"


class Dpo(Offline):
    """Preference learning on pairs (paper, eq. 2), by TRL's DPOTrainer: DPO, and the winner's mean NLL a token."""

    kind: Literal["dpo"] = "dpo"
    start_from: Literal["base", "parent"] = Field(
        "parent", description="Weights to begin with, which are the reference too: the policy that was sampled from."
    )
    learning_rate: float = Field(1e-6, gt=0, description="Peak learning rate.")
    batch_size: Count = Field(16, description="Pairs per optimizer step, over all devices.")
    beta: float = Field(0.1, gt=0, description="How strongly the policy is held to the reference.")
    nll_weight: float = Field(0.5, ge=0, description="Weight of the winner's NLL: a mean over its tokens, then pairs.")

    learns_from: ClassVar[Literal["solutions", "pairs", "questions"]] = "pairs"


class Grpo(Training):
    """Reinforcement learning with verifiable rewards (paper, eq. 6 to 10), by TRL's GRPOTrainer: token-level loss."""

    kind: Literal["grpo"] = "grpo"
    start_from: Literal["base", "parent"] = Field(
        "parent", description="Weights to begin with, which are the KL's reference too."
    )
    learning_rate: float = Field(1e-6, gt=0, description="Peak learning rate.")
    batch_size: Count = Field(14, description="Questions per optimizer step, over all devices.")
    device_batch_size: Count = Field(4, description="Rollouts per forward pass on one device.")
    max_steps: Count = Field(300, description="Optimizer steps.")
    group_size: int = Field(8, ge=2, description="Rollouts a question, whose rewards are compared.")
    temperature: float = Field(1.0, gt=0, description="Divides the logits when rollouts are sampled.")
    max_new_tokens: Count = Field(2048, description="Token limit of a rollout.")
    engine: RolloutEngine = Field(TransformersRollouts(), description="What draws rollouts, by `kind`.")
    epsilon: float = Field(
        0.2, gt=0, description="How far a token's probability ratio may leave 1 before it is clipped."
    )
    beta: float = Field(0.04, ge=0, description="Weight of the KL to the policy that training began with.")
    advantages: Literal["group", "batch", "none"] = Field(
        "group", description="Whose deviation a reward's distance from its group's mean is divided by."
    )
    rewards: Annotated[tuple[Reward, ...], Field(min_length=1)] = Field(
        (Accuracy(), Format()), description="What a rollout is rewarded for, by `kind`; their weighted sum counts."
    )

    learns_from: ClassVar[Literal["solutions", "pairs", "questions"]] = "questions"

    @property
    def rollouts(self) -> int:
        return self.group_size

    @property
    def accumulation(self) -> int:
        """Forward passes an optimizer step; raises ValueError where groups would straddle devices, too."""
        processes = self.devices.processes
        if self.batch_size % processes:
            raise ValueError(
                f"batch_size {self.batch_size} on {processes} processes would tear groups of rollouts apart; make it a"
                f" multiple of {processes}"
            )
        return super().accumulation

    def steps(self, examples: int) -> int:
        """Count the optimizer steps."""
        return self.max_steps

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
    """Training options by kind."""

    sft: Sft = Field(Sft(), description="Options of `kind: sft`.")
    dpo: Dpo = Field(Dpo(), description="Options of `kind: dpo`.")
    grpo: Grpo = Field(Grpo(), description="Options of `kind: grpo`.")
