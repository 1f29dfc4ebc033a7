"""Sample completions of prompts in a file of your own."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from hsir.config.engines import BaseEngine, Engine, TransformersEngine
from hsir.config.pools import SamplePool
from hsir.own import files, questions
from hsir.progress import say
from hsir.stages import cli
from hsir.stages import sample as stage
from hsir.storage import tables
from hsir.storage.models import load_tokenizer
from hsir.storage.rows import write

ADDED = ("sample", "completion", "n_tokens", "finish")


def main(
    model: Annotated[str, files.model_option("A model folder, or a name on the hub.")],
    rows: Annotated[Path, cli.file_option("--in", "Rows with a prompt.", *cli.SUFFIXES)],
    output: Annotated[
        Path, cli.file_option("--out", f"The rows, once per sample, with {', '.join(ADDED)}.", *cli.SUFFIXES)
    ],
    prompt: Annotated[str, typer.Option(help="Column of prompts: a user's message each.")] = "prompt",
    name: Annotated[str | None, typer.Option("--id", help="Column of ids; if none, `id`, or row numbers.")] = None,
    task: Annotated[str | None, typer.Option(help="Task whose wording prompts get, such as gsm8k.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="Completions per prompt.")] = 1,
    temperature: Annotated[float, typer.Option(min=0, help="Divides the logits; 0 is greedy.")] = 0.0,
    top_p: Annotated[float, typer.Option(help="Nucleus; 1 is all tokens.")] = 1.0,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Token limit of a completion.")] = 2048,
    engine: Annotated[BaseEngine, cli.json_option(Engine, "The engine, as JSON.")] = TransformersEngine(),
    chat_template: Annotated[Path | None, typer.Option(help="Jinja file that replaces the model's template.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the samples.")] = 0,
) -> None:
    """Sample completions; the same command resumes after the last finished batch."""
    found = files.read(rows, {"prompt": prompt}, ADDED)
    names = files.names(found, name, rows)
    texts = [files.text(row, prompt, f"{rows}, row {n}") for n, row in enumerate(found, start=1)]
    pool = cli.checked(
        SamplePool,
        {"kind": "sample", "samples": samples, "temperature": temperature, "top_p": top_p,
         "max_new_tokens": max_new_tokens},
    )  # fmt: skip
    if samples > 1 and temperature == 0:
        raise typer.BadParameter(f"{samples} samples at temperature 0 are all the same; set --temperature")
    with files.workplace(output) as work:
        tokenizer = load_tokenizer(model, chat_template)
        asked, drawn = work / "questions.parquet", work / "samples.parquet"
        questions.write(names, texts, ["-"] * len(names), questions.task_of(task), tokenizer, asked)
        stage.main(model, asked, pool, "own", drawn, engine, seed)
        completed: dict[str, list[tables.Row]] = defaultdict(list)
        for one in tables.read("samples", drawn):
            completed[one["question_id"]].append(one)
        made = [
            row | {"sample": n, **{key: one[key] for key in ADDED[1:]}}
            for key, row in zip(names, found, strict=True)
            for n, one in enumerate(completed[key])
        ]
        write(made, output)
    say(f"{len(made):,} completions of {len(found):,} prompts: {output}")
