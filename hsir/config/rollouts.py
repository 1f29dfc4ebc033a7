"""Engines that generate rollouts during training, by `kind`."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from hsir.options import Count, Dtype, Options

Correction = Literal["sequence_mask", "sequence_truncate", "token_mask", "token_truncate", "none"]


class TransformersRollouts(Options):
    """Generate with the decoding loop of the stage sample; a rollout depends on the seed, step, question and number."""

    kind: Literal["transformers"] = "transformers"
    batch_size: int = Field(64, ge=1, description="Rollouts decoded together on one device.")


class VllmRollouts(Options):
    """Generate with vLLM, within the training process; much faster on GPUs.

    Before rollouts are generated, vLLM gets the current weights. It computes slightly different probabilities than the
    trainer, so the loss weights rollouts by the ratio of the two (importance sampling, as in TRL).
    """

    kind: Literal["vllm"]
    dtype: Dtype = Field("bfloat16", description="Number format of vLLM's copy of the weights.")
    memory_share: float = Field(
        0.3,
        gt=0,
        le=1,
        description="Share of a GPU's memory for vLLM: its weights and its cache (of main memory without a GPU).",
    )
    max_sequences: Count = Field(256, description="Largest number of rollouts decoded at once on one device.")
    sleep: bool = Field(
        True, description="Free vLLM's memory while the policy is trained; has no effect without a GPU."
    )
    correction: Correction = Field(
        "sequence_mask",
        description="How a ratio (trainer's probability to vLLM's) above `largest_ratio` is handled: of a whole rollout"
        " or of each token, set to 0 (`mask`) or to the largest (`truncate`). `none`: no weights.",
    )
    largest_ratio: float = Field(3.0, gt=1, description="Largest ratio of the correction.")


def _kind(given: Any) -> Any:
    return given.get("kind", "transformers") if isinstance(given, dict) else getattr(given, "kind", None)


RolloutEngine = Annotated[
    Annotated[TransformersRollouts, Tag("transformers")] | Annotated[VllmRollouts, Tag("vllm")],
    Discriminator(
        _kind, custom_error_type="engine", custom_error_message="unknown kind of engine; choose transformers or vllm",
    ),
]  # fmt: skip
