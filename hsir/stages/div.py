"""Stage div: Div, the external diversity, of any solutions in a file, or of a pool's correct ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from hsir.config.settings import BaseEmbedder, Embedder, SentenceTransformers
from hsir.errors import InputError
from hsir.progress import say, track
from hsir.splitting import Layout
from hsir.stages import cli
from hsir.storage import belonging, tables

TOGETHER = 256
"""Number of rows whose steps are embedded together, each text once."""


def main(
    output: Annotated[Path, cli.file_option("--out", "Table of id, steps, kept, div.", *tables.SUFFIXES)],
    rows: Annotated[Path | None, cli.file_option("--in", "Rows of `id` and `completion`.", *tables.SUFFIXES)] = None,
    samples: Annotated[
        list[Path], typer.Option(help="Alternatively, the pool's sample shards; repeat the option for each shard.")
    ] = [],
    verified: Annotated[Path | None, typer.Option(help="The pool's verdicts; correct solutions are scored.")] = None,
    embedder: Annotated[
        BaseEmbedder, cli.json_option(Embedder, 'The step embedder, as JSON: {"kind": "words"}, for one.')
    ] = SentenceTransformers(),
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Cosine similarity at which a step is dropped.")
    ] = 0.85,
    steps: Annotated[Layout, typer.Option(help="Step separator of a trace.")] = "blank_line",
) -> None:
    """Compute for each solution the share of its steps that do not repeat an earlier one (paper, Algorithm 1).

    Steps are split between <think> and </think>; without these tags, all text is split.
    """
    if (rows is None) == (not samples) or bool(samples) != (verified is not None):
        raise InputError("give --in with your own rows, or --samples and --verified of a pool")
    belonging.check_pool(samples, [verified] if verified else [])
    read = [*([rows] if rows else []), *samples, *([verified] if verified else [])]
    made_by = tables.provenance("div", read, embedder=embedder, threshold=str(threshold), steps=steps)
    named = completions(rows) if rows else right_solutions(samples, verified)
    parts = scored(named, embedder, threshold, steps)
    found = [one for part in track(parts, "embedding", "parts", -(-len(named) // TOGETHER)) for one in part]
    tables.write("div", found, output, made_by)
    known = [one["div"] for one in found if one["div"] is not None]
    mean = f"; mean Div {sum(known) / len(known):.3f}" if known else ""
    say(f"{len(found)} solutions, {len(found) - len(known)} without a step{mean}")


def completions(path: Path) -> dict[str, str]:
    """Read the completions by id; raises InputError naming file, line and a fix."""
    found: dict[str, str] = {}
    for where, _, row in cli.rows(path, ("id", "completion")):
        name = str(row["id"])
        if name in found:
            raise InputError(f"{where}: the id {name!r} occurs twice; ids must be unique")
        if not isinstance(row["completion"], str):
            raise InputError(f"{where}: completion is not text")
        found[name] = row["completion"]
    return found


def right_solutions(samples: list[Path], verified: Path | None) -> dict[str, str]:
    """Return the completions of a pool's correct solutions by sample id."""
    right = {row["sample_id"] for row in tables.read("verified", verified or []) if row["verdict"] == "right"}
    drawn = tables.read("samples", samples, ["sample_id", "completion"])
    return {row["sample_id"]: row["completion"] for row in drawn if row["sample_id"] in right}


def scored(
    named: dict[str, str], options: BaseEmbedder, threshold: float, layout: Layout
) -> Iterator[list[tables.Row]]:
    """Yield the rows of the table, in chunks."""
    from hsir.diversity.div import div_rows
    from hsir.diversity.embedding import embedder

    embed = embedder(options)
    names = list(named)
    for start in range(0, len(names), TOGETHER):
        yield div_rows({name: named[name] for name in names[start : start + TOGETHER]}, embed, threshold, layout)


if __name__ == "__main__":
    cli.run(main)
