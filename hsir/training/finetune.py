"""Train a policy with TRL's trainers: resumable, and finished only after all planned data was consumed."""

import math
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, cast

import torch
from accelerate import PartialState
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PrinterCallback, Trainer, TrainerState

from hsir import stopping
from hsir.config.training import Dpo, Grpo, Offline, Training
from hsir.errors import HsirError
from hsir.progress import Progress
from hsir.storage import tables
from hsir.storage.files import read_json
from hsir.storage.hardware import computing
from hsir.training import launch
from hsir.training.callbacks import BreakOff, MarkWhole, Passes, SaveAndStop, StopAtNaN, Tell
from hsir.training.checkpoints import WHOLE, forget, resumable
from hsir.training.distributed import blanks, gathered, take_device
from hsir.training.grpo import Asked, grpo
from hsir.training.order import Order

# A warning of transformers about a name that TRL uses, printed at every step.
warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")


Watch = Callable[[Trainer], None]
"""A hook that is applied to a trainer before it starts, for tracking."""


class Outcome(NamedTuple):
    """The outcome of a training run: a deterministic part, and a part that varies between runs."""

    told: tables.Row
    """Losses and counts."""
    cost: tables.Row
    """Seconds and devices."""
    weights: dict[str, torch.Tensor] | None = None
    """With DeepSpeed, all weights, in the first process; otherwise they are in the model."""


def finetune(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: list[tables.Row], options: Training,
    seed: int = 0, state_folder: Path | None = None, made_by: tables.Row | None = None, asked: Asked | None = None,
    watch: Watch | None = None,
) -> Outcome:  # fmt: skip
    """Train `model` in place on rows of the table `filtered`; returns the losses and counts, and the cost. To survive a
    kill, pass a folder for checkpoints and the provenance (`tables.provenance`): checkpoints with the same provenance
    are resumed, others are deleted. Without these, no checkpoint is kept. Raises HsirError if the consumed steps or
    tokens differ from those planned, or if a loss is not a number.
    """
    if state_folder is None:
        with TemporaryDirectory() as temporary:
            return finetune(model, tokenizer, rows, options, seed, Path(temporary), None, asked, watch)
    take_device(options)
    resume = resumable(state_folder, made_by) if made_by is not None else None
    clock = MarkWhole(read_json(resume / WHOLE)["seconds"] if resume else 0.0)
    blank = blanks(rows, options) if isinstance(options, Offline) else []
    given = arguments(options, seed, state_folder, options.steps(len(rows)))
    given |= {"save_strategy": "no"} if made_by is None else {}
    trainer = _trainer(model, tokenizer, rows, blank, options, given, asked)
    trainer.remove_callback(PrinterCallback)
    if watch is not None:
        watch(trainer)
    with stopping.at_leisure() as told_to_stop, shown(resume, options.steps(len(rows))) as tell:
        for callback in (clock, *tell, SaveAndStop(told_to_stop)):
            trainer.add_callback(callback)
        train(trainer, model, resume, told_to_stop)
    unlearnt = options.epochs * sum(map(length, blank)) if isinstance(options, Offline) else 0
    planned = unlearnt + options.epochs * sum(map(length, rows)) if isinstance(options, Offline) else None
    try:
        check_consumed(trainer.state, planned, options.steps(len(rows)))
    except HsirError:
        forget(state_folder)
        raise
    if options.lora is not None:
        trainer.accelerator.unwrap_model(trainer.model).merge_and_unload()
    model.eval()
    tokens = trainer.state.num_input_tokens_seen - unlearnt
    counts = {"examples": len(rows), "steps": trainer.state.global_step, "tokens": tokens}
    weights = gathered(model) if trainer.is_deepspeed_enabled else None
    return _outcome(trainer.state.log_history, counts, options, clock.seconds, weights)


def train(trainer: Trainer, model: PreTrainedModel, resume: Path | None, told_to_stop: threading.Event) -> None:
    """Train to the end, or until SIGTERM, after which there is a checkpoint of the last finished step.

    Several processes do not interrupt a step, because they would have to at the same place; they stop after it.
    """
    if PartialState().num_processes > 1:
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        return
    last = BreakOff()
    last.watch(*{id(one): one for one in (trainer.model, model)}.values())
    trainer.add_callback(last)
    try:
        with stopping.breakable(told_to_stop):
            trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    except stopping.Told:
        last.save(trainer)


