"""Stage options: how samples are drawn, scored and compared. The defaults are the paper's (section 4.1)."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from hsir.config.engines import Engine, TransformersEngine
from hsir.config.training import TrainSettings
from hsir.options import Count, Dtype, Options
from hsir.reducers import DEFAULT as DEFAULT_REDUCERS
from hsir.reducers import Reducer
from hsir.splitting import Layout


class Sample(Options):
    """How solutions are sampled."""

    engine: Engine = Field(TransformersEngine(), description="Generation engine, by `kind`; transformers by default.")
    shards: Count = Field(1, description="Number of jobs per pool.")
    max_new_tokens: Count = Field(2048, description="Token limit of a solution, unless its pool sets one.")
    outside_tags: bool = Field(
        False, description="Whether answers outside the answer tags count, in pools used for training."
    )


class Evaluate(Options):
    """How a policy is evaluated: greedy, zero-shot; with `samples`, also by several sampled answers per question."""

    samples: Annotated[int, Field(ge=2)] | None = Field(
        None,
        description="Sampled answers per question, in addition to the greedy one; their results have the name"
        " `<benchmark>@<samples>`. None: greedy only.",
    )
    temperature: float = Field(0.6, gt=0, description="Divides the logits of sampled answers.")
    top_p: float = Field(0.95, gt=0, le=1, description="Nucleus of sampled answers; 1 is all tokens.")
    reducers: Annotated[tuple[Reducer, ...], Field(min_length=1)] = Field(
        DEFAULT_REDUCERS, description="What is reported of the sampled answers to a question, by `kind`."
    )
    max_new_tokens: Count = Field(4096, description="Token limit of an answer.")
    shards: Count = Field(1, description="Number of jobs per benchmark.")
    outside_tags: bool = Field(
        True, description="Whether answers outside the answer tags count, if the task's grading looks for them."
    )

    @model_validator(mode="after")
    def _enough_samples(self) -> "Evaluate":
        for reducer in self.reducers:
            if self.samples is not None and reducer.needs > self.samples:
                raise ValueError(
                    f"reducer {reducer.kind} needs {reducer.needs} samples; set samples: {reducer.needs} or more"
                )
        return self


class Score(Options):
    """InDiv, the intrinsic diversity of a solution (paper, eq. 5); ARCHITECTURE.md shows which parts are
    reconstructed."""

    kind: Literal["indiv"] = "indiv"
    layer: Literal["middle"] | Count | Annotated[float, Field(gt=0, lt=1)] = Field(
        "middle",
        description="Block whose output states are read: `middle` (L/2), a fraction of the depth, or a number from 1.",
    )
    tokens: Literal["all", "think"] = Field(
        "all", description="Tokens to score: the whole solution, or only its reasoning."
    )
    states: Literal["token", "step"] | Count = Field(
        "token",
        description="One state per token (paper), per step of the reasoning, or per this many consecutive tokens; the"
        " state of several tokens is their mean, weighted by attention.",
    )
    steps: Layout | None = Field(
        None, description="Step separator for `states: step`; by default, that of the model's `traces`."
    )
    alpha: float = Field(1e-3, gt=0, description="Ridge on the covariance; must be small for tau = -0.5.")
    weights: Literal["max", "mean", "sum", "none"] = Field(
        "max", description="Divisor of the attention weights; `none` scores without weights (eq. 4)."
    )
    received: Literal["max", "mean"] = Field(
        "max", description="Attention that a token receives from itself and later tokens: the largest, or the mean."
    )
    scale: Literal["none", "dimension", "unit"] = Field(
        "none", description="Covariance unscaled, divided by d - 1, or of states with variance 1 (a correlation)."
    )
    dtype: Dtype = Field("float32", description="Number format of the forward pass; log-dets are float64.")
    token_budget: Count = Field(8192, description="Tokens per batch, including padding; halved if memory runs out.")


class Contamination(Options):
    """Allowed overlap of a training set with the test sets; texts are compared as words, ignoring case and
    punctuation."""

    exact: Literal["fail", "allow"] = Field(
        "fail", description="If training data contain a complete test question: stop before training, or train anyway."
    )
    ngrams: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        (13, 8), description="Lengths, in words, of the n-gram overlaps that the report counts."
    )


class BaseEmbedder(Options):
    """Embeds steps as vectors, for Div."""


class SentenceTransformers(BaseEmbedder):
    """Embed steps with a sentence model; the paper's is BGE-m3."""

    kind: Literal["sentence-transformers"] = "sentence-transformers"
    model: str = Field("BAAI/bge-m3", description="Folder or hub id of the sentence model.")
    revision: str | None = Field(None, description="Commit, tag or branch on the hub; if none, the newest.")
    pickled: bool = Field(
        False, description="Accept weights that are not safetensors; only tensors are loaded, no code."
    )
    batch_size: Count = Field(32, description="Steps embedded together.")


