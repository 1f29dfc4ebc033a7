"""Score the InDiv of solutions in a file of your own."""

import json
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hsir.config.settings import Score
from hsir.own import files
from hsir.progress import say
from hsir.selection.filters import InDiv
from hsir.selection.filters.base import Candidate
from hsir.stages import cli
from hsir.stages import score as stage
from hsir.storage import tables
from hsir.storage.rows import write

Standardise = Literal["zscore", "per_question", "length_residual"]


def main(
    policy: Annotated[str, files.model_option("The model that wrote the solutions: a folder, or a name on the hub.")],
    rows: Annotated[Path, cli.file_option("--in", "Rows with prompt and completion.", *cli.SUFFIXES)],
    output: Annotated[Path, cli.file_option("--out", "Scores and their parts, one row per solution.", *cli.SUFFIXES)],
    prompt: Annotated[str, typer.Option(help="Column of prompts: text as the model reads it, or messages.")] = "prompt",
    completion: Annotated[str, typer.Option(help="Column of solutions.")] = "completion",
    name: Annotated[str | None, typer.Option("--id", help="Column of ids; if none, `id`, or row numbers.")] = None,
    message: Annotated[
        bool, typer.Option(help="Prompts are user's messages: put them into the model's chat template.")
    ] = False,
    score: Annotated[Score, cli.json_option(Score, "The score set, as JSON.")] = Score(),
    standardise: Annotated[
        Standardise | None, typer.Option(help="Add a column `z`, and print what tau is as a raw score.")
    ] = None,
    tau: Annotated[float, typer.Option(help="Threshold on the standardized scores.")] = -0.5,
    keep: Annotated[bool, typer.Option(help="Also write the columns of the rows.")] = False,
    cost: Annotated[Path | None, typer.Option(help="JSON output: time and tokens.")] = None,
) -> None:
    """Score solutions by intrinsic diversity; the same command resumes after the last finished batch."""
    found = files.read(rows, {"prompt": prompt, "completion": completion})
    names = files.names(found, name, rows)
    with files.workplace(output) as work:
        given, scored = work / "rows.jsonl", work / "scores.parquet"
        asked = [{"id": key, "prompt": _asked(row[prompt], message), "completion": row[completion]}
                 for key, row in zip(names, found, strict=True)]  # fmt: skip
        write(asked, given)
        stage.main(policy, scored, given, score=score, cost=cost)
        scores = {row["sample_id"]: row for row in tables.read("indiv-scores", scored)}
        if output.suffix == ".parquet" and not (keep or standardise):
            shutil.move(scored, output)
            return
    questions = [json.dumps(row[prompt]) for row in found]
    z = standardised([scores[key] for key in names], questions, standardise, tau) if standardise else None
    made = []
    for number, (key, row) in enumerate(zip(names, found, strict=True)):
        added = {part: value for part, value in scores[key].items() if part != "sample_id"}
        added |= {} if z is None else {"z": z[number]}
        made.append((row if keep else {"sample_id": key}) | added)
    write(made, output)


def _asked(prompt: Any, message: bool) -> Any:
    return [{"role": "user", "content": prompt}] if message else prompt


def standardised(
    scores: Sequence[tables.Row], questions: Sequence[str], kind: Standardise, tau: float
) -> list[float]:  # fmt: skip
    """Standardize raw scores as the filter `indiv` does, and print what the threshold means."""
    chosen = InDiv(standardise=kind, threshold=tau)
    candidates = [
        Candidate(str(n), question, row["n_tokens"], True, raw=row["indiv"])
        for n, (row, question) in enumerate(zip(scores, questions, strict=True))
    ]
    z, raw = chosen.standardised(candidates), [row["indiv"] for row in scores]
    below = sum(one < tau for one in z)
    mean, deviation = statistics.fmean(raw), statistics.pstdev(raw)
    same = f", which is {mean + tau * deviation:.4g} as a raw score" if kind == "zscore" else ""
    say(f"raw scores: mean {mean:.4g}, standard deviation {deviation:.4g}")
    say(f"tau = {tau:g} ({kind}){same}: {below:,} of {len(z):,} solutions are below it")
    return z
