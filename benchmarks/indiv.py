"""The cost of InDiv compared with half a forward pass, and with earlier methods; one process, alternating.

    PYTHONPATH=. python benchmarks/indiv.py > benchmarks/indiv.md

A random Qwen2 of Qwen2.5-1.5B's shape (d = 1,536, 12 heads, 2 of keys and values); the model has `--blocks` of its 28.
(a) only the first half of the blocks, with sdpa; ours: the same, plus attention maxima and log-determinants;
(b) all blocks with `output_attentions=True`, an SVD of the weighted, centred states.
"""

import argparse
import ctypes
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from benchmarks.machine import described
from hsir.diversity.indiv import attention
from hsir.diversity.indiv.logdet import parts
from hsir.diversity.indiv.states import Seen, Tokens, look, truncate

LENGTHS = (512, 2048)
GROWTH = (256, 512, 1024, 2048, 4096, 8192)
ALPHA = 1e-3


def main() -> None:
    """Print the page, or make one measurement in its own process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--full", action="store_true", help="Also all 28 blocks (14 GiB, minutes).")
    parser.add_argument("--growth", action="store_true", help="Only what grows with length.")
    parser.add_argument("--one", help="Internal: what, blocks, tokens, rounds as JSON.")
    asked = parser.parse_args()
    torch.set_num_threads(2)
    if asked.one:
        print(json.dumps(measured(*json.loads(asked.one))))
        return
    if asked.growth:
        growth()
        return
    print("# The cost of InDiv\n\n`PYTHONPATH=. python benchmarks/indiv.py" + (" --full" if asked.full else "") + "`,")
    print(described() + " Two threads, float32; medians of 5 rounds, each variant in its own process.\n")
    compare(asked.blocks, rounds=5)
    if asked.full:
        compare(28, rounds=3, ancestors=False)
    growth()


def compare(blocks: int, rounds: int, ancestors: bool = True) -> None:
    """Print times and peaks of the three variants."""
    print(f"## A model of {blocks} blocks; (a) and ours run {blocks // 2} of them\n")
    print("| tokens | (a) half, s | ours, s | ours / (a) | (b), s | ours / (b) | on top: ours, s | (b)'s, s | ratio |"
          " peak, ours / (a) |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    for tokens in LENGTHS:
        bare, ours = (own_process(what, blocks, tokens, rounds) for what in ("half", "ours"))
        line = [f"{tokens:,}", f"{ours['half']:.2f}", f"{ours['seconds']:.2f}", f"{ours['paired']:.3f}"]
        if ancestors:
            theirs = own_process("ancestors", blocks, tokens, 1 if tokens > 512 else 3)
            top, under = ours["on_top"], theirs["on_top"]
            line += [f"{theirs['seconds']:.1f}", f"{ours['seconds'] / theirs['seconds']:.3f}", f"{top:.2f}",
                     f"{under:.1f}", f"{under / top:.0f}"]  # fmt: skip
        else:
            line += ["-", "-", f"{ours['on_top']:.2f}", "-", "-"]
        print("| " + " | ".join([*line, f"{ours['peak'] / bare['peak']:.2f}"]) + " |")
    print()


def own_process(*task: Any) -> dict[str, float]:
    """Measure in a new process, so that peaks are its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", json.dumps(task)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(what: str, blocks: int, tokens: int, rounds: int) -> dict[str, float]:
    """Return median seconds, peak MiB beyond the weights, the overhead beyond the pass, and the ratio to the half."""
    torch.manual_seed(0)
    model = random_model(blocks, "eager" if what == "ancestors" else attention.NAME)
    row = Tokens([1] * 64, torch.randint(5, 1000, (tokens,)).tolist())
    if what == "ancestors":
        before = _forget_peak()
        whole, top = ancestors(model, row, rounds)
        return {"seconds": whole, "on_top": top, "peak": _peak(before)}
    truncate(model, "middle")
    half: Callable[[], Any] = lambda: look(model, [row], watching=False)  # noqa: E731
    ours: Callable[[], Any] = lambda: parts(look(model, [row]), ALPHA)  # noqa: E731
    before = _forget_peak()
    (half if what == "half" else ours)()
    peak = _peak(before)
    if what == "half":
        return {"peak": peak}
    pairs = [(timed(half), timed(ours)) for _ in range(rounds)]
    tops = [mine - bare for bare, mine in pairs]
    return {
        "half": median([bare for bare, _ in pairs]), "seconds": median([mine for _, mine in pairs]),
        "on_top": median(tops), "paired": median([mine / bare for bare, mine in pairs]), "peak": peak,
    }  # fmt: skip


