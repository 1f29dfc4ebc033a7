"""Multi-process training of one policy: devices, filling the last pass, gathering the weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import PreTrainedModel

from hsir.config.devices import Single, Zero3
from hsir.config.training import Training
from hsir.errors import HsirError
from hsir.storage import tables
from hsir.training import launch


def blanks(rows: list[tables.Row], options: Training) -> list[tables.Row]:
    """Return rows without loss that fill up the last pass of an epoch.

    Without them, processes would repeat rows from the beginning of the epoch. A single process needs none.
    """
    processes = options.devices.processes
    lacking = -len(rows) % (options.device_batch_size * processes) if processes > 1 else 0
    prompt = rows[0]["prompt_ids"][:1] * 2
    loser: list[int] | None = None if rows[0]["loser_ids"] is None else []
    return [{"prompt_ids": prompt, "completion_ids": [], "loser_ids": loser} for _ in range(lacking)]


def take_device(options: Training) -> None:
    """Assign each of several processes its own GPU; raises HsirError if there are too few."""
    gpus, devices = torch.cuda.device_count(), options.devices
    if isinstance(devices, Single):
        if gpus > 1:
            raise HsirError(
                f"{gpus} GPUs are visible, but training uses one; set `devices` in train.{options.kind} of"  # type: ignore[attr-defined]
                " the model's settings, or CUDA_VISIBLE_DEVICES to one of them"
            )
        return
    if 0 < gpus < devices.on_a_node:
        raise HsirError(f"devices.processes asks for {devices.on_a_node} GPUs per node, but {gpus} are visible")
    if gpus:
        torch.cuda.set_device(launch.place())


@contextmanager
def split(options: Training) -> Iterator[None]:
    """Shard a model among the processes while it is loaded in this block, if `devices` shards weights."""
    if not isinstance(options.devices, Zero3):
        yield
        return
    from transformers.integrations.deepspeed import HfDeepSpeedConfig

    zero = options.devices.deepspeed()["zero_optimization"]
    known = {key: value for key, value in zero.items() if value != "auto"}
    # Transformers looks up this object while loading, but holds no reference to it.
    kept = HfDeepSpeedConfig({"train_micro_batch_size_per_gpu": 1, "zero_optimization": known})
    yield
    del kept


def part() -> None:
    """Leave the process group: a process that exits with threads still listening to others may be aborted."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def gathered(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Gather DeepSpeed's float32 weights; all processes must call this, and the first one receives them.

    A tied weight occurs once. Raises HsirError for a weight that DeepSpeed does not have.
    """
    from deepspeed.utils import safe_get_full_fp32_param

    found: dict[str, Any] = {}
    for name, weight in model.named_parameters():
        whole = safe_get_full_fp32_param(weight)
        if whole is None:
            raise HsirError(f"DeepSpeed has no float32 weights of {name}")
        if launch.first():
            found[name] = whole.detach().float().cpu().clone()
    kept = model.state_dict().keys()
    return found | {name: buffer.cpu() for name, buffer in model.named_buffers() if name in kept and launch.first()}
