"""The parts of the benchmark on a GPU: generation, scores, SFT, and steps of GRPO, each beside a bare peer.

Each returns numbers per second of wall-clock time, and peak GPU memory in MiB.
"""

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import Qwen2ForCausalLM, TrainerCallback

from benchmarks.gpu_sizes import ENCODER, Size, device, examples, random_model, saved, tokens_of
from hsir.config.engines import VllmEngine
from hsir.config.settings import Score
from hsir.config.training import Grpo, Sft
from hsir.diversity.indiv import attention
from hsir.diversity.indiv.logdet import parts
from hsir.diversity.indiv.states import Tokens, look, truncate
from hsir.grading import Number
from hsir.rewards import Accuracy, Format, Indiv
from hsir.sampling.engines.base import Prompt, batches
from hsir.sampling.engines.decode import Decoding, decode
from hsir.storage.models import load_tokenizer

Found = dict[str, Any]


def own_loop(size: Size) -> Found:
    """Generate a batch to its token limit, with the decoding loop of the engine `transformers`."""
    model = random_model(size, size.trained, torch.bfloat16)
    prompts = torch.randint(5, 1000, (size.batch, size.prompt)).tolist()

    def run() -> None:
        decode(model, prompts, list(range(size.batch)), Decoding(1.0, size.new, frozenset()))

    mib = peak(run)
    return {"tokens_per_second": size.batch * size.new / timed(run), "peak_mib": mib, "batch": size.batch}


def vllm(size: Size) -> Found:
    """Generate with the engine `vllm`, and with vLLM's own `generate` on the same prompts, in turn (goal: 0.95)."""
    from hsir.sampling.engines.vllm import VllmRunner, sampling

    drawn = torch.randint(5, 1000, (size.batch * 4, size.prompt)).tolist()
    with saved(size, torch.bfloat16) as folder:
        options = VllmEngine(kind="vllm", dtype=size.dtype, batch_size=size.batch * 2, memory_share=size.share)
        runner = VllmRunner(str(folder), 1.0, size.new, size.prompt + size.new, options)
        prompts = [Prompt(f"q{n}-k-0000", f"q{n}", ids, n) for n, ids in enumerate(drawn)]
        for _ in runner.stream(batches(prompts[: size.batch], size.batch)):
            """Start vLLM, and warm it up."""
        bare: Any = runner.llm
        how = [sampling(prompt.seed, 1.0, size.new, ()) for prompt in prompts]
        given = [{"prompt_token_ids": ids} for ids in drawn]
        ways: dict[str, Callable[[], Any]] = {
            "bare": lambda: (bare.reset_prefix_cache(), bare.generate(given, how, use_tqdm=False)),
            "engine": lambda: list(runner.stream(batches(prompts, options.batch_size))),
        }
        seconds = alternately(ways, 2)
        rates = {way: len(prompts) * size.new / took for way, took in seconds.items()}
        return {"tokens_per_second": rates, "of_bare": seconds["bare"] / seconds["engine"], **runner.noted()}


def scored(size: Size) -> Found:
    """Time the bare half of the blocks, the half with attention recording, and the complete score (goal: 0.9)."""
    return {
        f"{name}, {length} tokens": score(size, shape, length)
        for name, shape in size.models.items()
        for length in size.lengths
    }


