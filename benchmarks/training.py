"""How fast is SFT compared with a plain loop over the same rows, and does `tokens_per_pass` make it faster?

PYTHONPATH=. python benchmarks/training.py [results/embedded/chains/seed0/rft.1 ...] [--tokens 512 1024 2048]

Without folders of policies, rows are random tokens with lengths like those of the demo's solutions.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from unittest.mock import patch

import torch
from torch.nn.functional import cross_entropy
from trl import SFTTrainer

from benchmarks.machine import described
from hsir.config.training import Sft
from hsir.storage import tables
from hsir.storage.models import load_model, load_tokenizer
from hsir.training.finetune import finetune, length
from hsir.training.order import Order
from hsir.training.passes import cut

START = "hsir/embedded/model"
OPTIONS = Sft(learning_rate=8e-4, epochs=1, batch_size=32, device_batch_size=8)
"""The demo's options, for one epoch."""


def like_the_demos(n: int) -> list[tables.Row]:
    """Return rows of random tokens, with solution lengths of the same median and spread as in `rft.1`."""
    draw = random.Random(0)
    rows = []
    for name in range(n):
        lengths = draw.randint(29, 61), round(min(320.0, max(40.0, draw.lognormvariate(4.75, 0.4))))
        prompt, completion = ([draw.randrange(400) for _ in range(each)] for each in lengths)
        rows.append({"sample_id": str(name), "prompt_ids": prompt, "completion_ids": completion, "loser_ids": None})
    return rows


def passes(rows: list[tables.Row], options: Sft) -> Iterator[list[list[tables.Row]]]:
    """Return the steps of an epoch, each as the stage's passes."""
    lengths = [length(row) for row in rows]
    order = list(Order(lengths, options.batch_size, 0, 0, lambda: 0))
    for first in range(0, len(order), options.batch_size):
        step = order[first : first + options.batch_size]
        by_tokens = cut([lengths[n] for n in step], options.tokens_per_pass or 0)
        by_rows = [slice(at, at + options.device_batch_size) for at in range(0, len(step), options.device_batch_size)]
        yield [[rows[n] for n in step[taken]] for taken in (by_tokens if options.tokens_per_pass else by_rows)]


def batch(rows: list[tables.Row]) -> dict[str, torch.Tensor]:
    """Pad rows on the right: ids, mask and labels, each [rows, tokens]."""
    shape = len(rows), max(map(length, rows))
    ids, mask, labels = (torch.full(shape, filler) for filler in (0, 0, -100))
    for n, row in enumerate(rows):
        text = torch.tensor(row["prompt_ids"] + row["completion_ids"])
        ids[n, : len(text)], mask[n, : len(text)] = text, 1
        labels[n, len(row["prompt_ids"]) : len(text)] = text[len(row["prompt_ids"]) :]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def loop(rows: list[tables.Row], masked: bool) -> float:
    """Train in a plain loop: padded passes, cross-entropy of the logits, AdamW; return the processor time in
    seconds."""
    model = load_model(START, "float32").train()
    began = time.process_time()
    optimizer = torch.optim.AdamW(model.parameters(), lr=OPTIONS.learning_rate, weight_decay=0.0)
    for step in passes(rows, OPTIONS):
        tokens = sum(len(row["completion_ids"]) for one in step for row in one)
        for one in map(batch, step):
            labels = one.pop("labels")[:, 1:].flatten()
            given = one if masked else {"input_ids": one["input_ids"]}
            logits = model(**given, use_cache=False).logits[:, :-1].flatten(0, 1)
            (cross_entropy(logits, labels, reduction="sum") / tokens).backward()
        optimizer.step()
        optimizer.zero_grad()
    return time.process_time() - began


def stage(rows: list[tables.Row], options: Sft) -> float:
    """Train as the stage does, with its checkpoints; return the processor time in seconds."""
    model, tokenizer = load_model(START, "float32"), load_tokenizer(START)
    with tempfile.TemporaryDirectory() as state:
        began = time.process_time()
        finetune(model, tokenizer, rows, options, 0, Path(state), {})
        return time.process_time() - began


def trls(rows: list[tables.Row]) -> float:
    """Train as the stage does, with TRL's unmodified trainer."""
    with patch("hsir.training.sft.SolutionTrainer", SFTTrainer):
        return stage(rows, OPTIONS)


def shape(rows: list[tables.Row], options: Sft) -> str:
    """Return the share of padding in the computed tokens, and the passes per step."""
    steps = list(passes(rows, options))
    each = [one for step in steps for one in step]
    computed = sum(len(one) * max(map(length, one)) for one in each)
    return f"{1 - sum(map(length, rows)) / computed:.1%} | {len(each) / len(steps):.1f}"


def table(rows: list[tables.Row], budgets: list[int], repeats: int) -> None:
    """Train with each variant in turn, several times; print medians, and those of the ratios to both loops."""
    by_tokens = {n: OPTIONS.model_copy(update={"tokens_per_pass": n}) for n in budgets}
    ways: dict[str, tuple[Sft, Callable[[], float]]] = {
        "plain loop": (OPTIONS, partial(loop, rows, True)),
        "plain loop, no mask": (OPTIONS, partial(loop, rows, False)),
        "TRL's trainer": (OPTIONS, partial(trls, rows)),
        "stage": (OPTIONS, partial(stage, rows, OPTIONS)),
        **{f"stage, tokens_per_pass {n:,}": (made, partial(stage, rows, made)) for n, made in by_tokens.items()},
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, (_, train) in ways.items():
            took[name].append(train())
    loops = list(ways)[:2]
    for name, (options, _) in ways.items():
        rate = sum(map(length, rows)) / median(took[name])
        ratios = [median(a / b for a, b in zip(took[one], took[name], strict=True)) for one in loops]
        print(
            f"| {name} | {rate:,.0f} | {' | '.join(f'{r:.2f}' for r in ratios)} | {shape(rows, options)} |", flush=True
        )


def main() -> None:
    """Print one table per policy: tokens per second of processor time, without padding."""
    asked = argparse.ArgumentParser()
    asked.add_argument("folders", nargs="*", type=Path)
    asked.add_argument("--tokens", nargs="*", type=int, default=[512, 1024, 2048, 4096])
    asked.add_argument("--rows", type=int, default=320)
    asked.add_argument("--repeats", type=int, default=5)
    given = asked.parse_args()
    torch.set_num_threads(1)
    found = {each.name: tables.read("filtered", each / "filtered.parquet")[: given.rows] for each in given.folders}
    print(described())
    for name, rows in (found or {"generated": like_the_demos(given.rows)}).items():
        stage(rows[:32], OPTIONS)  # warm up what the first training run of a process loads
        print(f"\n{name}: {len(rows)} rows, {sum(map(length, rows)):,} tokens\n")
        print(
            "| variant | tokens/s | of the loop | of the loop, no mask | padding | passes per step |\n|---|"
            + "---:|" * 5
        )
        table(rows, given.tokens, given.repeats)


if __name__ == "__main__":
    main()