def _outcome(
    log: list[dict[str, float]], counts: tables.Row, options: Training, seconds: float,
    weights: dict[str, torch.Tensor] | None,
) -> Outcome:  # fmt: skip
    """Summarize a trainer's logs and its cost."""
    on = computing()
    took = {"seconds": round(seconds, 1), **on, "devices": on["devices"] * options.devices.processes}
    history = [entry for entry in log if "loss" in entry]
    return Outcome(counts | told(history, options), took | times(history), weights)


@contextmanager
def shown(resume: Path | None, steps: int) -> Iterator[list[Tell]]:
    """Show the progress of training in the first process; yield the callbacks that report it."""
    if not launch.first():
        yield []
        return
    done = int(resume.name.removeprefix("checkpoint-")) if resume else 0
    with Progress("training", "steps", steps, done) as progress:
        yield [Tell(progress)]


def told(logged: list[dict[str, float]], options: Training) -> tables.Row:
    """Return a trainer's logs: the loss of each step, and what its training is about: preferences, or rollouts."""
    losses = {"losses": [{"step": entry["step"], "loss": entry["loss"]} for entry in logged]}
    if isinstance(options, Dpo):
        from hsir.training.dpo import preferences

        return losses | preferences(logged)
    return losses | (rollouts_told(logged, options) if isinstance(options, Grpo) else {})


def times(logged: list[dict[str, float]]) -> tables.Row:
    """Return the time of the steps in seconds, if the trainer logs it (reinforcement learning)."""
    names = {
        "seconds": "step_time", "rollouts": "rollouts/seconds", "grading": "grading/seconds", "indiv": "indiv/seconds",
    }  # fmt: skip
    steps = [{"step": e["step"], **{name: e[key] for name, key in names.items() if key in e}} for e in logged]
    return {"steps": steps} if any("step_time" in entry for entry in logged) else {}


def rollouts_told(logged: list[dict[str, float]], options: Grpo) -> tables.Row:
    """Sum the rollouts of all steps, and return the history of their rewards; lengths are in tokens."""
    a_step = options.in_a_step * options.group_size
    names = {
        "reward": "reward", "without_spread": "frac_reward_zero_std", "clipped": "completions/clipped_ratio",
        "length": "completions/mean_length", "kl": "kl", "indiv": "indiv/mean",
        "resampled": "resampled/questions",
    }  # fmt: skip
    rewards = {reward.kind: f"rewards/{reward.kind}/mean" for reward in options.rewards}
    course = [
        {"step": e["step"], **{name: e[key] for name, key in names.items() if key in e},
         "rewards": {name: e[key] for name, key in rewards.items()}}
        for e in logged
    ]  # fmt: skip
    generated = sum(round(entry["completions/mean_length"] * a_step) for entry in logged)
    read = int(logged[-1]["num_tokens"]) if logged else 0
    unused = [round(sum(entry.get(f"resampled/{what}", 0) for entry in logged)) for what in ("questions", "tokens")]
    return {
        "rollouts": a_step * len(logged) + unused[0] * options.group_size, "generated_tokens": generated + unused[1],
        "prompt_tokens": read - generated, "course": course,
    }  # fmt: skip


def _trainer(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: list[tables.Row], blank: list[tables.Row],
    options: Training, arguments: dict[str, Any], asked: Asked | None,
) -> Trainer:  # fmt: skip
    """Build the trainer, which reports the rows of a batch whose loss is not a number."""
    shared = {"model": model, "processing_class": tokenizer, "peft_config": adapters(options)}
    if isinstance(options, Grpo):
        trainer, batch = grpo(shared, rows, options, arguments, asked)
    else:
        data = rows + blank
        trainer = dpo(shared, data, options, arguments) if isinstance(options, Dpo) else sft(shared, data, arguments)
        trainer.tokens_per_pass = cast("Offline", options).tokens_per_pass
        names = {(*row["prompt_ids"], *row["completion_ids"]): row["sample_id"] for row in rows}
        batch = Passes(trainer, names, options.accumulation).names
        lengths, seed = [length(row) for row in rows], arguments["data_seed"]
        order = Order(lengths, options.batch_size, len(blank), seed, lambda: trainer.state.global_step)
        trainer._get_train_sampler = lambda *_: order
    trainer.add_callback(StopAtNaN(batch))
    return trainer


