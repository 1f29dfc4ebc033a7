"""The time of a step of H-GRPO: with HSIR's own rollouts and passes, and with TRL's.

PYTHONPATH=. python benchmarks/grpo_rollouts.py > benchmarks/grpo_rollouts.md      (5 minutes)
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean, median
from types import SimpleNamespace
from typing import Any

import torch
import trl.trainer.grpo_trainer
from trl import GRPOTrainer

import hsir.training.grpo
import hsir.training.questions
from benchmarks.machine import described
from hsir.config.settings import Score
from hsir.config.training import Grpo
from hsir.rewards import Accuracy, Format, Indiv
from hsir.storage import tables
from hsir.storage.models import load_model, load_tokenizer, prompt_ids
from hsir.tasks.chains import Chains
from hsir.training.finetune import finetune
from hsir.training.grpo import Asked
from hsir.training.questions import QuestionTrainer

EMBEDDED = "hsir/embedded/model"
TASK = Chains(kind="chains", test=70)
PLANNED = 300
PARTS = {"rollouts": "rollouts", "grading": "rewards", "indiv": "InDiv"}


class Generating(QuestionTrainer):
    """The same training, with TRL's own rollouts and passes."""

    _prepare_inputs = GRPOTrainer._prepare_inputs
    _get_per_token_logps_and_entropies = GRPOTrainer._get_per_token_logps_and_entropies

    def _generate_single_turn(self, *given: Any, **named: Any) -> Any:
        began = time.process_time()
        drawn = GRPOTrainer._generate_single_turn(self, *given, **named)
        self._log_metric("rollouts/seconds", time.process_time() - began)
        return drawn


TRAINERS = {"TRL's": (Generating, 28), "HSIR's": (QuestionTrainer, 8)}
"""The trainers, and their number of rollouts per pass: for TRL, small passes are as fast as large ones."""


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=4, help="Steps per training run; the first is not counted.")
    parser.add_argument("--rounds", type=int, default=3, help="Training runs of each kind, alternating.")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    count_processor_time()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in TRAINERS}
    for _ in range(asked.rounds):
        for name, (trainer, size) in TRAINERS.items():
            found[name] += trained(trainer, size, asked.steps)
            print(name, found[name][-1], file=sys.stderr, flush=True)
    page(asked.steps, asked.rounds, found)


def count_processor_time() -> None:
    """Time steps and their parts by this process's processor time, because others share the machine."""
    clock = SimpleNamespace(monotonic=time.process_time, perf_counter=time.process_time)
    for module in (hsir.training.grpo, hsir.training.questions, trl.trainer.grpo_trainer):
        module.time = clock  # type: ignore[attr-defined]


def trained(trainer: type[QuestionTrainer], size: int, steps: int) -> list[dict[str, float]]:
    """Train for a few steps; return the seconds of each except the first, and its tokens per rollout."""
    options = Grpo(
        batch_size=7, device_batch_size=size, max_steps=steps, max_new_tokens=320,
        rewards=(Accuracy(), Format(), Indiv(weight=0.2)),
    )  # fmt: skip
    model, encoder = load_model(EMBEDDED, "float32"), load_tokenizer(EMBEDDED)
    records = list(TASK.records("test", 0))
    rows = [{"question_id": record.id, "prompt_ids": prompt_ids(encoder, record.question)} for record in records]
    asked: dict[str, tables.Row] = {record.id: {"gold": record.answer, "options": None} for record in records}
    hsir.training.grpo.QuestionTrainer = trainer  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as state, contextlib.redirect_stdout(sys.stderr):
        judged = Asked(asked, TASK.grading.in_tags(), Score())
        told, cost, _ = finetune(model, encoder, rows, options, 0, Path(state, "state"), {"stage": "train"}, judged)
    both = zip(cost["steps"][1:], told["course"][1:], strict=True)
    return [{**took, "length": step["length"]} for took, step in both]


def page(steps: int, rounds: int, found: dict[str, list[dict[str, float]]]) -> None:
    """Print the numbers and the result."""
    print("# The time of a step of H-GRPO\n\n`PYTHONPATH=. python benchmarks/grpo_rollouts.py`,")
    print(described() + f" One core of a shared machine (load {os.getloadavg()[2]:.0f}): seconds are the process's own")
    print(f"processor time, one thread, float32. Medians of {rounds} x {steps - 1} steps: the two kinds of training")
    print("alternate, without the first step of each.\n")
    print("A step has 7 questions x 8 rollouts of at most 320 tokens by the embedded model (128 features, 4 blocks):")
    print("sampled, graded, scored by the policy itself, read by the reference and trained on. TRL samples with")
    print("`generate`, and pads all rollouts of a step to the longest. HSIR samples with the engine of the")
    print("stage sample, and groups rollouts into passes by length, each padded to its own longest.\n")
    columns = ["rollouts and passes", "rollouts per pass", "tokens per rollout", "step", *PARTS.values(), "learning"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    took = {}
    for name, all_steps in found.items():
        middle = {key: median(one[key] for one in all_steps) for key in ("seconds", *PARTS)}
        took[name], rest = middle["seconds"], middle["seconds"] - sum(middle[key] for key in PARTS)
        parts = " | ".join(f"{middle[key]:.2f}" for key in PARTS)
        length = fmean(one["length"] for one in all_steps)
        print(f"| {name} | {TRAINERS[name][1]} | {length:.0f} | {middle['seconds']:.2f} | {parts} | {rest:.2f} |")
    before, after = took.values()
    print(f"\nA step is {before / after:.1f} times as fast: {PLANNED} steps take {PLANNED * after / 60:.0f} minutes of")
    print(f"processor time instead of {PLANNED * before / 60:.0f}.")


if __name__ == "__main__":
    main()
