"""Train a model on prompts and completions in a file of your own."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hsir.config.training import Sft, Train, Training
from hsir.errors import InputError
from hsir.own import files, questions
from hsir.progress import say
from hsir.stages import cli
from hsir.stages import train as stage
from hsir.stages.filter import fitting
from hsir.storage import tables
from hsir.storage.models import load_tokenizer


def main(
    model: Annotated[str, files.model_option("Initial model: a folder, or a name on the hub.")],
    rows: Annotated[Path, cli.file_option("--in", "Rows with prompt and completion.", *cli.SUFFIXES)],
    output: Annotated[Path, typer.Option("--out", help="Folder for the weights; losses go to FOLDER.json.")],
    prompt: Annotated[str, typer.Option(help="Column of prompts: a user's message each.")] = "prompt",
    completion: Annotated[str, typer.Option(help="Column of completions to learn.")] = "completion",
    rejected: Annotated[str, typer.Option(help="For preference learning: column of worse completions.")] = "rejected",
    name: Annotated[str | None, typer.Option("--id", help="Column of ids; if none, `id`, or row numbers.")] = None,
    task: Annotated[str | None, typer.Option(help="Task whose wording prompts get, such as gsm8k.")] = None,
    train: Annotated[Training, cli.json_option(Train, "Training options, as JSON.")] = Sft(),
    seed: Annotated[int, typer.Option(help="Seed of the order of examples.")] = 0,
    chat_template: Annotated[Path | None, typer.Option(help="Jinja file that replaces the model's template.")] = None,
) -> None:
    """Train; the same command resumes from the last complete checkpoint. Too long examples are handled as `limits` of
    the training options say."""
    if train.learns_from == "questions":
        raise InputError("--train: reinforcement learning needs a task's questions, not completions; use a run")
    pairs = train.learns_from == "pairs"
    columns = {"prompt": prompt, "completion": completion} | ({"rejected": rejected} if pairs else {})
    found = files.read(rows, columns)
    names = files.names(found, name, rows)
    texts = {key: [files.text(row, column, f"{rows}, row {n}") for n, row in enumerate(found, start=1)]
             for key, column in columns.items()}  # fmt: skip
    tokenizer = load_tokenizer(model, chat_template)
    with files.workplace(output) as work:
        asking, filtered = questions.task_of(task), work / "filtered.parquet"
        blank = ["-"] * len(names)
        table = work / "questions.parquet"
        given = questions.write(names, texts["prompt"], blank, asking, tokenizer, table, texts["completion"])
        worse: list[tables.Row] = [{"trace_ids": None}] * len(given)
        if pairs:
            worse = questions.write(names, texts["prompt"], blank, asking, tokenizer, table, texts["rejected"])
        examples = [_example(one, other) for one, other in zip(given, worse, strict=True)]
        fit, dropped = fitting(examples, train.limits, output)
        if dropped:
            say(f"{dropped:,} of {len(examples):,} examples are too long, and are left out")
        tables.write("filtered", fit, filtered, {"stage": "own"})
        log, cost = (output.with_name(f"{output.name}{suffix}") for suffix in (".json", ".cost.json"))
        template = [] if chat_template is None else [f"--chat-template={chat_template}"]
        sys.argv[1:] = [  # a training on several devices runs this as the stage's command on each
            "--start", model, "--filtered", str(filtered), "--train", train.model_dump_json(), "--out", str(output),
            "--log", str(log), "--seed", str(seed), "--cost", str(cost), *template,
        ]  # fmt: skip
        stage.main(model, filtered, train, output, log, seed, chat_template, cost=cost)
    say(f"trained on {len(fit):,} examples: {output}")


def _example(one: tables.Row, worse: tables.Row) -> dict[str, Any]:
    name = one["question_id"]
    return {
        "sample_id": name, "question_id": name, "source": "own", "prompt_ids": one["prompt_ids"],
        "completion_ids": one["trace_ids"], "loser_id": None if worse["trace_ids"] is None else f"{name}-rejected",
        "loser_ids": worse["trace_ids"],
    }  # fmt: skip
