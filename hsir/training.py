"""Train a policy with TRL's trainers: resumable, and not done until all that was planned was consumed."""

import json
import math
import shutil
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate.utils import gather_object
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from hsir import stopping, tables
from hsir.config.training import Dpo, Grpo, Offline, Training
from hsir.errors import HsirError
from hsir.progress import say
from hsir.reinforcement import Asked, grpo

# Of transformers, about a name that TRL uses: a line at every step.
warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")

WHOLE = "whole"
MADE_BY = "made-by.json"
STEPS_TOLD = 10


class MarkWhole(TrainerCallback):  # type: ignore[misc]
    """Mark a checkpoint once it is whole: one without the mark was cut off by a kill, and is not resumed.

    The mark holds the seconds of training so far, those before a kill included.
    """

    def __init__(self, before: float) -> None:
        self._before, self._began = before, time.monotonic()

    @property
    def seconds(self) -> float:
        """Tell how long training took so far."""
        return self._before + time.monotonic() - self._began

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            mark = Path(args.output_dir or "", f"checkpoint-{state.global_step}", WHOLE)
            tables.write_json({"seconds": self.seconds}, mark)


class StopAtNaN(TrainerCallback):  # type: ignore[misc]
    """Stop where the loss is no number, before a checkpoint is made of what came of it; name the batch."""

    def __init__(self, batch: Callable[[], list[str]]) -> None:
        self._batch = batch

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl,
        logs: dict[str, float] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if logs and not math.isfinite(float(logs.get("loss", 0.0))):
            raise HsirError(
                f"the loss is {logs['loss']} at step {state.global_step}, of {', '.join(self._batch())}; the last whole"
                " checkpoint is kept: lower learning_rate, or look at these"
            )


class SaveAndStop(TrainerCallback):  # type: ignore[misc]
    """Told to stop, save a checkpoint behind the step that is under way, and end; all processes at the same step."""

    def __init__(self, told: threading.Event) -> None:
        self._told = told

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if any(gather_object([self._told.is_set()])):
            say(f"told to stop: saving a checkpoint at step {state.global_step}")
            control.should_save = control.should_training_stop = True


class Tell(TrainerCallback):  # type: ignore[misc]
    """Write a line on the loss now and then, for whoever reads the log."""

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl,
        logs: dict[str, float] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if logs and "loss" in logs and (state.global_step % STEPS_TOLD == 0 or state.global_step == state.max_steps):
            reward = f", reward {float(logs['reward']):.3f}" if "reward" in logs else ""
            say(f"step {state.global_step}/{state.max_steps}, loss {float(logs['loss']):.4f}{reward}")


class Passes:
    """The rows that a model's last forward passes were given, so that those of a failing step can be named.

    The model is watched, not the collator: batches are made ahead of their step.
    """

    def __init__(self, model: torch.nn.Module, names: Mapping[tuple[int, ...], str], passes: int) -> None:
        self._names = names
        self._last: deque[tuple[torch.Tensor, torch.Tensor]] = deque(maxlen=passes)
        model.register_forward_pre_hook(self._note, with_kwargs=True)

    def _note(self, _model: torch.nn.Module, _args: Any, given: dict[str, Any]) -> None:
        self._last.append((given["input_ids"], given["attention_mask"].bool()))

    def names(self) -> list[str]:
        """Name the rows of the last step; of pairs, by the winner."""
        texts = [tuple(row[kept].tolist()) for ids, mask in self._last for row, kept in zip(ids, mask, strict=True)]
        return [self._names[text] for text in texts if text in self._names]


class Outcome(NamedTuple):
    """What a training tells of itself: the same of the same making, and what differs from time to time."""

    told: tables.Row
    """Losses and counts."""
    cost: tables.Row
    """Seconds and devices."""


