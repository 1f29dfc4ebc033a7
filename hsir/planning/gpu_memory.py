"""Estimate the memory that training needs on each GPU, and how to make it fit."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from hsir.config import Plan
from hsir.config.devices import Zero2, Zero3
from hsir.config.rollouts import VllmRollouts
from hsir.config.training import Grpo, Training
from hsir.planning import memory
from hsir.planning.budget.work import Work

VOCABULARY = 152_000
"""Vocabulary size if the model's folder is unavailable: that of Qwen2.5, the largest of the shipped models."""
CONTEXT = 1e9
"""Bytes of the CUDA context and of buffers."""
_WIDTH = 128
"""Approximate ratio of a transformer's width to its number of blocks; 12 x width^2 parameters per block."""
REMEDY = (
    "set `devices: {kind: zero3, processes: 8}`, `lora: {}`, or a smaller device_batch_size, max_length or, for vLLM in"
    " grpo, engine.memory_share"
)


@dataclass(frozen=True, slots=True)
class Need:
    """Memory per GPU of a model's largest training run of one type."""

    model: str
    training: str
    devices: str
    bytes: float


def needs(plan: Plan, work: Work, room: float) -> tuple[Need, ...]:
    """Estimate it for each model whose size is known, by training type, on GPUs of `room` bytes."""
    found: dict[tuple[str, str], Need] = {}
    for one in work.trainings:
        parameters = memory.known(plan.config.models[one.model])
        if parameters is None:
            continue
        train = plan.train(one.model, one.task, one.policy)
        vocabulary = memory.vocabulary(plan.config.models[one.model].path) or VOCABULARY
        devices = (
            train.devices.kind if train.devices.processes == 1 else f"{train.devices.kind} x {train.devices.processes}"
        )
        need = Need(one.model, train.kind, devices, each(train, parameters, vocabulary, room))
        known = found.setdefault((one.model, train.kind), need)
        found[one.model, train.kind] = max(known, need, key=lambda one: one.bytes)
    return tuple(found.values())


def too_large(found: Iterable[Need], room: float) -> list[Need]:
    """Return the training runs that do not fit in a GPU of `room` bytes."""
    return [need for need in found if need.bytes > room]


def each(train: Training, parameters: float, vocabulary: int, room: float) -> float:
    """Estimate the bytes on each GPU: weights, gradients, AdamW's moments, a reference, logits, activations.

    Activations assume checkpointing: one state per token and block. To generate rollouts, ZeRO-3 gathers all weights on
    each GPU, whose cache is not counted; vLLM takes its share of the GPU's `room`, and if it does not sleep, keeps it.
    Source of the shares: ZeRO (arXiv 1910.02054), section 5.
    """
    tokens = memory.in_a_pass(train) * (2 if train.learns_from == "pairs" else 1)
    blocks = math.cbrt(parameters / (12 * _WIDTH**2))
    activations = tokens * blocks * blocks * _WIDTH * 2
    learning = tokens * vocabulary * memory.LOGITS + activations
    share = memory.engine_share(train) * room
    kept = 0.0 if sleeps(train) else share
    return parameters * _states(train) + max(learning + kept, parameters * _gathered(train) + share) + CONTEXT


def _spread(train: Training) -> str:
    kind, processes = train.devices.kind, train.devices.processes
    return kind if processes == 1 else f"{kind} x {processes}"


def sleeps(train: Training) -> bool:
    """Return whether vLLM frees its memory while the policy is trained."""
    return isinstance(train, Grpo) and isinstance(train.engine, VllmRollouts) and train.engine.sleep


def _gathered(train: Training) -> int:
    """Give the bytes per parameter that each GPU holds in addition while it draws rollouts; vLLM holds its own copy."""
    if not (isinstance(train, Grpo) and isinstance(train.devices, Zero3)) or isinstance(train.engine, VllmRollouts):
        return 0
    return 4 if train.dtype == "float32" else 2


def _states(train: Training) -> float:
    """Return the bytes per parameter of weights, gradients, moments and reference, given the sharding."""
    frozen = isinstance(train, Grpo) and train.beta > 0 and train.lora is None
    if train.lora is not None:
        return memory.FROZEN
    share = 1 / int(train.devices.processes)
    if isinstance(train.devices, Zero3):
        kept = {"none": 16.0, "optimizer": 4.0, "all": 0.0}[train.devices.offload]
        return (kept + 4 * frozen) * share
    if isinstance(train.devices, Zero2):
        return 4 + (4 + (8 if train.devices.offload == "none" else 0)) * share + 4 * frozen
    return memory.TRAINED + 4 * frozen
