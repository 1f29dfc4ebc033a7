"""Devices for training: a single process, or several with one device each."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from hsir.options import Options

Offload = Literal["none", "optimizer", "all"]
OFFLOADED: dict[Offload, tuple[str, ...]] = {
    "none": (), "optimizer": ("offload_optimizer",), "all": ("offload_optimizer", "offload_param"),
}  # fmt: skip


class Single(Options):
    """One process, on the GPU if there is one."""

    kind: Literal["single"] = "single"
    processes: ClassVar[int] = 1
    nodes: ClassVar[int] = 1

    def deepspeed(self) -> dict[str, Any] | None:
        """Return None: DeepSpeed is not used."""
        return None


class Several(Options):
    """Processes started by `accelerate launch`, one per GPU; on a machine without GPUs, they share its cores."""

    processes: int = Field(ge=2, description="Total number of processes, one per GPU.")
    nodes: int = Field(
        1,
        ge=1,
        description="Number of nodes over which the processes are evenly distributed, with srun in a SLURM job.",
    )

    @property
    def on_a_node(self) -> int:
        """Return the number of processes per node."""
        return self.processes // self.nodes

    def deepspeed(self) -> dict[str, Any] | None:
        """Return DeepSpeed's config, or None if it is not used."""
        return None

    @model_validator(mode="after")
    def _even(self) -> "Several":
        if self.processes % self.nodes:
            raise ValueError(f"processes {self.processes} is not a multiple of nodes {self.nodes}; change either")
        return self


class Ddp(Several):
    """Each process has the full model, and gradients are averaged (DistributedDataParallel)."""

    kind: Literal["ddp"] = "ddp"


class Zero2(Several):
    """Gradients and optimizer state are sharded over the processes (DeepSpeed ZeRO-2)."""

    kind: Literal["zero2"] = "zero2"
    offload: Literal["none", "optimizer"] = Field("none", description="State to offload to CPU memory.")

    def deepspeed(self) -> dict[str, Any]:
        return _config(2, self.offload)


class Zero3(Several):
    """Weights are sharded too, and gathered where they are needed (DeepSpeed ZeRO-3)."""

    kind: Literal["zero3"] = "zero3"
    offload: Offload = Field("none", description="State to offload to CPU memory; `all` includes the weights.")

    def deepspeed(self) -> dict[str, Any]:
        return _config(3, self.offload)


Devices = Annotated[Single | Ddp | Zero2 | Zero3, Field(discriminator="kind")]


def _config(stage: int, offload: Offload) -> dict[str, Any]:
    """Build DeepSpeed's config; "auto" takes the trainer's own arguments."""
    places = {part: {"device": "cpu", "pin_memory": True} for part in OFFLOADED[offload]}
    # Otherwise the trainer's checkpoints contain everything twice.
    whole = {"stage3_gather_16bit_weights_on_model_save": True} if stage == 3 else {}
    auto = ("gradient_clipping", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps", "train_batch_size")
    return {
        "zero_optimization": {
            "stage": stage, "contiguous_gradients": True, "overlap_comm": True, "reduce_bucket_size": "auto", **places,
            **whole,
        },
        "bf16": {"enabled": "auto"},
        # Use torch's AdamW on the CPU, as on a GPU: DeepSpeed's own would have to be compiled at the start.
        "zero_force_ds_cpu_optimizer": False,
        **dict.fromkeys(auto, "auto"),
    }  # fmt: skip