def finetune(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: list[tables.Row], options: Training,
    seed: int, state_folder: Path, made_by: tables.Row, asked: Asked | None = None,
) -> Outcome:  # fmt: skip
    """Train `model` in place on rows of the table `filtered`; give the losses and counts, and what it took.

    State that another making left in `state_folder` is thrown away; its own is resumed. Raises HsirError where the
    steps or tokens consumed are not those planned, and where a loss is no number.
    """
    if torch.cuda.device_count() > 1:
        raise HsirError("several GPUs are visible, and training takes one; set CUDA_VISIBLE_DEVICES to one of them")
    resume = resumable(state_folder, made_by)
    clock = MarkWhole(json.loads((resume / WHOLE).read_text())["seconds"] if resume else 0.0)
    trainer = _trainer(model, tokenizer, rows, options, arguments(options, seed, state_folder), asked)
    trainer.remove_callback(PrinterCallback)
    with stopping.at_leisure() as asked_to_stop:
        for callback in (clock, Tell(), SaveAndStop(asked_to_stop)):
            trainer.add_callback(callback)
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    planned = options.epochs * sum(length(row) for row in rows) if isinstance(options, Offline) else None
    try:
        check_consumed(trainer.state, planned, options.steps(len(rows)))
    except HsirError:
        forget(state_folder)
        raise
    if options.lora is not None:
        trainer.accelerator.unwrap_model(trainer.model).merge_and_unload()
    counts = {"examples": len(rows), "steps": trainer.state.global_step, "tokens": trainer.state.num_input_tokens_seen}
    took = {"seconds": round(clock.seconds, 1), "devices": torch.cuda.device_count()}
    history = [entry for entry in trainer.state.log_history if "loss" in entry]
    return Outcome(counts | told(history, options), took | times(history))


def told(logged: list[dict[str, float]], options: Training) -> tables.Row:
    """Give what a trainer logged: the loss of each step; of reinforcement learning, rewards and rollouts too."""
    losses = {"losses": [{"step": entry["step"], "loss": entry["loss"]} for entry in logged]}
    return losses | (rollouts_told(logged, options) if isinstance(options, Grpo) else {})


def times(logged: list[dict[str, float]]) -> tables.Row:
    """Give what the steps took, where a trainer logs it: those of reinforcement learning, in seconds."""
    names = {"seconds": "step_time", "indiv": "indiv/seconds"}
    steps = [{"step": e["step"], **{name: e[key] for name, key in names.items() if key in e}} for e in logged]
    return {"steps": steps} if any("step_time" in entry for entry in logged) else {}


def rollouts_told(logged: list[dict[str, float]], options: Grpo) -> tables.Row:
    """Sum the rollouts of all steps, and give the course of what they were rewarded for; lengths in tokens."""
    a_step = options.batch_size * options.group_size
    names = {
        "reward": "reward", "without_spread": "frac_reward_zero_std", "clipped": "completions/clipped_ratio",
        "length": "completions/mean_length", "kl": "kl", "indiv": "indiv/mean",
    }  # fmt: skip
    rewards = {reward.kind: f"rewards/{reward.kind}/mean" for reward in options.rewards}
    course = [
        {"step": e["step"], **{name: e[key] for name, key in names.items() if key in e},
         "rewards": {name: e[key] for name, key in rewards.items()}}
        for e in logged
    ]  # fmt: skip
    generated = sum(round(entry["completions/mean_length"] * a_step) for entry in logged)
    read = int(logged[-1]["num_tokens"]) if logged else 0
    counts = {"rollouts": a_step * len(logged), "generated_tokens": generated, "prompt_tokens": read - generated}
    return {**counts, "course": course}


def _trainer(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: list[tables.Row], options: Training,
    arguments: dict[str, Any], asked: Asked | None,
) -> Trainer:  # fmt: skip
    """Make the trainer, which tells the rows of a batch whose loss is no number."""
    shared = {"model": model, "processing_class": tokenizer, "peft_config": adapters(options)}
    if isinstance(options, Grpo):
        trainer, batch = grpo(shared, rows, options, arguments, asked)
    else:
        trainer = dpo(shared, rows, options, arguments) if isinstance(options, Dpo) else sft(shared, rows, arguments)
        names = {(*row["prompt_ids"], *row["completion_ids"]): row["sample_id"] for row in rows}
        batch = Passes(trainer.model, names, options.accumulation).names
    trainer.add_callback(StopAtNaN(batch))
    return trainer


