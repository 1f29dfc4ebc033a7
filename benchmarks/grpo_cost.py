"""The cost of InDiv in a step of reinforcement learning: H-GRPO on the embedded model, and on a larger random one.

PYTHONPATH=. python benchmarks/grpo_cost.py > benchmarks/grpo_cost.md      (4 minutes)
"""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path
from statistics import fmean

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from benchmarks.machine import described
from hsir.config.settings import Score
from hsir.config.training import Grpo
from hsir.rewards import Accuracy, Format, Indiv
from hsir.storage import tables
from hsir.storage.models import load_model, load_tokenizer, prompt_ids
from hsir.tasks.chains import Chains
from hsir.training.finetune import finetune
from hsir.training.grpo import Asked

EMBEDDED = "hsir/embedded/model"
TASK = Chains(kind="chains", test=70)
GOAL = 0.1


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", nargs=2, type=int, default=(512, 8), metavar=("FEATURES", "BLOCKS"))
    parser.add_argument("--steps", type=int, default=5, help="The first is not counted.")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print("# The cost of InDiv in a step of H-GRPO\n\n`PYTHONPATH=. python benchmarks/grpo_cost.py`,")
    print(described() + f" One thread, float32; {asked.steps} steps, without the first.\n")
    print(
        "A step has 7 questions x 8 rollouts of at most 320 tokens: sampled, graded, scored by the policy itself, and"
    )
    print(
        f"trained on. The random model hardly ever stops by itself. Goal: InDiv takes at most {GOAL:.0%} of a step.\n"
    )
    print(
        "| model | features | blocks | tokens per rollout | step, s | InDiv, s | share |\n|---|---|---|---|---|---|---|"
    )
    print(line("embedded", EMBEDDED, asked.steps), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        random_model(*asked.size).save_pretrained(folder)
        print(line("random", folder, asked.steps), flush=True)


def line(name: str, path: str, steps: int) -> str:
    """Train for a few steps; return the row of the table."""
    options = Grpo(
        batch_size=7, device_batch_size=28, max_steps=steps, max_new_tokens=320,
        rewards=(Accuracy(), Format(), Indiv(weight=0.2)),
    )  # fmt: skip
    model, encoder = load_model(path, "float32"), load_tokenizer(EMBEDDED)
    records = list(TASK.records("test", 0))
    rows = [{"question_id": record.id, "prompt_ids": prompt_ids(encoder, record.question)} for record in records]
    asked: dict[str, tables.Row] = {record.id: {"gold": record.answer, "options": None} for record in records}
    with tempfile.TemporaryDirectory() as state, contextlib.redirect_stdout(sys.stderr):
        judged = Asked(asked, TASK.grading.in_tags(), Score())
        told, cost, _ = finetune(model, encoder, rows, options, 0, Path(state, "state"), {"stage": "train"}, judged)
    step, indiv = (fmean(one[key] for one in cost["steps"][1:]) for key in ("seconds", "indiv"))
    length = fmean(one["length"] for one in told["course"][1:])
    shape = f"{model.config.hidden_size} | {model.config.num_hidden_layers}"
    return f"| {name} | {shape} | {length:.0f} | {step:.2f} | {indiv:.2f} | {indiv / step:.1%} |"


def random_model(features: int, blocks: int) -> Qwen2ForCausalLM:
    """Build a random Qwen2 with the embedded model's vocabulary."""
    torch.manual_seed(0)
    shape = Qwen2Config(
        vocab_size=512, hidden_size=features, intermediate_size=3 * features, num_hidden_layers=blocks,
        num_attention_heads=features // 64, num_key_value_heads=features // 128, max_position_embeddings=1024,
        eos_token_id=405, pad_token_id=403,
    )  # fmt: skip
    return Qwen2ForCausalLM(shape)


if __name__ == "__main__":
    main()