def sft(shared: dict[str, Any], rows: list[tables.Row], arguments: dict[str, Any]) -> Trainer:
    """Build the trainer of `kind: sft`: the NLL of solutions, without prompts.

    No packing: without a block-diagonal mask, packed solutions attend to one another.
    """
    from datasets import Dataset
    from trl import SFTConfig

    from hsir.training.sft import SolutionTrainer

    data = Dataset.from_list([_example(row) for row in rows])
    return SolutionTrainer(**shared, args=SFTConfig(**arguments, max_length=None, packing=False), train_dataset=data)


def dpo(shared: dict[str, Any], rows: list[tables.Row], options: Dpo, arguments: dict[str, Any]) -> Trainer:
    """Build the trainer of `kind: dpo`; the current model is the reference, evaluated once, before the first step."""
    from trl import DPOConfig

    from hsir.training.dpo import PairTrainer, stored

    config = DPOConfig(**arguments, max_length=None, beta=options.beta, precompute_ref_log_probs=True,
                       precompute_ref_batch_size=options.device_batch_size)  # fmt: skip
    data = stored([_pair(row) for row in rows], Path(arguments["output_dir"]))
    return PairTrainer(**shared, args=config, train_dataset=data, nll_weight=options.nll_weight)


def adapters(options: Training) -> Any:
    """Translate `lora` into peft's options; None if all weights are trained."""
    if options.lora is None:
        return None
    from peft import LoraConfig

    lora = options.lora
    modules = lora.modules if isinstance(lora.modules, str) else list(lora.modules)
    return LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=modules, task_type="CAUSAL_LM"
    )


def check_consumed(state: TrainerState, tokens: int | None, planned_steps: int) -> None:
    """Raise HsirError unless the trainer consumed everything planned, including before kills and restarts.

    If it generates its own samples, `tokens` is None, because the number is not known in advance.
    """
    seen = (state.global_step, int(state.num_input_tokens_seen))
    if seen != (planned_steps, seen[1] if tokens is None else tokens):
        raise HsirError(
            f"training consumed {seen[0]} steps and {seen[1]} tokens, but {planned_steps} and {tokens} were"
            " planned; the weights are discarded; rerun"
        )


def arguments(options: Training, seed: int, folder: Path, steps: int) -> dict[str, Any]:
    """Translate the shared training options into TRL's, for the given number of optimizer steps."""
    on_gpu = torch.cuda.is_available()
    offline = isinstance(options, Offline)
    return {
        "output_dir": str(folder), "seed": seed, "data_seed": seed, "report_to": "none", "disable_tqdm": True,
        "learning_rate": options.learning_rate, "lr_scheduler_type": options.schedule,
        "warmup_steps": warmup(options.warmup_ratio, steps), "weight_decay": options.weight_decay,
        **({"num_train_epochs": options.epochs} if isinstance(options, Offline) else {"max_steps": options.steps(0)}),
        "per_device_train_batch_size": options.at_once,
        "gradient_accumulation_steps": options.accumulation,
        # TRL's trainer counts the tokens of rollouts itself.
        "include_num_input_tokens_seen": "non_padding" if offline else "no",
        "logging_steps": 1, "dataloader_pin_memory": on_gpu,
        "save_strategy": "steps", "save_steps": options.save_steps, "save_total_limit": 2,
        "use_cpu": not on_gpu, "bf16": options.dtype == "bfloat16", "logging_nan_inf_filter": False,
        "deepspeed": options.devices.deepspeed(), "ddp_find_unused_parameters": False,
        "gradient_checkpointing": {"gpu": on_gpu, "on": True, "off": False}[options.checkpointing],
    }  # fmt: skip


def warmup(ratio: float, steps: int) -> int:
    """Return the number of warm-up steps: rounded up, but never all steps, because the first has the rate 0."""
    return min(math.ceil(ratio * steps), max(0, steps - 1))


def length(row: tables.Row) -> int:
    """Return the number of tokens of an example; for a pair, the prompt counts twice."""
    prompt = len(row["prompt_ids"])
    loser = prompt + len(row["loser_ids"]) if row["loser_ids"] is not None else 0
    return prompt + len(row["completion_ids"]) + loser


def _pair(row: tables.Row) -> dict[str, list[int]]:
    return {"prompt_ids": row["prompt_ids"], "chosen_ids": row["completion_ids"], "rejected_ids": row["loser_ids"]}


def _example(row: tables.Row) -> dict[str, list[int]]:
    prompt, completion = row["prompt_ids"], row["completion_ids"]
    return {"input_ids": [*prompt, *completion], "labels": [-100] * len(prompt) + completion}
