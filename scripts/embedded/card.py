"""The embedded model's card, filled with measurements."""

import random

from transformers import Qwen2ForCausalLM, Qwen2Tokenizer

from hsir import traces
from hsir.sampling.engines.decode import Decoding, decode
from hsir.tasks import wordproblems

PROBLEMS = 100
LENGTHS = range(1, 9)

CARD = """\
---
license: apache-2.0
library_name: transformers
---
# The embedded base model

A {size:.2f}M-parameter Qwen2 that solves word problems told as a chain of steps. It is made for one purpose:
to let the whole pipeline run, and be seen to work, on two CPU cores. It is good at short chains and bad at
long ones, and re-checks its work 0 to 3 times, needed or not.

- **Made by** `python -m scripts.embedded.pretrain --out FOLDER` ({steps} steps of 16 problems, peak learning
  rate {rate}; one thread, about five minutes). Same processor type, same weights. Nothing is downloaded.
- **Data**: problems of 1 to 8 steps from `hsir/tasks/wordproblems.py`, drawn afresh; no text from anywhere else.
- **Format**: Qwen2's tokenizer in miniature (whole numbers up to 99 are one token), a chat template, the tags
  `<think>` and `<answer>`.

Accuracy on {problems} fresh problems of each length, and the mean tokens of a solution:

| steps | greedy | tokens | sampled at temperature 1 | tokens |
|---|---|---|---|---|
{rows}
"""


def write(model: Qwen2ForCausalLM, encoder: Qwen2Tokenizer, steps: int, rate: float) -> str:
    """Measure the model on fresh problems and write its card."""
    rows = []
    for length in LENGTHS:
        greedy, greedy_tokens = measure(model, encoder, length, 0.0)
        sampled, sampled_tokens = measure(model, encoder, length, 1.0)
        rows.append(f"| {length} | {greedy:.0%} | {greedy_tokens:.0f} | {sampled:.0%} | {sampled_tokens:.0f} |")
    size = sum(p.numel() for p in model.parameters()) / 1e6
    return CARD.format(size=size, steps=steps, rate=rate, problems=PROBLEMS, rows="\n".join(rows))


def measure(model: Qwen2ForCausalLM, encoder: Qwen2Tokenizer, length: int, temperature: float) -> tuple[float, float]:
    """Return (share correct, mean tokens) on fresh problems of one length."""
    rng = random.Random(f"card/{length}")
    problems = [wordproblems.problem(rng, length) for _ in range(PROBLEMS)]
    prompts = [
        encoder(
            encoder.apply_chat_template(
                [{"role": "user", "content": told.question}], add_generation_prompt=True, tokenize=False
            )
        )["input_ids"]
        for told in problems
    ]
    how = Decoding(temperature, 400, frozenset([encoder.eos_token_id]))
    outputs = decode(model, prompts, list(range(PROBLEMS)), how)
    right = [traces.answers(encoder.decode(ids)) == [told.answer] for ids, told in zip(outputs, problems, strict=True)]
    return sum(right) / PROBLEMS, sum(map(len, outputs)) / PROBLEMS
