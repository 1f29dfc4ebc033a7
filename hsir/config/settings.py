"""Stage options: how samples are drawn, scored and trained on. The defaults are the paper's (section 4.1)."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hsir.matchers import Matcher
from hsir.options import Options

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
MethodName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
"""No dot: a policy is called <method>.<iteration>."""
Count = Annotated[int, Field(ge=1)]
Dtype = Literal["float32", "bfloat16", "float16"]


class TransformersEngine(Options):
    """Generate with transformers: any CPU or GPU, and samples that no batch mate or shard changes."""

    kind: Literal["transformers"] = "transformers"
    batch_size: Count = Field(64, description="Samples decoded together; also what a kill can lose.")
    dtype: Dtype = Field("float32", description="Number format of the weights.")


class Sample(Options):
    """How solutions are drawn."""

    engine: TransformersEngine = Field(TransformersEngine(), description="What generates.")
    shards: Count = Field(1, description="Jobs that a pool is split into.")
    max_new_tokens: Count = Field(2048, description="Token limit of a solution, where its pool sets none.")
    outside_tags: bool = Field(
        False, description="Whether answers outside the answer tags count, in pools that are trained on."
    )


class Evaluate(Options):
    """How a policy is evaluated: greedy, zero-shot."""

    max_new_tokens: Count = Field(4096, description="Token limit of an answer.")
    shards: Count = Field(1, description="Jobs that a benchmark is split into.")
    outside_tags: bool = Field(
        True, description="Whether answers outside the answer tags count, where the task's grading looks for them."
    )


class Score(Options):
    """InDiv, the intrinsic diversity of a solution (paper, eq. 5); ARCHITECTURE.md says what is reconstructed."""

    kind: Literal["indiv"] = "indiv"
    layer: Literal["middle"] | Count | Annotated[float, Field(gt=0, lt=1)] = Field(
        "middle", description="Block whose output states are read: `middle` (L/2), a share of them, or one from 1."
    )
    tokens: Literal["all", "think"] = Field("all", description="Which tokens: of the whole solution, of its reasoning.")
    alpha: float = Field(1e-3, gt=0, description="Ridge on the covariance; must be small for tau = -0.5.")
    weights: Literal["max", "mean", "sum", "none"] = Field(
        "max", description="What the attention weights are divided by; `none` scores without weights (Div)."
    )
    scale: Literal["none", "dimension", "unit"] = Field(
        "none", description="Covariance as it is, divided by d - 1, or of states of variance 1 (a correlation)."
    )
    dtype: Dtype = Field("float32", description="Number format of the forward pass; log-dets are float64.")
    token_budget: Count = Field(8192, description="Tokens in a batch, padding included; halved where memory is short.")


class Contamination(Options):
    """What a training set may share with the test sets; texts are compared word by word, without case and signs."""

    exact: Literal["fail", "allow"] = Field(
        "fail", description="Where training data hold a whole test question: stop before training, or train on."
    )
    ngrams: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        (13, 8), description="Lengths, in words, of what test questions share with training data: the report counts it."
    )


class BaseEmbedder(Options):
    """What turns steps into vectors, for Div."""


class SentenceTransformers(BaseEmbedder):
    """Embed steps by a sentence model; the paper's is BGE-m3."""

    kind: Literal["sentence-transformers"] = "sentence-transformers"
    model: str = Field("BAAI/bge-m3", description="Folder, or hub id, of the sentence model.")
    revision: str | None = Field(None, description="Commit, tag or branch on the hub; its newest, if none.")
    pickled: bool = Field(False, description="Take weights that are no safetensors; read as tensors alone, no code.")
    batch_size: Count = Field(32, description="Steps embedded together.")


class Words(BaseEmbedder):
    """Count words and pairs of neighbours: no model and no network, but blind to a paraphrase."""

    kind: Literal["words"] = "words"
    dimensions: Count = Field(1024, description="Places that words are hashed to.")


Embedder = Annotated[SentenceTransformers | Words, Field(discriminator="kind")]


class Redundancy(Options):
    """What `snakemake analysis` does: do InDiv and Div fall where steps are repeated on purpose?"""

    solutions: Count = Field(200, description="Right solutions, at most, that are made more redundant.")
    embedder: Embedder = Field(SentenceTransformers(), description="What Div compares steps by, by `kind`.")
    threshold: float = Field(
        0.85, gt=0, le=1, description="Cosine similarity to a kept step at which Div drops a step (paper, alg. 1)."
    )


