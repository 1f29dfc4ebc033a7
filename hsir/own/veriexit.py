"""Cut failed traces in a file of your own where they reach the gold answer, and continue them."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hsir.config.engines import BaseEngine, Engine, TransformersEngine
from hsir.config.pools import VeriExitPool
from hsir.own import files, questions
from hsir.progress import say
from hsir.recycling.matchers import BaseMatcher, Explicit, Matcher
from hsir.splitting import Layout
from hsir.stages import cli, sample, verify
from hsir.stages import veriexit as stage
from hsir.stages.grade import Kind, grader_of
from hsir.storage import tables
from hsir.storage.models import load_tokenizer
from hsir.storage.rows import write
from hsir.tasks.base import BaseTask

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CUT = ("cut_step", "prefix")
ENDING = "-own-0000"
"""Of the ids of samples: a pool numbers those of a question."""
ANSWERED = ("recycled_sample", "recycled", "recycled_answer", "recycled_verdict")


def main(
    model: Annotated[str, files.model_option("The model that wrote the traces; cutting needs its tokenizer only.")],
    rows: Annotated[Path, cli.file_option("--in", "Rows with question, gold and completion.", *cli.SUFFIXES)],
    output: Annotated[Path, cli.file_option("--out", "The rows, with their cuts and answers.", *cli.SUFFIXES)],
    task: Annotated[str | None, typer.Option(help="A task's kind (gsm8k), or a task as JSON.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Answer type, for rows that belong to no task.")] = None,
    question: Annotated[str, typer.Option(help="Column of questions.")] = "question",
    gold: Annotated[str, typer.Option(help="Column of gold answers.")] = "gold",
    completion: Annotated[str, typer.Option(help="Column of traces.")] = "completion",
    name: Annotated[str | None, typer.Option("--id", help="Column of ids; if none, `id`, or row numbers.")] = None,
    matcher: Annotated[
        BaseMatcher | None, cli.json_option(Matcher, "The matcher, as JSON; `explicit`, if none.")
    ] = None,
    steps: Annotated[Layout, typer.Option(help="Step separator of a trace.")] = "blank_line",
    answers: Annotated[int, typer.Option(min=0, help="New answers per cut trace, each graded; 0 only cuts.")] = 0,
    temperature: Annotated[float, typer.Option(min=0, help="Of the new answers; 0 is greedy.")] = 1.0,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Token limit of a new answer.")] = 64,
    engine: Annotated[BaseEngine, cli.json_option(Engine, "The engine, as JSON.")] = TransformersEngine(),
    seed: Annotated[int, typer.Option(help="Seed of the new answers.")] = 0,
) -> None:
    """Cut each failed trace after the step that reaches the gold answer; with --answers, continue it from there.

    Correct traces are not cut. A column `verdict` is added if there is none.
    """
    grading = grader_of(task, kind, tags_only=False, thinking=None)
    asking = questions.task_of(task) if task else questions.Plain(grading=grading)
    columns = {"question": question, "gold": gold, "completion": completion}
    found = files.read(rows, columns, CUT + (ANSWERED if answers else ()))
    names = files.names(found, name, rows)
    texts = [[files.text(row, column, f"{rows}, row {n}") for n, row in enumerate(found, start=1)]
             for column in columns.values()]  # fmt: skip
    with files.workplace(output) as work:
        tokenizer = load_tokenizer(model)
        prepare(names, texts, asking, tokenizer, work)
        asked, drawn, judged, cuts = (work / f"{part}.parquet" for part in ("questions", "samples", "verified", "cuts"))
        verify.main([drawn], asked, asking, judged, outside_tags=True)
        stage.main([drawn], judged, asked, asking, matcher or Explicit(), model, cuts, steps=steps)
        if answers:
            pool = VeriExitPool(kind="veriexit", of="own", samples=answers, temperature=temperature,
                                max_new_tokens=max_new_tokens)  # fmt: skip
            sample.main(model, cuts, pool, "exit", work / "answers.parquet", engine, seed)
            verify.main([work / "answers.parquet"], asked, asking, work / "answered.parquet", outside_tags=True)
        made = joined(names, found, tokenizer, work, answers)
        write(made, output)
    say(f"{len(made):,} rows: {output}")


def prepare(
    names: Sequence[str], texts: Sequence[Sequence[str]], asking: BaseTask, tokenizer: "PreTrainedTokenizerBase",
    work: Path,
) -> None:  # fmt: skip
    """Write questions, gold answers and completions as the tables `questions` and `samples`."""
    rows = questions.write(names, texts[0], texts[1], asking, tokenizer, work / "questions.parquet")
    drawn = []
    for row, completion in zip(rows, texts[2], strict=True):
        ids = tokenizer(completion, add_special_tokens=False)["input_ids"]
        drawn.append(
            {"sample_id": f"{row['question_id']}{ENDING}", "question_id": row["question_id"],
             "prompt_ids": row["prompt_ids"], "completion": tokenizer.decode(ids, skip_special_tokens=True),
             "completion_ids": ids, "n_tokens": len(ids), "n_generated": len(ids), "finish": "stop", "seed": 0}
        )  # fmt: skip
    tables.write("samples", drawn, work / "samples.parquet", {"stage": "own"})


def joined(
    names: Sequence[str], found: Sequence[tables.Row], tokenizer: "PreTrainedTokenizerBase", work: Path, answers: int
) -> list[tables.Row]:  # fmt: skip
    """Join the rows with their cuts; with answers, one row per answer of a cut trace."""
    verdicts = {
        row["sample_id"].removesuffix(ENDING): row["verdict"]
        for row in tables.read("verified", work / "verified.parquet")
    }
    cuts = {row["question_id"]: row for row in tables.read("veriexit", work / "cuts.parquet")}
    answered = replies(work) if answers else {}
    made = []
    for key, row in zip(names, found, strict=True):
        cut = cuts.get(key) or {"cut_step": None, "prefix_ids": None}
        prefix = tokenizer.decode(cut["prefix_ids"], skip_special_tokens=True) if cut["prefix_ids"] else None
        told = {"verdict": verdicts[key]} | row | dict(zip(CUT, (cut["cut_step"], prefix), strict=True))
        made += [told | reply for reply in answered.get(key, [dict.fromkeys(ANSWERED)] if answers else [{}])]
    return made


def replies(work: Path) -> dict[str, list[tables.Row]]:
    """Give the new answers by trace: number, complete text, extracted answer and verdict."""
    judged = {row["sample_id"]: row for row in tables.read("verified", work / "answered.parquet")}
    found: dict[str, list[tables.Row]] = defaultdict(list)
    for row in tables.read("samples", work / "answers.parquet"):
        said, several = judged[row["sample_id"]], found[row["question_id"]]
        values = (len(several), row["completion"], said["extracted"], said["verdict"])
        several.append(dict(zip(ANSWERED, values, strict=True)))
    return found
