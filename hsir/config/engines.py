"""Generation engines, by `kind`. The batch size is an option of the engine."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from hsir.options import Count, Dtype, Options


class BaseEngine(Options):
    """Options shared by all engines."""

    kind: str
    batch_size: Count
    dtype: Dtype

    @property
    def devices(self) -> int:
        """Number of GPUs that a job requests."""
        return 1


class TransformersEngine(BaseEngine):
    """Generate with transformers, on any CPU or GPU; samples do not depend on batches or shards."""

    kind: Literal["transformers"] = "transformers"
    batch_size: Count = Field(64, description="Samples per batch; a kill loses at most one batch.")
    dtype: Dtype = Field("float32", description="Number format of the weights.")


class VllmEngine(BaseEngine):
    """Generate with vLLM, which is much faster on GPUs; its samples differ from those of transformers.

    Shards run in parallel (data parallelism), each on `tensor_parallel` GPUs.
    """

    kind: Literal["vllm"]
    batch_size: Count = Field(
        1024, description="Samples per batch; a kill loses at most the current one and those ahead."
    )
    dtype: Dtype = Field("bfloat16", description="Number format of the weights.")
    tensor_parallel: Count = Field(
        1, description="Number of GPUs over which the model is split; a job requests as many."
    )
    memory_share: float = Field(
        0.9,
        gt=0,
        le=1,
        description="Share of a GPU's memory (of main memory without a GPU); lowered if memory runs out.",
    )
    max_sequences: Count | None = Field(
        None,
        description="Largest number of samples decoded at once; if none, vLLM's default, which depends on the GPU."
        " Halved if memory runs out.",
    )
    ahead: int = Field(
        1,
        ge=0,
        description="Batches that are submitted before the current one is finished, so that the GPU does not idle while"
        " the longest samples of a batch end. With 0, a sample depends on its batch alone; otherwise a resumed run can"
        " round differently, and so generate other tokens.",
    )

    @property
    def devices(self) -> int:
        return self.tensor_parallel


def _kind(given: Any) -> Any:
    """Return the kind of an engine; options without a kind belong to the default, and may be merged over any other."""
    return given.get("kind", "transformers") if isinstance(given, dict) else getattr(given, "kind", None)


Engine = Annotated[
    Annotated[TransformersEngine, Tag("transformers")] | Annotated[VllmEngine, Tag("vllm")],
    Discriminator(
        _kind, custom_error_type="engine", custom_error_message="unknown kind of engine; choose transformers or"
            " vllm (only the stage distill uses a server: `python -m hsir.stages.distill --endpoint ADDRESS`)",
    ),
]  # fmt: skip
