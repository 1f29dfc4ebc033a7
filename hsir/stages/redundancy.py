"""Stage redundancy: do InDiv and Div fall if steps are repeated on purpose, and do they agree?"""

from pathlib import Path
from typing import Annotated

import typer

from hsir.progress import say
from hsir.report import redundancy_view, style
from hsir.report.page import page
from hsir.report.rows import write_csv
from hsir.report.sheets import markdown
from hsir.stages import cli
from hsir.storage import tables


def main(
    rows: Annotated[Path, cli.file_option("--in", "Variants, from the stage variants.", ".jsonl")],
    scores: Annotated[Path, typer.Option(help="Their InDiv, from the stage score.")],
    div: Annotated[Path, typer.Option(help="Their Div, from the stage div.")],
    output: Annotated[Path, typer.Option("--out", help="Folder for JSON, tables and the figure.")],
    of: Annotated[str, typer.Option(help="Description of the source of the solutions.")] = "from a file",
) -> None:
    """Compare solutions with their variants: means by copies, shares that fall, rank correlations."""
    variants = [row for _, _, row in cli.rows(rows, ("id", "parent", "kind", "copies"))]
    found = redundancy_view.joined(variants, tables.read("indiv-scores", scores), tables.read("div", div))
    told = redundancy_view.summary(found) | {"of": of} | made_with(scores, div)
    tables.write_json(told, output / "redundancy.json")
    write_csv(found, output / "redundancy.csv")
    title, sheets = "InDiv, Div and redundancy", redundancy_view.sheets(told)
    text = f"# {title}\n\n{markdown(sheets)}"
    with tables.atomic(output / "redundancy.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    with tables.atomic(output / "redundancy.html") as temporary:
        temporary.write_text(page(title, sheets), encoding="utf-8")
    style.save(redundancy_view.draw(told), output / "redundancy.svg")
    say(f"{told['solutions']} solutions in {told['variants']} variants: {output / 'redundancy.md'}")


def made_with(scores: Path, div: Path) -> tables.Row:
    """Return how InDiv and Div were computed, from the provenance of the tables."""
    scored, embedded = (tables.metadata(path)["options"] for path in (scores, div))
    return {"score": scored["score"], "embedder": embedded["embedder"], "threshold": float(embedded["threshold"])}


if __name__ == "__main__":
    cli.run(main)
