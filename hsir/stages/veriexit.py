"""Stage veriexit: the prefixes of failed solutions that had already arrived at the ground truth."""

from bisect import bisect_right
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hsir import traces
from hsir.progress import say
from hsir.recycling.matchers import Matcher
from hsir.recycling.veriexit import find_cut
from hsir.stages import cli
from hsir.storage import belonging, tables
from hsir.storage.models import load_tokenizer
from hsir.tasks import Task
from hsir.tasks.base import BaseTask

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BYTES = 8
"""Tokens, at most, that two characters are spread over."""


def main(
    samples: Annotated[list[Path], typer.Option(help="Shards of the pool; give the option once for each.")],
    verified: Annotated[Path, typer.Option(help="The pool's verdicts.")],
    questions: Annotated[Path, typer.Option(help="Table of questions, for the gold answers.")],
    task: Annotated[BaseTask, cli.json_option(Task, "The task, as JSON.")],
    matcher: Annotated[Matcher, cli.json_option(Matcher, "When a step arrives, as JSON.")],
    tokenizer: Annotated[str, typer.Option(help="Model folder, for its tokenizer.")],
    output: Annotated[Path, typer.Option(help="Table of failed samples and where each is cut, if at all.")],
) -> None:
    """Cut each failed solution behind the first step that states the gold answer; add the exit prompt."""
    belonging.check_pool(samples, [verified], questions)
    asked = {row["question_id"]: row for row in tables.read("questions", questions, ["question_id", "gold", "options"])}
    verdicts = {row["sample_id"]: row["verdict"] for row in tables.read("verified", verified)}
    encoder = load_tokenizer(tokenizer)
    rows = []
    for row in tables.read("samples", samples):
        if verdicts[row["sample_id"]] == "right":
            continue
        gold, options = asked[row["question_id"]]["gold"], asked[row["question_id"]]["options"]
        cut = find_cut(row["completion"], gold, matcher, task.grading, dict(options) if options else None)
        rows.append(
            {
                "parent_id": row["sample_id"], "question_id": row["question_id"], "prompt_ids": row["prompt_ids"],
                "cut_step": cut.step if cut else None,
                "prefix_ids": prefix_ids(encoder, row["completion_ids"], cut.end) if cut else None,
            }
        )  # fmt: skip
    made_by = tables.provenance("veriexit", [*samples, verified, questions], matcher=matcher, grading=task.grading)
    tables.write("veriexit", rows, output, made_by)
    recyclable = sum(row["cut_step"] is not None for row in rows)
    say(f"{recyclable} of {len(rows)} failed samples are recyclable")


def prefix_ids(encoder: "PreTrainedTokenizerBase", completion_ids: list[int], end: int) -> list[int]:
    """Give the sample's own tokens up to character `end`, and behind them the exit prompt.

    The last token before the cut is tokenised anew together with the exit prompt, as if the policy had written
    both: `.` and a blank line are one token to many tokenizers.
    """
    text = _text(encoder, completion_ids)[:end]
    kept = completion_ids[: _whole_tokens(encoder, completion_ids, text)]
    rest = text[len(_text(encoder, kept)) :]
    exit_ids: list[int] = encoder(rest + traces.EXIT_PROMPT, add_special_tokens=False)["input_ids"]
    return [*kept, *exit_ids]


def _whole_tokens(encoder: "PreTrainedTokenizerBase", ids: list[int], text: str) -> int:
    """Count the tokens whose text is a beginning of `text`, but not all of it."""
    near = bisect_right(range(len(ids) + 1), len(text), key=lambda n: len(_text(encoder, ids[:n])))
    # A character of several tokens decodes to replacement marks until it is whole, so lengths may step back.
    around = range(max(near - BYTES, 0), min(near + BYTES, len(ids)) + 1)
    texts = {n: _text(encoder, ids[:n]) for n in around}
    return max((n for n, part in texts.items() if text.startswith(part) and part != text), default=0)


def _text(encoder: "PreTrainedTokenizerBase", ids: list[int]) -> str:
    text: str = encoder.decode(ids, skip_special_tokens=True)
    return text


if __name__ == "__main__":
    cli.run(main)
