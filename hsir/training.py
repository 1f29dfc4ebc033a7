"""Fine-tune a policy with TRL's trainers: resumable, and not done until all that was planned was consumed."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from hsir import tables
from hsir.config.training import Dpo, Offline, Sft
from hsir.errors import HsirError
from hsir.progress import say

WHOLE = "whole"
MADE_BY = "made-by.json"


class MarkWhole(TrainerCallback):  # type: ignore[misc]
    """Mark a checkpoint once it is whole: one without the mark was cut off by a kill, and is not resumed."""

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            Path(args.output_dir or "", f"checkpoint-{state.global_step}", WHOLE).touch()


class StopAtNaN(TrainerCallback):  # type: ignore[misc]
    """Stop where the loss is no number, before a checkpoint is made of what came of it."""

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl,
        logs: dict[str, float] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if logs and not math.isfinite(float(logs.get("loss", 0.0))):
            raise HsirError(
                f"the loss is {logs['loss']} within the steps up to {state.global_step}; the last whole checkpoint is"
                " kept: lower learning_rate, or look at what is trained on around there"
            )


class Tell(TrainerCallback):  # type: ignore[misc]
    """Write a line on the loss now and then, for whoever reads the log."""

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl,
        logs: dict[str, float] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if logs and "loss" in logs:
            say(f"step {state.global_step}/{state.max_steps}, loss {float(logs['loss']):.4f}")


def finetune(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: list[tables.Row], options: Offline,
    seed: int, state_folder: Path, made_by: tables.Row,
) -> tables.Row:  # fmt: skip
    """Train `model` in place on rows of the table `filtered`; give the losses and counts.

    State that another making left in `state_folder` is thrown away; its own is resumed. Raises HsirError
    where the steps or tokens consumed are not those planned, and where a loss is no number.
    """
    if torch.cuda.device_count() > 1:
        raise HsirError("several GPUs are visible, and training takes one; set CUDA_VISIBLE_DEVICES to one of them")
    resume = resumable(state_folder, made_by)
    make = TRAINERS[type(options)]
    trainer = make(model, tokenizer, rows, options, arguments(options, seed, state_folder))
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    planned = options.epochs * sum(length(row) for row in rows)
    try:
        check_consumed(trainer.state, planned, options.steps(len(rows)))
    except HsirError:
        forget(state_folder)
        raise
    losses = [{"step": e["step"], "loss": e["loss"]} for e in trainer.state.log_history if "loss" in e]
    return {"examples": len(rows), "steps": trainer.state.global_step, "tokens": planned, "losses": losses}


def sft(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: list[tables.Row], options: Sft,
    arguments: dict[str, Any],
) -> Trainer:  # fmt: skip
    """Make the trainer of `kind: sft`: the NLL of solutions, prompts left out."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    config = SFTConfig(**arguments, packing=False, activation_checkpointing=torch.cuda.is_available())
    return SFTTrainer(
        model=model, args=config, train_dataset=Dataset.from_list([_example(row) for row in rows]),
        processing_class=tokenizer, callbacks=[MarkWhole(), Tell(), StopAtNaN()],
    )  # fmt: skip


def dpo(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: list[tables.Row], options: Dpo,
    arguments: dict[str, Any],
) -> Trainer:  # fmt: skip
    """Make the trainer of `kind: dpo`; the model as it is now is the reference, asked once, before the first step."""
    from datasets import Dataset
    from trl import DPOConfig

    from hsir.preference import PairTrainer

    config = DPOConfig(
        **arguments, beta=options.beta, precompute_ref_log_probs=True,
        activation_checkpointing=torch.cuda.is_available(),
    )  # fmt: skip
    return PairTrainer(
        model=model, args=config, train_dataset=Dataset.from_list([_pair(row) for row in rows]),
        processing_class=tokenizer, callbacks=[MarkWhole(), Tell(), StopAtNaN()], nll_weight=options.nll_weight,
    )  # fmt: skip


TRAINERS: dict[type[Offline], Callable[..., Trainer]] = {Sft: sft, Dpo: dpo}


def check_consumed(state: TrainerState, tokens: int, planned_steps: int) -> None:
    """Raise HsirError unless the trainer consumed all that was planned, kills and restarts included."""
    seen = (state.global_step, int(state.num_input_tokens_seen))
    if seen != (planned_steps, tokens):
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


def arguments(options: Offline, seed: int, folder: Path) -> dict[str, Any]:
    """Translate the options into TRL's."""
    on_gpu = torch.cuda.is_available()
    return {
        "output_dir": str(folder), "seed": seed, "data_seed": seed, "report_to": "none", "disable_tqdm": True,
        "learning_rate": options.learning_rate, "lr_scheduler_type": options.schedule,
        "warmup_steps": options.warmup_ratio, "weight_decay": options.weight_decay,
        "num_train_epochs": options.epochs, "per_device_train_batch_size": options.device_batch_size,
        "gradient_accumulation_steps": options.accumulation,
        "max_length": None,
        # Not by length: that sampler's order is not restored in mid-epoch, and a resumed run would train on others.
        "train_sampling_strategy": "random",
        "include_num_input_tokens_seen": "non_padding", "logging_steps": 10, "dataloader_pin_memory": on_gpu,
        "save_strategy": "steps", "save_steps": options.save_steps, "save_total_limit": 2,
        "use_cpu": not on_gpu, "bf16": options.dtype == "bfloat16", "logging_nan_inf_filter": False,
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
