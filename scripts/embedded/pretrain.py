"""Train an embedded base model from scratch: `python -m scripts.embedded.pretrain --task TASK --out FOLDER`.

Deterministic for one processor type and one thread: same seeds, same steps, same weights. Its training data
and number of steps are in `recipes.py`.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
import typer
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

from hsir.progress import track
from scripts.embedded import card, tokenizer
from scripts.embedded.recipes import RECIPES, Recipe

SHARED = {
    "num_key_value_heads": 2, "max_position_embeddings": 1024, "vocab_size": 512, "tie_word_embeddings": True,
}  # fmt: skip
BATCH = 16
POOL = 128
"""Number of problems generated at a time; sorted by length and cut into batches, they need little padding."""


class Example(NamedTuple):
    """Token ids; the loss is computed on `completion` only."""

    prompt: list[int]
    completion: list[int]


def build_model(encoder: Qwen2Tokenizer, shape: dict[str, int]) -> Qwen2ForCausalLM:
    """Build the untrained model, of Qwen2's architecture."""
    torch.manual_seed(0)
    special = {"eos_token_id": encoder.eos_token_id, "pad_token_id": encoder.pad_token_id}
    return Qwen2ForCausalLM(Qwen2Config(**shape, **SHARED, **special))


def example(rng: random.Random, encoder: Qwen2Tokenizer, recipe: Recipe) -> Example:
    """Generate one problem with its trace, in the chat format of the pipeline."""
    length = rng.choices(range(1, len(recipe.weights) + 1), recipe.weights)[0]
    solved = recipe.solve(rng, length)
    prompt = encoder.apply_chat_template(
        [{"role": "user", "content": solved.question}], add_generation_prompt=True, tokenize=False
    )
    return Example(encoder(prompt)["input_ids"], [*encoder(solved.trace)["input_ids"], encoder.eos_token_id])


def batches(encoder: Qwen2Tokenizer, recipe: Recipe, steps: int, seed: int = 0) -> Iterator[list[Example]]:
    """Yield `steps` batches of fresh problems, each of similar lengths."""
    rng = random.Random(seed)
    ready: list[list[Example]] = []
    for _ in range(steps):
        if not ready:
            drawn = sorted(
                (example(rng, encoder, recipe) for _ in range(POOL)), key=lambda e: len(e.prompt) + len(e.completion)
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


def pretrain(encoder: Qwen2Tokenizer, recipe: Recipe) -> Qwen2ForCausalLM:
    """Train the model for the recipe's cycles of batches; the learning rate rises and falls in each."""
    model = build_model(encoder, recipe.shape)
    for cycle, steps in enumerate(recipe.cycles):
        learn(model, encoder, recipe, cycle, steps)
    return model.eval()


def learn(model: Qwen2ForCausalLM, encoder: Qwen2Tokenizer, recipe: Recipe, cycle: int, steps: int) -> None:
    """Train the model for one cycle, with optimizers and problems of its own."""
    chosen = optimizers(model, recipe.rate)
    for step, batch in enumerate(track(batches(encoder, recipe, steps, cycle), "pre-training", "batches", steps)):
        for optimizer in chosen:
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate * factor(step, steps)
        loss_of(model, batch).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in chosen:
            optimizer.step()
            optimizer.zero_grad()


def main(
    out: Annotated[Path, typer.Option(help="Folder for the model.")],
    task: Annotated[str, typer.Option(help="Name of a recipe: chains or bags.")] = "chains",
) -> None:
    """Pre-train an embedded base model, measure it, and save it with its card."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    recipe = RECIPES[task]
    encoder = tokenizer.build(recipe)
    model = pretrain(encoder, recipe)
    model.generation_config.eos_token_id = encoder.eos_token_id
    model.save_pretrained(out)
    encoder.save_pretrained(out)
    (out / "README.md").write_text(card.write(model, encoder, task, recipe))


if __name__ == "__main__":
    typer.run(main)
