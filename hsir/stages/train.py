"""Stage train: train the next policy on the kept solutions."""

import shutil
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hsir import disk
from hsir.config.devices import Single
from hsir.config.settings import Score
from hsir.config.tracking import Track
from hsir.config.training import Train, Training
from hsir.errors import InputError
from hsir.progress import say, warn
from hsir.stages import cli
from hsir.storage import belonging, tables
from hsir.storage.files import read_json
from hsir.tasks import Task
from hsir.tasks.base import BaseTask
from hsir.training import launch, tracking
from hsir.training.checkpoints import forget, resumable

if TYPE_CHECKING:
    from hsir.training.finetune import Watch
    from hsir.training.grpo import Asked

FINISHED = "policy"
"""The folder, within the trainer's state, of finished weights that have not been moved into place yet."""
OUTCOME = "outcome.json"
"""Next to it, the outcome of the training."""


def main(
    start: Annotated[str, typer.Option(help="Initial model.")],
    filtered: Annotated[Path, typer.Option(help="Table of training examples.")],
    train: Annotated[Training, cli.json_option(Train, "Training options, as JSON.")],
    output: Annotated[Path, typer.Option("--out", help="Folder for the policy.")],
    log: Annotated[Path, typer.Option(help="JSON for losses, counts and provenance.")],
    seed: Annotated[int, typer.Option(help="The run's seed.")] = 0,
    chat_template: Annotated[Path | None, typer.Option(help="Jinja file that replaces the model's template.")] = None,
    questions: Annotated[
        Path | None, typer.Option(help="For reinforcement learning: questions and gold answers.")
    ] = None,
    task: Annotated[
        BaseTask | None, cli.json_option(Task, "For reinforcement learning: the task that grades them, as JSON.")
    ] = None,
    score: Annotated[
        Score, cli.json_option(Score, "For reinforcement learning: the score set of the rewards, as JSON.")
    ] = Score(),
    outside_tags: Annotated[bool, typer.Option(help="Also count answers outside the answer tags.")] = False,
    cost: Annotated[Path | None, typer.Option(help="JSON output: time and tokens.")] = None,
    track: Annotated[
        Track, cli.json_option(Track, "Experiment trackers, as JSON (default: none).", "HSIR_TRACK")
    ] = Track(to=()),
    tracked_in: Annotated[Path, typer.Option(help="Folder for the trackers' files.", envvar="HSIR_TRACKED_IN")] = Path(
        "tracking"
    ),
    tracked_as: Annotated[str, typer.Option(help="Name of this training run in the trackers.")] = "policy",
) -> None:
    """Train a policy; after a kill at any moment, the next start resumes from the last complete checkpoint.

    For several devices, this process keeps the lock and moves outputs into place; the same command runs on each device
    to train.
    """
    made_by = provenance(start, filtered, train, seed, questions, task, score, outside_tags)
    state = output.with_name(f".{output.name}.state")

    def fit_here() -> None:
        rows = tables.read("filtered", filtered)
        if launch.first():
            say(f"training on {len(rows)} {train.learns_from}")
        asked = judged_by(questions, task, score, outside_tags) if train.learns_from == "questions" else None
        if asked and questions:
            belonging.check_made_of([filtered], [questions])
            belonging.check_keys(asked.questions, (row["question_id"] for row in rows), [questions], "question")
        watch = partial(tracking.track, options=track, folder=tracked_in, name=tracked_as)
        with disk.naming(state):
            fit(start, chat_template, rows, train, seed, state, made_by, asked, watch)

    if launch.inside():
        # A process that outlives its launcher still holds this lock.
        with cli.locked(state) if launch.first() else nullcontext():
            return fit_here()
    with cli.locked(output):
        if output.is_dir() and log.is_file() and tables.same_making(read_json(log)["provenance"], made_by):
            with cli.locked(state):
                forget(state)  # exists if a kill came just before its deletion
            return say(f"{output}: already written by another process; skipping")
        if isinstance(train.devices, Single):
            fit_here()
        else:
            with cli.locked(state):
                resumable(state, made_by)
            launch.launch(train.devices, "hsir.stages.train", sys.argv[1:])
        outcome = read_json(state / OUTCOME)
        shutil.rmtree(output, ignore_errors=True)  # first: old weights must never be next to new provenance
        if cost is not None:
            tables.write_json(outcome["cost"], cost)
        tables.write_json({**outcome["told"], "provenance": made_by}, log)
        (state / FINISHED).rename(output)
        forget(state)
    return None


def provenance(
    start: str, filtered: Path, train: Training, seed: int, questions: Path | None, task: BaseTask | None,
    score: Score, outside_tags: bool,
) -> tables.Row:  # fmt: skip
    """Return a policy's provenance, including the judges of rollouts, if any."""
    inputs = [Path(start), filtered]
    if train.learns_from != "questions" or questions is None or task is None:
        return tables.provenance("train", inputs, train=train, seed=seed)
    grader = task.grading if outside_tags else task.grading.in_tags()
    return tables.provenance("train", [*inputs, questions], train=train, seed=seed, grading=grader, score=score)


def judged_by(questions: Path | None, task: BaseTask | None, score: Score, outside_tags: bool) -> "Asked":
    """Return the questions and judges of rollouts; raises InputError if they are not given."""
    from hsir.training.grpo import Asked

    if questions is None or task is None:
        raise InputError("reinforcement learning grades its own rollouts; give --questions and --task")
    grader = task.grading if outside_tags else task.grading.in_tags()
    rows = {row["question_id"]: row for row in tables.read("questions", questions)}
    return Asked(rows, grader, score, tuple(tables.opening_ids(questions)))


def fit(
    start: str, chat_template: Path | None, rows: list[tables.Row], train: Training, seed: int, state: Path,
    made_by: tables.Row, asked: "Asked | None", watch: "Watch",
) -> None:  # fmt: skip
    """Train, and write the complete weights, tokenizer and outcome to the trainer's state."""
    from hsir.storage.models import load_model, load_tokenizer
    from hsir.training.distributed import part, split
    from hsir.training.finetune import finetune
    from hsir.training.learnt import changed, doubts, sampled
    from hsir.training.saving import resolved, save

    dtype = resolved(train.save_dtype, start)
    with split(train):
        model = load_model(start, "float32")
    tokenizer = load_tokenizer(start, chat_template)
    before = sampled(model.state_dict(), dtype)
    outcome = finetune(model, tokenizer, rows, train, seed, state, made_by, asked, watch)
    if launch.first():
        save(model, tokenizer, state / FINISHED, dtype, outcome.weights)
        after = sampled(outcome.weights or model.state_dict(), dtype)
        told = {**outcome.told, "changed": changed(before, after)}
        tables.write_json({"told": {**told, "doubts": [*doubts(told)]}, "cost": outcome.cost}, state / OUTCOME)
        for doubt in doubts(told):
            warn(doubt)
    part()


if __name__ == "__main__":
    cli.run(main)
