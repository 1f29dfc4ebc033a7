"""Stage train: the next policy, from the solutions that were kept."""

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from hsir import tables
from hsir.config.training import Train, Training
from hsir.progress import say
from hsir.stages import cli


def main(
    start: Annotated[str, typer.Option(help="Model to begin with.")],
    filtered: Annotated[Path, typer.Option(help="Table of what is trained on.")],
    train: Annotated[Training, cli.json_option(Train, "Training options, as JSON.")],
    output: Annotated[Path, typer.Option(help="Folder for the policy.")],
    log: Annotated[Path, typer.Option(help="JSON for losses, counts and provenance.")],
    seed: Annotated[int, typer.Option(help="The run's seed.")] = 0,
    chat_template: Annotated[Path | None, typer.Option(help="Jinja file in place of the model's.")] = None,
) -> None:
    """Fine-tune a policy; killed at any moment, the next start goes on from the last whole checkpoint."""
    made_by = tables.provenance("train", [Path(start), filtered], train=train, seed=seed)
    state = output.with_name(f".{output.name}.state")
    from hsir.training import forget

    with cli.locked(output):
        if output.is_dir() and log.is_file() and tables.same_making(json.loads(log.read_text())["provenance"], made_by):
            say(f"{output}: another process has just made it")
            return
        rows = tables.read("filtered", filtered)
        say(f"training on {len(rows)} {train.learns_from}")
        fit(start, chat_template, rows, train, seed, state, made_by, output, log)
        forget(state)


def fit(
    start: str, chat_template: Path | None, rows: list[tables.Row], train: Training, seed: int, state: Path,
    made_by: tables.Row, output: Path, log: Path,
) -> None:  # fmt: skip
    """Train, then put weights and tokenizer in place, whole."""
    from hsir.models import load_model, load_tokenizer
    from hsir.training import finetune

    model, tokenizer = load_model(start, "float32"), load_tokenizer(start, chat_template)
    told = finetune(model, tokenizer, rows, train, seed, state, made_by)
    whole = state / "policy"
    model.save_pretrained(whole)
    tokenizer.save_pretrained(whole)
    tables.write_json({**told, "provenance": made_by}, log)
    shutil.rmtree(output, ignore_errors=True)
    whole.rename(output)


if __name__ == "__main__":
    cli.run(main)
