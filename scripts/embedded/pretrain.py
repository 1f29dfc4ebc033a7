"""Train the embedded base model from scratch: `python -m scripts.embedded.pretrain --out FOLDER`.

Deterministic for one processor type and one thread: same seeds, same steps, same weights. The base model sees short
chains often and long ones rarely, so it is good at the former and bad at the latter, and 0 to 3 re-checks equally
often, so that a policy becomes as verbose as its training data.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
import typer
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

from hsir.progress import track
from hsir.tasks import wordproblems
from scripts.embedded import card, tokenizer

LENGTH_WEIGHTS = (3, 4, 4, 3, 2, 1, 0.5, 0.25)
RECHECK_WEIGHTS = (1, 1, 1, 1)
SHAPE = {
    "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 1024, "vocab_size": 512, "tie_word_embeddings": True,
}  # fmt: skip
BATCH = 16
POOL = 128
"""Number of problems generated at a time; sorted by length and cut into batches, they need little padding."""


class Example(NamedTuple):
    """Token ids; the loss is computed on `completion` only."""

    prompt: list[int]
    completion: list[int]


def build_model(encoder: Qwen2Tokenizer) -> Qwen2ForCausalLM:
    """Build the untrained model: Qwen2 architecture, 0.83M parameters."""
    torch.manual_seed(0)
    return Qwen2ForCausalLM(Qwen2Config(**SHAPE, eos_token_id=encoder.eos_token_id, pad_token_id=encoder.pad_token_id))


def example(rng: random.Random, encoder: Qwen2Tokenizer) -> Example:
    """Generate one problem with its trace, in the chat format of the pipeline."""
    length = rng.choices(range(1, len(LENGTH_WEIGHTS) + 1), LENGTH_WEIGHTS)[0]
    told = wordproblems.problem(rng, length)
    trace = wordproblems.trace(rng, told, wordproblems.rechecks(rng, RECHECK_WEIGHTS))
    prompt = encoder.apply_chat_template(
        [{"role": "user", "content": told.question}], add_generation_prompt=True, tokenize=False
    )
    return Example(encoder(prompt)["input_ids"], [*encoder(trace)["input_ids"], encoder.eos_token_id])


def batches(encoder: Qwen2Tokenizer, steps: int, seed: int = 0) -> Iterator[list[Example]]:
    """Yield `steps` batches of fresh problems, each of similar lengths."""
    rng = random.Random(seed)
    ready: list[list[Example]] = []
    for _ in range(steps):
        if not ready:
            drawn = sorted(
                (example(rng, encoder) for _ in range(POOL)), key=lambda e: len(e.prompt) + len(e.completion)
            )
            ready = [drawn[at : at + BATCH] for at in range(0, POOL, BATCH)]
            rng.shuffle(ready)
        yield ready.pop()


def loss_of(model: Qwen2ForCausalLM, batch: list[Example]) -> torch.Tensor:
    """Mean negative log-likelihood of the completions' tokens."""
    width = max(len(e.prompt) + len(e.completion) for e in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.int64)
    labels = torch.full_like(ids, -100)
    for row, e in enumerate(batch):
        end = len(e.prompt) + len(e.completion)
        ids[row, :end] = torch.tensor([*e.prompt, *e.completion])
        labels[row, len(e.prompt) : end] = torch.tensor(e.completion)
    logits = model(input_ids=ids, use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


def optimizers(model: Qwen2ForCausalLM, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices, AdamW for embeddings, biases and norms.

    Copying emerges after a tenth of the problems that AdamW alone needs.
    """
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=0.01, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def factor(step: int, steps: int) -> float:
    """Learning-rate factor: 100 steps of warm-up, flat, and a linear fall over the last two fifths."""
    return min(1.0, (step + 1) / 100, max(0.05, (steps - step) / (0.4 * steps)))


def pretrain(encoder: Qwen2Tokenizer, steps: int, rate: float) -> Qwen2ForCausalLM:
    """Train the model for `steps` batches."""
    model = build_model(encoder)
    chosen = optimizers(model, rate)
    for step, batch in enumerate(track(batches(encoder, steps), "pre-training", "batches", steps)):
        for optimizer in chosen:
            for group in optimizer.param_groups:
                group["lr"] = rate * factor(step, steps)
        loss_of(model, batch).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in chosen:
            optimizer.step()
            optimizer.zero_grad()
    return model.eval()


def main(
    out: Annotated[Path, typer.Option(help="Folder for the model.")],
    steps: Annotated[int, typer.Option(help="Batches of 16 problems.")] = 900,
    rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 5e-3,
) -> None:
    """Pre-train the embedded base model, measure it, and save it with its card."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    encoder = tokenizer.build()
    model = pretrain(encoder, steps, rate)
    model.generation_config.eos_token_id = encoder.eos_token_id
    model.save_pretrained(out)
    encoder.save_pretrained(out)
    (out / "README.md").write_text(card.write(model, encoder, steps, rate))


if __name__ == "__main__":
    typer.run(main)
