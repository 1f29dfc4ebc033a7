"""Callbacks of training: completion marks, log lines, and the names of a failing batch."""

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from hsir import stopping
from hsir.errors import HsirError
from hsir.progress import Progress, say
from hsir.storage import tables
from hsir.training.checkpoints import WHOLE


class MarkWhole(TrainerCallback):  # type: ignore[misc]
    """Mark a checkpoint once it is complete: one without the mark was interrupted by a kill, and is not resumed.

    The mark contains the seconds of training so far, including those before a kill.
    """

    def __init__(self, before: float) -> None:
        self._before, self._began = before, time.monotonic()

    @property
    def seconds(self) -> float:
        """Return the seconds of training so far."""
        return self._before + time.monotonic() - self._began

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        # Each process saves a part; the mark covers all of them.
        PartialState().wait_for_everyone()
        if state.is_world_process_zero:
            mark = Path(args.output_dir or "", f"checkpoint-{state.global_step}", WHOLE)
            tables.write_json({"seconds": self.seconds}, mark)


class StopAtNaN(TrainerCallback):  # type: ignore[misc]
    """Stop if the loss is not a number, before the result is saved in a checkpoint; name the batch."""

    def __init__(self, batch: Callable[[], list[str]]) -> None:
        self._batch = batch

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl,
        logs: dict[str, float] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if logs and not math.isfinite(float(logs.get("loss", 0.0))):
            batch = gather_object(self._batch())
            raise HsirError(
                f"the loss is {logs['loss']} at step {state.global_step}, of {', '.join(batch)}; the last complete"
                " checkpoint is kept: lower learning_rate, or check these"
            )


class SaveAndStop(TrainerCallback):  # type: ignore[misc]
    """On SIGTERM, save a checkpoint after the current step, and stop; all processes stop at the same step."""

    def __init__(self, told: threading.Event) -> None:
        self._told = told

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if any(gather_object([self._told.is_set()])):
            if state.is_world_process_zero:
                say(f"received SIGTERM: saving a checkpoint at step {state.global_step}")
            control.should_save = control.should_training_stop = True


class BreakOff(TrainerCallback):  # type: ignore[misc]
    """On SIGTERM within a step, which takes minutes if it samples, save a checkpoint of the previous step.

    Only random generators and counts change between two steps: their state after the last one is kept.
    """

    def __init__(self) -> None:
        self._held: tuple[int, list[Any]] | None = None

    def watch(self, *models: torch.nn.Module) -> None:
        """Check before each forward pass, including that of each rollout token, whether to stop."""
        for model in models:
            model.register_forward_pre_hook(lambda *_: stopping.break_if_told())

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._held = state.num_input_tokens_seen, generators()

    def save(self, trainer: Trainer) -> None:
        """Save the checkpoint of the last step, unless it exists or there was no step."""
        step = trainer.state.global_step
        if self._held is None or Path(trainer.args.output_dir, f"checkpoint-{step}", WHOLE).is_file():
            return say(f"received SIGTERM: the checkpoint at step {step} is saved" if step else "received SIGTERM")
        say(f"received SIGTERM: saving a checkpoint at step {step}")
        trainer.state.num_input_tokens_seen, held = self._held
        set_generators(held)
        trainer._save_checkpoint(trainer.model_wrapped, None)
        trainer.callback_handler.on_save(trainer.args, trainer.state, trainer.control)
        return None


def generators() -> list[Any]:
    """Return the states of all random generators that a checkpoint contains."""
    on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return [random.getstate(), np.random.get_state(), torch.get_rng_state(), on_gpus]


def set_generators(held: list[Any]) -> None:
    """Restore their states."""
    random.setstate(held[0])
    np.random.set_state(held[1])
    torch.set_rng_state(held[2])
    if held[3]:
        torch.cuda.set_rng_state_all(held[3])


class Tell(TrainerCallback):  # type: ignore[misc]
    """Count steps and tokens, and show the last loss and reward."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._seen = progress, 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._seen = state.num_input_tokens_seen

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl,
        logs: dict[str, float] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if not logs or "loss" not in logs:
            return
        reward = f", reward {float(logs['reward']):.3f}" if "reward" in logs else ""
        steps, tokens = state.global_step - self._progress.done, state.num_input_tokens_seen - self._seen
        self._progress.advance(steps, tokens, f"loss {float(logs['loss']):.4f}{reward}")
        self._seen = state.num_input_tokens_seen


class Passes:
    """The rows of the last passes, so that those of a failing step can be named.

    This hooks the pass, not the collator: batches are collated ahead of their step.
    """

    def __init__(self, trainer: Trainer, names: Mapping[tuple[int, ...], str], passes: int) -> None:
        self._names, self._step = names, trainer.training_step
        self._last: deque[tuple[torch.Tensor, torch.Tensor]] = deque(maxlen=passes)
        trainer.training_step = self._noted

    def _noted(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], *rest: Any) -> torch.Tensor:
        self._last.append((inputs["input_ids"], inputs["attention_mask"].bool()))
        loss: torch.Tensor = self._step(model, inputs, *rest)
        return loss

    def names(self) -> list[str]:
        """Return the names of the last step's rows; pairs are named after the winner."""
        texts = [tuple(row[kept].tolist()) for ids, mask in self._last for row, kept in zip(ids, mask, strict=True)]
        return [self._names[text] for text in texts if text in self._names]
