"""An embedded model's card, filled with measurements."""

import random

from transformers import Qwen2ForCausalLM, Qwen2Tokenizer

from hsir import traces
from hsir.sampling.engines.decode import Decoding, decode
from scripts.embedded.recipes import Recipe

PROBLEMS = 100

CARD = """\
---
license: apache-2.0
library_name: transformers
---
# An embedded base model

A {size:.2f}M-parameter Qwen2 that solves the word problems of the task `{task}`. It is made for one purpose:
to let the whole pipeline run, and be seen to work, on two CPU cores. It is good at short problems and bad at
long ones, and {about}.

- **Made by** `python -m scripts.embedded.pretrain --task {task} --out FOLDER` ({steps} steps of 16 problems, peak
  learning rate {rate}; one thread). Same processor type, same weights. Nothing is downloaded.
- **Data**: problems of 1 to {longest} steps of that task, drawn from a stream of their own; no other text.
- **Format**: Qwen2's tokenizer in miniature (whole numbers up to 99 are one token), a chat template, the tags
  `<think>` and `<answer>`.

Accuracy on {problems} fresh problems of each length, and the mean tokens of a solution:

| steps | greedy | tokens | sampled at temperature 1 | tokens |
|---|---|---|---|---|
{rows}
"""


def write(model: Qwen2ForCausalLM, encoder: Qwen2Tokenizer, task: str, recipe: Recipe) -> str:
    """Measure the model on fresh problems and write its card."""
    rows = []
    for length in range(1, len(recipe.weights) + 1):
        greedy, greedy_tokens = measure(model, encoder, recipe, length, 0.0)
        sampled, sampled_tokens = measure(model, encoder, recipe, length, 1.0)
        rows.append(f"| {length} | {greedy:.0%} | {greedy_tokens:.0f} | {sampled:.0%} | {sampled_tokens:.0f} |")
    return CARD.format(
        size=sum(p.numel() for p in model.parameters()) / 1e6,
        task=task,
        about=recipe.about,
        steps=" + ".join(map(str, recipe.cycles)),
        rate=recipe.rate,
        longest=len(recipe.weights),
        problems=PROBLEMS,
        rows="\n".join(rows),
    )


def measure(
    model: Qwen2ForCausalLM, encoder: Qwen2Tokenizer, recipe: Recipe, length: int, temperature: float
) -> tuple[float, float]:
    """Return (share correct, mean tokens) on fresh problems of one length."""
    rng = random.Random(f"card/{length}")
    problems = [recipe.solve(rng, length) for _ in range(PROBLEMS)]
    prompts = [
        encoder(
            encoder.apply_chat_template(
                [{"role": "user", "content": solved.question}], add_generation_prompt=True, tokenize=False
            )
        )["input_ids"]
        for solved in problems
    ]
    how = Decoding(temperature, 400, frozenset([encoder.eos_token_id]))
    outputs = decode(model, prompts, list(range(PROBLEMS)), how)
    right = [
        traces.answers(encoder.decode(ids)) == [solved.answer] for ids, solved in zip(outputs, problems, strict=True)
    ]
    return sum(right) / PROBLEMS, sum(map(len, outputs)) / PROBLEMS