class Limits(Options):
    """What may be trained on at all; read by the stage filter."""

    max_length: Count = Field(2048, description="Most tokens of a solution, prompt included.")
    too_long: Literal["fail", "drop"] = Field("drop", description="What happens to longer ones; none is cut.")
    when_empty: Literal["fail", "given_only"] = Field(
        "fail", description="Where no solution is left: stop, or train on the given data alone."
    )


class Training(Options):
    """What all kinds of training share; limits and batches count solutions, or pairs of them."""

    start_from: Literal["base", "parent"] = Field(
        "base", description="Weights to begin with: the base model, or the policy that was sampled from."
    )
    learning_rate: float = Field(1e-5, gt=0, description="Peak learning rate.")
    batch_size: Count = Field(32, description="Examples per optimizer step, over all devices.")
    device_batch_size: Count = Field(4, description="Examples per forward pass on one device.")
    epochs: Count = Field(3, description="Passes over the training set.")
    warmup_ratio: float = Field(0.1, ge=0, lt=1, description="Share of the steps with a rising rate.")
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = Field(
        "cosine", description="Learning rate after the warm-up."
    )
    weight_decay: float = Field(0.0, ge=0, description="AdamW's weight decay.")
    save_steps: Count = Field(100, description="Steps between resumable checkpoints.")
    dtype: Dtype = Field("float32", description="Number format of the forward pass; weights stay float32.")
    limits: Limits = Field(Limits(), description="What may be trained on at all.")

    pairs: ClassVar[bool] = False
    """Whether it learns from pairs, a right solution and a failed one."""

    @property
    def accumulation(self) -> int:
        """Forward passes an optimizer step; raises ValueError where the batch cannot be cut evenly."""
        if self.batch_size % self.device_batch_size:
            raise ValueError(
                f"batch_size {self.batch_size} is no multiple of device_batch_size {self.device_batch_size};"
                " change either"
            )
        return self.batch_size // self.device_batch_size


class Sft(Training):
    """Supervised fine-tuning (paper, eq. 1), by TRL's SFTTrainer."""

    kind: Literal["sft"] = "sft"


class Dpo(Training):
    """Preference learning on pairs (paper, eq. 2), by TRL's DPOTrainer: DPO, and the winner's mean NLL a token."""

    kind: Literal["dpo"] = "dpo"
    start_from: Literal["base", "parent"] = Field(
        "parent", description="Weights to begin with, which are the reference too: the policy that was sampled from."
    )
    learning_rate: float = Field(1e-6, gt=0, description="Peak learning rate.")
    batch_size: Count = Field(16, description="Pairs per optimizer step, over all devices.")
    beta: float = Field(0.1, gt=0, description="How strongly the policy is held to the reference.")
    nll_weight: float = Field(0.5, ge=0, description="Weight of the winner's NLL: a mean over its tokens, then pairs.")

    pairs: ClassVar[bool] = True


class TrainSettings(Options):
    """Training options by kind."""

    sft: Sft = Field(Sft(), description="Options of `kind: sft`.")
    dpo: Dpo = Field(Dpo(), description="Options of `kind: dpo`.")


class Settings(Options):
    """Options of the stages, a block each."""

    sample: Sample = Field(Sample(), description="Stage sample: engine, shards, token limit.")
    evaluate: Evaluate = Field(Evaluate(), description="Stage evaluate: shards, token limit.")
    contamination: Contamination = Field(
        Contamination(), description="Stage contamination: what training data may share with test sets."
    )
    train: TrainSettings = Field(TrainSettings(), description="Stage train: options by kind of training.")
    redundancy: Redundancy = Field(Redundancy(), description="Analysis of InDiv, Div and repeated steps.")


class BasePool(Options):
    """What all pools have."""

    samples: Count = Field(description="Completions per prompt.")
    temperature: float = Field(1.0, ge=0, description="Divides the logits before sampling; 0 is greedy.")
    max_new_tokens: Count | None = Field(None, description="Token limit, if not that of the settings.")


class SamplePool(BasePool):
    """Solutions drawn afresh: K for every question."""

    kind: Literal["sample"]


class VeriExitPool(BasePool):
    """Failed solutions of another pool, cut where they arrive at the ground truth: J new answers each."""

    kind: Literal["veriexit"]
    of: Name = Field(description="The pool whose failed solutions are recycled.")
    max_new_tokens: Count | None = Field(64, description="Token limit of the answer.")
    matcher: Matcher = Field(Matcher(), description="When a step arrives at the ground truth.")


Pool = Annotated[SamplePool | VeriExitPool, Field(discriminator="kind")]


class Model(Options):
    """A base model."""

    path: str = Field(description="Folder, or hub id, of the base model.")
    chat_template: Path | None = Field(None, description="Jinja file, for a model that has no template.")
    settings: Settings = Field(Settings(), description="Stage options that go with this model.")