def score(size: Size, shape: dict[str, int], length: int) -> Found:
    """Score solutions of one length."""
    model = truncate(random_model(size, shape, torch.bfloat16, attn_implementation=attention.NAME), "middle")
    batch = [Tokens([1] * 64, torch.randint(5, 1000, (length,)).tolist()) for _ in range(max(1, size.scored // length))]
    ways: dict[str, Callable[[], Any]] = {
        "half": lambda: look(model, batch, watching=False),
        "watched": lambda: look(model, batch),
        "score": lambda: parts(look(model, batch), 1e-3),
    }
    peaks = {way: peak(run) for way, run in ways.items()}
    middle = alternately(ways, size.rounds)
    tokens = sum(row.length for row in batch)
    return {
        "tokens_per_second": {way: tokens / took for way, took in middle.items()},
        "of_half": middle["half"] / middle["score"],
        "logdet_share": (middle["score"] - middle["watched"]) / middle["score"], "peak_mib": peaks,
    }  # fmt: skip


def sft(size: Size) -> Found:
    """Train on examples of mixed lengths: in padded passes, in passes by tokens, and in a bare compiled loop over
    packed rows (goal: 0.9 of it)."""
    padded = Sft(batch_size=size.examples // 4, device_batch_size=4, epochs=2, dtype="bfloat16")
    found: Found = {
        "padded": stage(size, padded),
        "by_tokens": stage(size, padded.model_copy(update={"tokens_per_pass": size.pass_tokens})),
        "bare": bare_loop(size),
    }
    rate = found["bare"]["tokens_per_second"]
    return found | {"of_bare": {way: found[way]["tokens_per_second"] / rate for way in ("padded", "by_tokens")}}


def stage(size: Size, options: Sft) -> Found:
    """Train with the stage's own trainer, in bfloat16 with float32 weights; the first epoch is not counted."""
    from hsir.training.finetune import finetune

    model, encoder = random_model(size, size.trained, torch.float32), load_tokenizer(str(ENCODER))
    rows, steps = examples(size), Steps()
    mib = peak(lambda: finetune(model, encoder, rows, options, watch=lambda trainer: trainer.add_callback(steps)))
    an_epoch = -(-len(rows) // options.batch_size)
    took = steps.ends[-1] - steps.ends[-1 - an_epoch]
    return {"tokens_per_second": sum(map(tokens_of, rows)) / took, "peak_mib": mib}


def bare_loop(size: Size) -> Found:
    """Train a compiled model on packed rows: no padding, no labels to mask, no checkpoints, no logs."""
    model = random_model(size, size.trained, torch.float32).train()
    model.gradient_checkpointing_enable()
    device, rows = model.device, -(-sum(map(tokens_of, examples(size))) // size.longest)
    packed = torch.randint(5, 1000, (rows, size.longest), device=device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.0, fused=device.type == "cuda")
    forward = torch.compile(model) if device.type == "cuda" else model

    def run() -> None:
        for ids in packed.split(max(1, size.pass_tokens // size.longest)):
            with torch.autocast(device.type, torch.bfloat16):
                logits = forward(input_ids=ids, use_cache=False).logits[:, :-1]
                cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten()).backward()
            optimizer.step()
            optimizer.zero_grad()

    mib = peak(run)
    return {"tokens_per_second": packed.numel() / timed(run), "peak_mib": mib}


def grpo(size: Size, engine: dict[str, Any]) -> Found:
    """Take steps of H-GRPO: 8 rollouts per question, by an engine; the first step is not counted (goal: InDiv 10 %)."""
    from hsir.training.finetune import finetune
    from hsir.training.grpo import Asked

    options = Grpo(
        batch_size=size.questions, group_size=8, device_batch_size=8, max_steps=3, max_new_tokens=size.new,
        dtype="bfloat16", rewards=(Accuracy(), Format(), Indiv(weight=0.2)), engine=engine,
    )  # fmt: skip
    rows = [
        {"question_id": f"q{n}", "prompt_ids": torch.randint(5, 400, (size.prompt,)).tolist()}
        for n in range(size.questions)
    ]
    judged = Asked({row["question_id"]: {"gold": "1", "options": None} for row in rows}, Number(), Score())
    with saved(size, torch.float32) as folder:
        model = Qwen2ForCausalLM.from_pretrained(folder, dtype=torch.float32).to(device())
        done: list[Any] = []
        mib = peak(lambda: done.append(finetune(model, load_tokenizer(str(ENCODER)), rows, options, asked=judged)))
    steps = done[0][1]["steps"][1:]
    middle = {key: median(step[key] for step in steps) for key in ("seconds", "rollouts", "grading", "indiv")}
    return {
        **middle, "indiv_share": middle["indiv"] / middle["seconds"], "peak_mib": mib,
        "generated_tokens_per_second": size.questions * 8 * size.new / middle["rollouts"],
    }  # fmt: skip


def grpo_vllm(size: Size) -> Found:
    """Take steps with rollouts by vLLM in the training process."""
    return grpo(size, {"kind": "vllm", "dtype": size.dtype, "memory_share": size.share * 0.75})


PARTS: dict[str, Callable[[Size], Found]] = {
    "vllm": vllm, "sft": sft, "grpo-vllm": grpo_vllm, "score": scored, "generate": own_loop,
    "grpo-transformers": partial(grpo, engine={"kind": "transformers"}),
}  # fmt: skip
"""The parts, the most important first."""
NEEDS = {"vllm": "vllm", "grpo-vllm": "vllm", "grpo-transformers": "trl", "sft": "trl"}
"""The package without which a part is skipped."""


class Steps(TrainerCallback):  # type: ignore[misc]
    """Records when optimizer steps end."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.ends.append(now())


def alternately(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Run all ways in turn, several times; return the median seconds of each."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, run in ways.items():
            seconds[way].append(timed(run))
    return {way: median(times) for way, times in seconds.items()}


def timed(run: Callable[[], Any]) -> float:
    """Return the seconds that `run` takes, including the GPU's work."""
    began = now()
    run()
    return now() - began


def peak(run: Callable[[], Any]) -> float | None:
    """Run, and return the peak GPU memory beyond what was allocated before, in MiB; None on a CPU."""
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
