"""Stage variants: correct solutions of a pool, made more redundant on purpose."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer

from hsir import traces
from hsir.diversity.redundancy import Variant, variants
from hsir.errors import InputError
from hsir.progress import say
from hsir.splitting import Layout
from hsir.stages import cli
from hsir.storage import belonging, tables
from hsir.storage.models import load_tokenizer, positions

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

OTHERS = 200
"""Number of solutions whose steps are inserted into others, as a control."""


def main(
    policy: Annotated[
        str, typer.Option(help="The policy that generated the samples, for its tokenizer and maximum length.")
    ],
    samples: Annotated[list[Path], typer.Option(help="Sample shards of the pool; repeat the option for each shard.")],
    verified: Annotated[Path, typer.Option(help="The pool's verdicts.")],
    output: Annotated[
        Path, cli.file_option("--out", "Rows of id, parent, kind, copies, prompt, completion.", ".jsonl")
    ],
    solutions: Annotated[int, typer.Option(min=1, help="Largest number of correct solutions.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed for choosing solutions and repeated steps.")] = 0,
    steps: Annotated[Layout, typer.Option(help="Step separator of a trace.")] = "blank_line",
) -> None:
    """Choose correct solutions; write each unchanged, with repeated steps, with inserted re-checks, or with inserted
    steps of others."""
    belonging.check_pool(samples, [verified], policy=Path(policy))
    verdicts = tables.read("verified", verified, ["sample_id", "verdict"])
    right = {row["sample_id"] for row in verdicts if row["verdict"] == "right"}
    rows = tables.read("samples", samples, ["sample_id", "prompt_ids", "completion"])
    drawn = sorted((row for row in rows if row["sample_id"] in right), key=lambda row: str(row["sample_id"]))
    Random(seed).shuffle(drawn)
    others = list(dict.fromkeys(step for row in drawn[:OTHERS] for step, _ in traces.steps(row["completion"], steps)))
    encoder, limit = load_tokenizer(policy), positions(policy)
    taken, left_out = 0, 0
    with tables.atomic(output) as temporary, temporary.open("w", encoding="utf-8") as file:
        for row in drawn:
            made = variants(row["completion"], others, f"{seed}:{row['sample_id']}", steps)
            if not made or longest(encoder, row["prompt_ids"], made) > limit:
                left_out += 1
                continue
            file.writelines(lines(row, made, encoder))
            taken += 1
            if taken == solutions:
                break
        if not taken:
            raise InputError(f"{verified}: no correct solution with steps and room for copies; sample more")
    say(f"{taken} correct solutions; {left_out} skipped, because they have no step, or no room for its copies")


def longest(encoder: "PreTrainedTokenizerBase", prompt_ids: list[int], made: list[Variant]) -> int:
    """Return the number of tokens of the longest variant, including its prompt."""
    return len(prompt_ids) + max(len(ids) for ids in encoder([one.completion for one in made])["input_ids"])


def lines(row: tables.Row, made: list[Variant], encoder: "PreTrainedTokenizerBase") -> Iterator[str]:
    """Return the variants of a sample as rows; the prompt is the text of its tokens, including special ones."""
    prompt = encoder.decode(row["prompt_ids"], skip_special_tokens=False)
    for one in made:
        name = f"{row['sample_id']}.{one.kind}.{one.copies}"
        yield json.dumps({"id": name, "parent": row["sample_id"], **one._asdict(), "prompt": prompt}) + "\n"


if __name__ == "__main__":
    cli.run(main)
