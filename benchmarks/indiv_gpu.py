"""InDiv at full size on a GPU: `PYTHONPATH=. python benchmarks/indiv_gpu.py > benchmarks/indiv_gpu.json`

Builds random models of Qwen2.5-1.5B's and 7B's shapes in bfloat16 (no network), and measures tokens a second of the
bare first half of the blocks and of scoring, what they take of memory, and the share of the log-determinants. `--tiny`
runs the same code on any machine, to see that it works; its figures mean nothing.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from benchmarks.machine import described
from hsir.indiv import attention
from hsir.indiv.logdet import parts
from hsir.indiv.states import Tokens, look, truncate

SHAPES: dict[str, dict[str, int]] = {
    "Qwen2.5-1.5B": {
        "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
        "num_key_value_heads": 2,
    },
    "Qwen2.5-7B": {
        "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
        "num_key_value_heads": 4,
    },
}  # fmt: skip
TINY = {
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2,
}  # fmt: skip
LENGTHS = (512, 2048)
BUDGET = 16384
"""Tokens in a batch."""


def main() -> None:
    """Print a JSON object: the machine, and a row a model and length."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true")
    tiny = parser.parse_args().tiny
    if not tiny and not torch.cuda.is_available():
        sys.exit("no GPU is visible; --tiny runs the same code without one")
    shapes = {"tiny": TINY} if tiny else SHAPES
    rows = [measured(name, shape, length, rounds=2 if tiny else 10) for name, shape in shapes.items()
            for length in LENGTHS]  # fmt: skip
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    print(json.dumps({"machine": described(), "gpu": gpu, "torch": torch.__version__, "rows": rows}, indent=2))


def measured(name: str, shape: dict[str, int], length: int, rounds: int) -> dict[str, Any]:
    """Time the bare half, the half with attention watched, and the whole score, in turn."""
    model = random_model(shape)
    batch = [Tokens([1] * 64, torch.randint(5, 1000, (length,)).tolist()) for _ in range(max(1, BUDGET // length))]
    tokens = sum(row.length for row in batch)
    ways: dict[str, Callable[[], Any]] = {
        "half": lambda: look(model, batch, watching=False),
        "watched": lambda: look(model, batch),
        "score": lambda: parts(look(model, batch), 1e-3),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    peaks = {way: peak(run) for way, run in ways.items()}
    for _ in range(rounds):
        for way, run in ways.items():
            seconds[way].append(timed(run))
    middle = {way: sorted(times)[len(times) // 2] for way, times in seconds.items()}
    return {
        "model": name, "tokens_each": length, "solutions": len(batch),
        "tokens_per_second": {way: tokens / took for way, took in middle.items()},
        "score_over_half": middle["half"] / middle["score"],
        "logdet_share": (middle["score"] - middle["watched"]) / middle["score"], "peak_mib": peaks,
    }  # fmt: skip


def random_model(shape: dict[str, int]) -> PreTrainedModel:
    """Build the first half of a model at random, in bfloat16, on the GPU if there is one."""
    config = Qwen2Config(
        vocab_size=1024, max_position_embeddings=32768, attn_implementation=attention.NAME, dtype="bfloat16", **shape
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.device(device):
        model = Qwen2ForCausalLM(config).to(torch.bfloat16).eval()
    return truncate(model, "middle")


def timed(run: Callable[[], Any]) -> float:
    """Give the seconds that `run` takes, the GPU's work included."""
    _wait()
    began = time.perf_counter()
    run()
    _wait()
    return time.perf_counter() - began


def peak(run: Callable[[], Any]) -> float | None:
    """Warm up, and give the most MiB of GPU memory beyond the weights; None on a CPU."""
    if not torch.cuda.is_available():
        run()
        return None
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    run()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
