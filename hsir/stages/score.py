"""Stage score: InDiv of every right solution of a pool, from the policy that drew it."""

from pathlib import Path
from typing import Annotated

import typer

from hsir import tables
from hsir.config.settings import Score
from hsir.progress import track
from hsir.stages import cli


def main(
    model: Annotated[str, typer.Option(help="The policy that drew the samples.")],
    samples: Annotated[list[Path], typer.Option(help="Shards of the pool; give the option once for each.")],
    verified: Annotated[Path, typer.Option(help="The pool's verdicts.")],
    score: Annotated[Score, cli.json_option(Score, "The score set, as JSON.")],
    output: Annotated[Path, typer.Option(help="Table of scores and their parts.")],
) -> None:
    """Score the right solutions of a pool by intrinsic diversity."""
    from hsir.indiv.score import Solution
    from hsir.indiv.score import score as indiv

    right = {row["sample_id"] for row in tables.read("verified", verified) if row["verdict"] == "right"}
    columns = ["sample_id", "prompt_ids", "completion_ids"]
    solutions = [Solution(**row) for row in tables.read("samples", samples, columns) if row["sample_id"] in right]
    rows = [
        {"sample_id": sample_id, **parts._asdict(), "indiv": parts.indiv}
        for sample_id, parts in track(indiv(model, solutions, score), "scoring, solutions", len(solutions))
    ]
    made_by = tables.provenance("score", [Path(model), *samples, verified], score=score)
    tables.write("indiv-scores", rows, output, made_by)


if __name__ == "__main__":
    cli.run(main)
