"""Estimate the memory for training on the CPU from the model's size: parallel jobs must fit into one machine."""

import os
import shutil
from collections.abc import Mapping
from typing import Any

from hsir import jsontext
from hsir.config import Plan
from hsir.config.home import found
from hsir.config.rollouts import VllmRollouts
from hsir.config.settings import Model
from hsir.config.training import Grpo, Offline, Training
from hsir.errors import InputError
from hsir.planning.budget.work import Work
from hsir.storage import weights

TRAINED, FROZEN = 16, 4
"""Bytes per parameter: a weight, its gradient and both of AdamW's moments in float32; a weight alone."""
PACKAGES = 0.7e9
"""Bytes of a process that has loaded torch and the trainers, but no model yet."""
LOGITS = 12
"""Bytes per logit: itself, a copy in float32, its gradient."""


def training(plan: Plan, model: str, task: str, policy: str) -> float | None:
    """Estimate the bytes that training needs in all processes; None if the model's size is unknown.

    Weights, gradients, the optimizer, the logits of the longest batch, vLLM's share of this machine if it generates the
    rollouts; activations of long texts come on top.
    """
    count, path = known(plan.config.models[model]), plan.config.models[model].path
    if count is None:
        return None
    train = plan.train(model, task, policy)
    reference = isinstance(train, Grpo) and train.beta > 0 and train.lora is None
    each = (FROZEN if train.lora else TRAINED) + (FROZEN if reference else 0)
    logits = in_a_pass(train) * vocabulary(path) * LOGITS
    return train.devices.processes * (count * each + logits + PACKAGES + engine_share(train) * machine())


def engine_share(train: Training) -> float:
    """Return the share of a device's memory that the engine of rollouts takes for itself."""
    return train.engine.memory_share if isinstance(train, Grpo) and isinstance(train.engine, VllmRollouts) else 0.0


def by_model(plan: Plan, work: Work) -> dict[str, float | None]:
    """Return the bytes of each model's largest training run; None if the model's size is unknown."""
    found: dict[str, float | None] = {}
    for one in work.trainings:
        most, before = training(plan, one.model, one.task, one.policy), found.get(one.model)
        found[one.model] = most if most is None or before is None else max(most, before)
    return found


def known(model: Model) -> float | None:
    """Return a model's number of parameters from its folder, its config or its name; None if it is unknown."""
    folder = found(model.path)
    try:
        return weights.parameters(folder) if folder.is_dir() else model.parameters or weights.named(model.path)
    except (InputError, OSError):
        return None


def machine() -> int:
    """Return this machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def without_gpu(profile: Mapping[str, Any] | None = None) -> bool:
    """Return whether jobs run on this machine's CPU: it has no GPU, and the profile submits nothing to a cluster."""
    handed_on = (profile or {}).get("executor", "local") != "local"
    return not handed_on and shutil.which("nvidia-smi") is None and (profile is not None or not shutil.which("sbatch"))


def in_a_pass(train: Training) -> int:
    """Return the maximum number of tokens in a forward pass; of pairs, those of one side."""
    budget = train.tokens_per_pass if isinstance(train, Offline) else None
    return max(budget, _longest(train)) if budget else train.device_batch_size * _longest(train)


def _longest(train: Training) -> int:
    return train.max_new_tokens if isinstance(train, Grpo) else train.limits.max_length


def vocabulary(path: str) -> int:
    """Return a model's vocabulary size, or 0 if its folder is unavailable."""
    try:
        told = jsontext.parse((found(path) / "config.json").read_text(encoding="utf-8"))
        return int(told.get("text_config", told).get("vocab_size", 0))
    except (OSError, ValueError, AttributeError):
        return 0
