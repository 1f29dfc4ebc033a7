"""Stage div: Div, the external diversity, of any solutions in a file, or of a pool's right ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from hsir import traces
from hsir.config.settings import BaseEmbedder, Embedder, SentenceTransformers
from hsir.errors import InputError
from hsir.progress import say, track
from hsir.stages import cli
from hsir.storage import belonging, tables

TOGETHER = 256
"""Rows whose steps are embedded in one go, each text once."""


def main(
    output: Annotated[Path, typer.Option("--out", help="Table of id, steps, kept, div.")],
    rows: Annotated[Path | None, typer.Option("--in", help="JSONL with `id` and `completion` a line.")] = None,
    samples: Annotated[list[Path], typer.Option(help="Or shards of a pool; the option once for each.")] = [],
    verified: Annotated[Path | None, typer.Option(help="The pool's verdicts: right ones are scored.")] = None,
    embedder: Annotated[
        BaseEmbedder, cli.json_option(Embedder, 'What embeds steps, as JSON: {"kind": "words"}, for one.')
    ] = SentenceTransformers(),
    threshold: Annotated[float, typer.Option(min=0, max=1, help="Similarity at which a step is dropped.")] = 0.85,
) -> None:
    """Give each solution the share of its steps that repeat no earlier one (paper, Algorithm 1).

    Steps stand between blank lines within <think> and </think>; without these tags all text is steps.
    """
    if (rows is None) == (not samples) or bool(samples) != (verified is not None):
        raise InputError("give --in with rows of your own, or --samples and --verified of a pool")
    belonging.check_pool(samples, [verified] if verified else [])
    read = [*([rows] if rows else []), *samples, *([verified] if verified else [])]
    made_by = tables.provenance("div", read, embedder=embedder, threshold=str(threshold))
    named = completions(rows) if rows else right_solutions(samples, verified)
    found = [one for part in track(scored(named, embedder, threshold), "embedding, parts", -(-len(named) // TOGETHER))
             for one in part]  # fmt: skip
    tables.write("div", found, output, made_by)
    known = [one["div"] for one in found if one["div"] is not None]
    mean = f"; mean Div {sum(known) / len(known):.3f}" if known else ""
    say(f"{len(found)} solutions, {len(found) - len(known)} without a step{mean}")


def completions(path: Path) -> dict[str, str]:
    """Read the completions by id; raises InputError naming file, line and way out."""
    found: dict[str, str] = {}
    for number, row in cli.json_rows(path, ("id", "completion")):
        where, name = f"{path}, line {number}", str(row["id"])
        if name in found:
            raise InputError(f"{where}: the id {name!r} stands there twice; ids must be unique")
        if not isinstance(row["completion"], str):
            raise InputError(f"{where}: completion is no text")
        found[name] = row["completion"]
    return found


def right_solutions(samples: list[Path], verified: Path | None) -> dict[str, str]:
    """Give the completions of a pool's right solutions by sample id."""
    right = {row["sample_id"] for row in tables.read("verified", verified or []) if row["verdict"] == "right"}
    drawn = tables.read("samples", samples, ["sample_id", "completion"])
    return {row["sample_id"]: row["completion"] for row in drawn if row["sample_id"] in right}


def scored(named: dict[str, str], options: BaseEmbedder, threshold: float) -> Iterator[list[tables.Row]]:
    """Yield the rows of the table, some at a time; a text that comes more than once is embedded once."""
    import numpy as np

    from hsir.diversity.div import div, kept_steps
    from hsir.diversity.embedding import embedder

    embed = embedder(options)
    names = list(named)
    for start in range(0, len(names), TOGETHER):
        cut = {name: [step for step, _ in traces.steps(named[name])] for name in names[start : start + TOGETHER]}
        place = {text: n for n, text in enumerate(dict.fromkeys(step for steps in cut.values() for step in steps))}
        vectors = embed(list(place)) if place else np.zeros((0, 1))
        masks = {name: kept_steps(vectors[[place[step] for step in steps]], threshold) for name, steps in cut.items()}
        yield [
            {"id": name, "steps": len(kept), "kept": int(kept.sum()), "div": div(kept)} for name, kept in masks.items()
        ]


if __name__ == "__main__":
    cli.run(main)