def sft(shared: dict[str, Any], rows: list[tables.Row], arguments: dict[str, Any]) -> Trainer:
    """Make the trainer of `kind: sft`: the NLL of solutions, prompts left out.

    Nothing is packed: packed solutions see each other where attention is not told their borders.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    data = Dataset.from_list([_example(row) for row in rows])
    return SFTTrainer(**shared, args=SFTConfig(**arguments, max_length=None, packing=False), train_dataset=data)


def dpo(shared: dict[str, Any], rows: list[tables.Row], options: Dpo, arguments: dict[str, Any]) -> Trainer:
    """Make the trainer of `kind: dpo`; the model as it is now is the reference, asked once, before the first step."""
    from datasets import Dataset
    from trl import DPOConfig

    from hsir.preference import PairTrainer

    config = DPOConfig(**arguments, max_length=None, beta=options.beta, precompute_ref_log_probs=True)
    data = Dataset.from_list([_pair(row) for row in rows])
    return PairTrainer(**shared, args=config, train_dataset=data, nll_weight=options.nll_weight)


def adapters(options: Training) -> Any:
    """Translate `lora` into peft's options; None where all weights are trained."""
    if options.lora is None:
        return None
    from peft import LoraConfig

    lora = options.lora
    modules = lora.modules if isinstance(lora.modules, str) else list(lora.modules)
    return LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=modules, task_type="CAUSAL_LM"
    )


def check_consumed(state: TrainerState, tokens: int | None, planned_steps: int) -> None:
    """Raise HsirError unless the trainer consumed all that was planned, kills and restarts included.

    Where it samples by itself, `tokens` is None: how many there will be is not known before.
    """
    seen = (state.global_step, int(state.num_input_tokens_seen))
    if seen != (planned_steps, seen[1] if tokens is None else tokens):
        raise HsirError(
            f"training consumed {seen[0]} steps and {seen[1]} tokens, but {planned_steps} and {tokens} were planned;"
            " the weights are not kept; run again"
        )


def resumable(folder: Path, made_by: tables.Row) -> Path | None:
    """Give the newest whole checkpoint of the same making; take away everything else."""
    stamp = folder / MADE_BY
    if not stamp.is_file() or not tables.same_making(json.loads(stamp.read_text()), made_by):
        forget(folder)
        tables.write_json(made_by, stamp)
        return None
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    for broken in [path for path in found if not (path / WHOLE).is_file()]:
        shutil.rmtree(broken)
    whole = [path for path in found if path.is_dir()]
    if whole:
        say(f"resuming at {whole[-1].name}")
    return whole[-1] if whole else None


def forget(folder: Path) -> None:
    """Take the trainer's state away, its stamp first: what a kill leaves of it is then never resumed."""
    (folder / MADE_BY).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def arguments(options: Training, seed: int, folder: Path) -> dict[str, Any]:
    """Translate the options that all trainers share into TRL's."""
    on_gpu = torch.cuda.is_available()
    offline = isinstance(options, Offline)
    return {
        "output_dir": str(folder), "seed": seed, "data_seed": seed, "report_to": "none", "disable_tqdm": True,
        "learning_rate": options.learning_rate, "lr_scheduler_type": options.schedule,
        "warmup_steps": options.warmup_ratio, "weight_decay": options.weight_decay,
        **({"num_train_epochs": options.epochs} if isinstance(options, Offline) else {"max_steps": options.steps(0)}),
        "per_device_train_batch_size": options.device_batch_size,
        "gradient_accumulation_steps": options.accumulation,
        # Not by length: that sampler's order is not restored in mid-epoch, and a resumed run would train on others.
        "train_sampling_strategy": "random",
        # Of rollouts, TRL's trainer counts the tokens itself.
        "include_num_input_tokens_seen": "non_padding" if offline else "no",
        "logging_steps": 1, "dataloader_pin_memory": on_gpu,
        "save_strategy": "steps", "save_steps": options.save_steps, "save_total_limit": 2,
        "use_cpu": not on_gpu, "bf16": options.dtype == "bfloat16", "logging_nan_inf_filter": False,
        "activation_checkpointing": {"gpu": on_gpu, "on": True, "off": False}[options.checkpointing],
    }  # fmt: skip


def length(row: tables.Row) -> int:
    """Count the tokens of an example that a trainer is given: of a pair, the prompt's twice."""
    prompt = len(row["prompt_ids"])
    loser = prompt + len(row["loser_ids"]) if row["loser_ids"] is not None else 0
    return prompt + len(row["completion_ids"]) + loser


def _pair(row: tables.Row) -> dict[str, list[int]]:
    return {"prompt_ids": row["prompt_ids"], "chosen_ids": row["completion_ids"], "rejected_ids": row["loser_ids"]}


def _example(row: tables.Row) -> dict[str, list[int]]:
    prompt, completion = row["prompt_ids"], row["completion_ids"]
    return {"input_ids": [*prompt, *completion], "labels": [-100] * len(prompt) + completion}
