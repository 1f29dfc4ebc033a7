"""How much padding does training on a policy's solutions compute, in random order and with steps sorted by length?

PYTHONPATH=. python benchmarks/padding.py results/embedded/chains/seed0/rft.1 [...]
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from unittest.mock import patch

from accelerate.data_loader import SeedableRandomSampler
from pydantic import TypeAdapter

from benchmarks.machine import described
from hsir.config.training import Sft, Train
from hsir.storage import tables
from hsir.storage.models import load_model, load_tokenizer
from hsir.training import finetune
from hsir.training.order import Order

ROWS = 320


def at_random(lengths: list[int], step: int, blank: int, seed: int, done: object) -> SeedableRandomSampler:
    """Return the trainer's default order."""
    return SeedableRandomSampler(lengths, data_seed=seed)


def computed(order: Iterable[int], lengths: list[int], a_pass: int) -> int:
    """Count the tokens that passes compute, including padding."""
    taken = [lengths[n] for n in order]
    passes = [taken[first : first + a_pass] for first in range(0, len(taken), a_pass)]
    return sum(max(one) * len(one) for one in passes)


def seconds(rows: list[tables.Row], options: Sft, order: Callable[..., object]) -> float:
    """Train for one epoch on the embedded default."""
    start = "hsir/embedded/model"
    model, tokenizer = load_model(start, "float32"), load_tokenizer(start, None)
    with tempfile.TemporaryDirectory() as state, patch.object(finetune, "Order", order):
        began = time.perf_counter()
        finetune.finetune(model, tokenizer, rows, options.model_copy(update={"epochs": 1}), 0, Path(state), {})
        return time.perf_counter() - began


def main() -> None:
    """Print one row per policy: solutions, tokens, computed tokens per token, and the seconds of an epoch on 320 of
    them."""
    print(f"{described()}\n\n| policy | solutions | tokens | random | by length | seconds | by length |")
    print("|---|" + "---:|" * 6)
    for folder in map(Path, sys.argv[1:]):
        rows = tables.read("filtered", folder / "filtered.parquet")
        options = TypeAdapter(Train).validate_python(
            json.loads((folder / "train.json").read_text())["provenance"]["options"]["train"]
        )
        lengths = [finetune.length(row) for row in rows]
        orders = [order(lengths, options.batch_size, 0, 0, lambda: 0) for order in (at_random, Order)]
        factors = [computed(order, lengths, options.device_batch_size) / sum(lengths) for order in orders]
        took = [seconds(rows[:ROWS], options, order) for order in (at_random, Order)]
        told = [*(f"{factor:.2f}" for factor in factors), *(f"{second:.1f}" for second in took)]
        print(f"| {folder.name} | {len(rows):,} | {sum(lengths):,} | {' | '.join(told)} |", flush=True)


if __name__ == "__main__":
    main()
