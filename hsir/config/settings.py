"""Stage options: how samples are drawn, scored and compared. The defaults are the paper's (section 4.1)."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from hsir.config.engines import Engine, TransformersEngine
from hsir.config.training import Count, Dtype, TrainSettings
from hsir.options import Options
from hsir.splitting import Layout


class Sample(Options):
    """How solutions are drawn."""

    engine: Engine = Field(TransformersEngine(), description="What generates: transformers, unless `kind` says else.")
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
    received: Literal["max", "mean"] = Field(
        "max", description="Attention that a token receives from later ones and itself: the largest, or their mean."
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


class Div(Options):
    """Div, the external diversity of a solution: the share of its steps that repeat no earlier one (paper, alg. 1)."""

    embedder: Embedder = Field(SentenceTransformers(), description="What steps are compared by, by `kind`.")
    threshold: float = Field(
        0.85, gt=0, le=1, description="Cosine similarity to a kept step at which a step is dropped."
    )


class DivScore(Options):
    """Div as a score set; a model's settings say how it is computed (`settings.div`)."""

    kind: Literal["div"] = "div"


def _indiv_by_default(given: Any) -> Any:
    return {"kind": "indiv", **given} if isinstance(given, dict) else given


ScoreSet = Annotated[Score | DivScore, Field(discriminator="kind"), BeforeValidator(_indiv_by_default)]
DEFAULT_SCORES: dict[str, dict[str, str]] = {"indiv": {}, "div": {"kind": "div"}}


class Redundancy(Options):
    """What `snakemake analysis` does: do InDiv and Div fall where steps are repeated on purpose?"""

    solutions: Count = Field(200, description="Right solutions, at most, that are made more redundant.")


class TraceFormat(Options):
    """How a policy writes its reasoning."""

    steps: Layout = Field(
        "blank_line",
        description="What parts its steps, for VeriExit, probes, judges, Div and the report: a blank line, a line, or"
        " the end of a sentence.",
    )


class Settings(Options):
    """Options of the stages, a block each."""

    traces: TraceFormat = Field(TraceFormat(), description="How reasoning is written.")
    sample: Sample = Field(Sample(), description="Stage sample: engine, shards, token limit.")
    evaluate: Evaluate = Field(Evaluate(), description="Stage evaluate: shards, token limit.")
    contamination: Contamination = Field(
        Contamination(), description="Stage contamination: what training data may share with test sets."
    )
    train: TrainSettings = Field(TrainSettings(), description="Stage train: options by kind of training.")
    div: Div = Field(Div(), description="Div, as a score and in the analysis.")
    redundancy: Redundancy = Field(Redundancy(), description="Analysis of InDiv, Div and repeated steps.")


class Model(Options):
    """A base model."""

    path: str = Field(description="Folder, or hub id, of the base model.")
    chat_template: Path | None = Field(None, description="Jinja file, for a model that has no template.")
    settings: Settings = Field(Settings(), description="Stage options that go with this model.")
