"""Stage probe: the prefixes of failed solutions after which the policy is asked for an answer."""

from pathlib import Path
from typing import Annotated

import typer

from hsir.progress import say
from hsir.recycling.veriexit import boundaries, prefix_ids
from hsir.stages import cli
from hsir.storage import belonging, tables
from hsir.storage.models import load_tokenizer


def main(
    samples: Annotated[list[Path], typer.Option(help="Sample shards of the pool; repeat the option for each shard.")],
    verified: Annotated[Path, typer.Option(help="The pool's verdicts.")],
    tokenizer: Annotated[str, typer.Option(help="Model folder, for its tokenizer.")],
    output: Annotated[Path, cli.file_option("--out", "Table of prefixes, one row per probed step.", *tables.SUFFIXES)],
    most: Annotated[int, typer.Option(min=1, help="Steps probed per solution, spread evenly where it has more.")] = 16,
) -> None:
    """Write, for each failed solution, its prefixes up to the probed steps, each with the exit prompt."""
    belonging.check_pool(samples, [verified])
    failed = {row["sample_id"] for row in tables.read("verified", verified) if row["verdict"] != "right"}
    encoder = load_tokenizer(tokenizer)
    rows = [
        {
            "parent_id": row["sample_id"], "question_id": row["question_id"], "prompt_ids": row["prompt_ids"],
            "cut_step": cut.step, "prefix_ids": prefix_ids(encoder, row["completion_ids"], cut.end),
        }
        for row in tables.read("samples", samples) if row["sample_id"] in failed
        for cut in boundaries(row["completion"], most)
    ]  # fmt: skip
    tables.write("veriexit", rows, output, tables.provenance("probe", [*samples, verified], most=most))
    say(f"{len(rows)} steps of {len(failed)} failed solutions are probed")


if __name__ == "__main__":
    cli.run(main)