@torch.inference_mode()
def ancestors(model: PreTrainedModel, row: Tokens, rounds: int) -> tuple[float, float]:
    """Score with the whole model, all attentions as outputs, and an SVD.

    Returns the seconds, and those beyond a plain pass (sdpa, no attention outputs) of the same model.
    """
    ids = torch.tensor([[*row.prompt_ids, *row.completion_ids]])
    start = len(row.prompt_ids)
    middle = len(model.get_decoder().layers) // 2
    plain, wholes = [], []
    for _ in range(rounds):
        model.set_attn_implementation("sdpa")
        plain.append(timed(lambda: model(input_ids=ids, use_cache=False)))
        model.set_attn_implementation("eager")
        began = time.perf_counter()
        out = model(input_ids=ids, output_attentions=True, output_hidden_states=True, use_cache=False)
        received = out.attentions[middle - 1][0, :, start:, start:].amax(dim=(0, 1))
        states = out.hidden_states[middle][0, start:].double()
        weighted = (states - states.mean(1, keepdim=True)) * (received / received.max()).double()[:, None]
        torch.linalg.svd(weighted @ weighted.T + ALPHA * torch.eye(len(weighted), dtype=torch.float64))
        wholes.append(time.perf_counter() - began)
    return median(wholes), median([whole - bare for whole, bare in zip(wholes, plain, strict=True)])


def growth() -> None:
    """Print what grows with length for a fixed number of tokens."""
    model = truncate(random_model(4, attention.NAME), "middle")
    print("## Growth with length, 2 blocks, 8,192 tokens in total\n")
    print("| tokens per solution | solutions | half, s | ours, s | log-det, s | peak of one, half / ours, MiB |")
    print("|---|---|---|---|---|---|")
    for length in GROWTH:
        rows = [Tokens([], torch.randint(5, 1000, (length,)).tolist()) for _ in range(max(GROWTH) // length)]
        bare = timed(lambda: [look(model, [row], watching=False) for row in rows])  # noqa: B023
        seen: list[Seen] = []
        ours = timed(lambda: seen.extend(look(model, [row])[0] for row in rows))  # noqa: B023
        linear = timed(lambda: [parts([one], ALPHA) for one in seen])  # noqa: B023
        seen.clear()
        plain = peak_of(lambda: look(model, rows[:1], watching=False))  # noqa: B023
        scored = peak_of(lambda: parts(look(model, rows[:1]), ALPHA))  # noqa: B023
        told = f"{plain:,.0f} / {scored:,.0f}"
        print(f"| {length:,} | {len(rows)} | {bare:.2f} | {ours + linear:.2f} | {linear:.2f} | {told} |", flush=True)


def random_model(blocks: int, implementation: str) -> PreTrainedModel:
    """Build a random model of Qwen2.5-1.5B's shape with fewer blocks and a small vocabulary."""
    shape = Qwen2Config(
        vocab_size=1024, hidden_size=1536, intermediate_size=8960, num_hidden_layers=blocks, num_attention_heads=12,
        num_key_value_heads=2, max_position_embeddings=16384, attn_implementation=implementation,
    )  # fmt: skip
    return Qwen2ForCausalLM(shape).eval()


def timed(run: Callable[[], Any]) -> float:
    """Return the seconds that `run` takes."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def median(values: list[float]) -> float:
    """Return the median."""
    return sorted(values)[len(values) // 2]


def peak_of(run: Callable[[], Any]) -> float:
    """Return the peak memory of `run` in MiB."""
    before = _forget_peak()
    run()
    return _peak(before)


def _forget_peak() -> int:
    """Reset the kernel's peak, and return the memory in use in KiB."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # release removed blocks to the system now, not later
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _peak(before: int) -> float:
    """Return the peak since then in MiB beyond `before`."""
    return (_memory("VmHWM") - before) / 1024


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


if __name__ == "__main__":
    main()
