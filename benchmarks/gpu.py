"""Benchmark a policy's stages at full size on a GPU: `PYTHONPATH=. python benchmarks/gpu.py > benchmarks/gpu.json`

Builds random models of Qwen2.5's shapes (no network), and measures tokens per second and peak memory of generation with
transformers, of scoring InDiv compared with the bare first half of the blocks, and of SFT steps. Training ends with a
checkpoint of about 20 GB in the temporary folder. `--tiny` runs the same code on any machine, to check that it works;
its numbers are meaningless. No GPU results are committed yet.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import torch
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from benchmarks.machine import described
from hsir.config.training import Sft
from hsir.diversity.indiv import attention
from hsir.diversity.indiv.logdet import parts
from hsir.diversity.indiv.states import Tokens, look, truncate
from hsir.sampling.engines.decode import Decoding, decode
from hsir.storage.models import load_tokenizer
from hsir.training.finetune import finetune

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
"""Tokens per scored batch."""
TRAINED = "Qwen2.5-1.5B"
"""The model for generation and training: it fits on a 40 GB GPU with AdamW's state in float32."""
ENCODER = Path(__file__).parents[1] / "hsir" / "embedded" / "model"


def main() -> None:
    """Print a JSON object: the machine, and one row per measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="Run the same code on any machine, in seconds.")
    tiny = parser.parse_args().tiny
    if not tiny and not torch.cuda.is_available():
        sys.exit("no GPU is visible; --tiny runs the same code without one")
    rounds, shapes = (2, {"tiny": TINY}) if tiny else (10, SHAPES)
    policy = TINY if tiny else SHAPES[TRAINED]
    found = {
        "generate": generated(policy, batch=4 if tiny else 64, prompt=16 if tiny else 256, new=8 if tiny else 512),
        "score": [scored(name, shape, length, rounds) for name, shape in shapes.items() for length in LENGTHS],
        "sft": trained(policy, rows=2 if tiny else 4, length=64 if tiny else 1024, steps=rounds),
    }
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    print(json.dumps({"machine": described(), "gpu": gpu, "torch": torch.__version__, **found}, indent=2))


def generated(shape: dict[str, int], batch: int, prompt: int, new: int) -> dict[str, Any]:
    """Sample a batch to its token limit, with the engine's own loop, in bfloat16."""
    model = random_model(shape, torch.bfloat16)
    prompts = torch.randint(5, 1000, (batch, prompt)).tolist()

    def run() -> None:
        decode(model, prompts, list(range(batch)), Decoding(1.0, new, frozenset()))

    mib = peak(run)
    seconds = timed(run)
    return {"batch": batch, "prompt": prompt, "new": new, "tokens_per_second": batch * new / seconds, "peak_mib": mib}


def trained(shape: dict[str, int], rows: int, length: int, steps: int) -> dict[str, Any]:
    """Train for a few steps with the stage's own trainer, in bfloat16 with float32 weights; the first is not
    counted."""
    began: list[float] = []
    model = random_model(shape, torch.float32)
    model.register_forward_pre_hook(lambda *_: began.append(now()))
    texts = torch.randint(5, 1000, (rows * (steps + 2), length)).tolist()
    examples = [
        {"sample_id": str(n), "prompt_ids": text[:8], "completion_ids": text[8:], "loser_ids": None}
        for n, text in enumerate(texts)
    ]
    options = Sft(batch_size=rows, device_batch_size=rows, epochs=1, save_steps=steps + 2, dtype="bfloat16")
    with tempfile.TemporaryDirectory() as folder:
        encoder = load_tokenizer(str(ENCODER))
        mib = peak(lambda: finetune(model, encoder, examples, options, 0, Path(folder), {}))
    step = median(later - earlier for earlier, later in pairwise(began[1:]))
    return {"rows": rows, "length": length, "tokens_per_second": rows * length / step, "peak_mib": mib}


def scored(name: str, shape: dict[str, int], length: int, rounds: int) -> dict[str, Any]:
    """Time the bare half, the half with attention recording, and the complete score, alternating."""
    model = truncate(random_model(shape, torch.bfloat16, attn_implementation=attention.NAME), "middle")
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


def random_model(shape: dict[str, int], dtype: torch.dtype, **options: str) -> PreTrainedModel:
    """Build a random model, on the GPU if there is one."""
    vocabulary = 1024 if shape is TINY else 151936
    config = Qwen2Config(
        vocab_size=vocabulary, max_position_embeddings=32768, tie_word_embeddings=True, **options, **shape
    )
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        return Qwen2ForCausalLM(config).to(dtype).eval()


def timed(run: Callable[[], Any]) -> float:
    """Return the seconds that `run` takes, including the GPU's work."""
    began = now()
    run()
    return now() - began


def peak(run: Callable[[], Any]) -> float | None:
    """Warm up, and return the peak GPU memory beyond the weights in MiB; None on a CPU."""
    if not torch.cuda.is_available():
        run()
        return None
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    run()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def now() -> float:
    """Return the time after the GPU has finished its queue."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    main()