class Words(BaseEmbedder):
    """Count words and word pairs; needs no model and no network, but cannot detect paraphrases."""

    kind: Literal["words"] = "words"
    dimensions: Count = Field(1024, description="Number of hash buckets for words.")


Embedder = Annotated[SentenceTransformers | Words, Field(discriminator="kind")]


class Div(Options):
    """Div, the external diversity of a solution: the share of its steps that do not repeat an earlier one (paper, alg.
    1)."""

    embedder: Embedder = Field(SentenceTransformers(), description="How steps are embedded, by `kind`.")
    threshold: float = Field(
        0.85, gt=0, le=1, description="Cosine similarity to a kept step at which a step is dropped."
    )


class DivScore(Options):
    """Div as a score set; a model's `settings.div` configures it."""

    kind: Literal["div"] = "div"


def _indiv_by_default(given: Any) -> Any:
    return {"kind": "indiv", **given} if isinstance(given, dict) else given


ScoreSet = Annotated[Score | DivScore, Field(discriminator="kind"), BeforeValidator(_indiv_by_default)]
DEFAULT_SCORES: dict[str, dict[str, str]] = {
    "indiv": {},
    "indiv-steps": {"kind": "indiv", "states": "step", "scale": "unit"},
    "div": {"kind": "div"},
}


class Redundancy(Options):
    """Options of `snakemake analysis`: do InDiv and Div decrease if steps are repeated on purpose?"""

    solutions: Count = Field(200, description="Largest number of correct solutions to make more redundant.")


class TraceFormat(Options):
    """Format of a policy's reasoning."""

    steps: Layout = Field(
        "blank_line",
        description="Step separator, for VeriExit, probes, judges, Div and the report: a blank line, a line break,"
        " or the end of a sentence.",
    )


class Settings(Options):
    """Options of the stages, one block per stage."""

    traces: TraceFormat = Field(TraceFormat(), description="Format of the reasoning.")
    sample: Sample = Field(Sample(), description="Stage sample: engine, shards, token limit.")
    evaluate: Evaluate = Field(Evaluate(), description="Stage evaluate: shards, token limit.")
    contamination: Contamination = Field(
        Contamination(), description="Stage contamination: allowed overlap of training data with test sets."
    )
    train: TrainSettings = Field(TrainSettings(), description="Stage train: options by training type.")
    div: Div = Field(Div(), description="Div, as a score and in the analysis.")
    redundancy: Redundancy = Field(Redundancy(), description="Analysis of InDiv and Div with repeated steps.")


class Model(Options):
    """A base model."""

    path: str = Field(min_length=1, description="Folder or hub id of the base model.")
    parameters: float | None = Field(
        None, gt=0, description="Number of parameters, for estimates of memory and time, if the name does not show it."
    )
    chat_template: Path | None = Field(None, description="Jinja file with the chat template, for a model without one.")
    settings: Settings = Field(Settings(), description="Stage options for this model.")
