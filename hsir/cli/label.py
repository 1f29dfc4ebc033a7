"""Command label: read cuts one by one, and judge whether each is correct."""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
import typer
from rich.text import Text

from hsir import jsontext
from hsir.cli.terminal import console
from hsir.errors import InputError

if TYPE_CHECKING:
    from hsir.recycling.marked import Marked

app = typer.Typer(no_args_is_help=True, help="Label a run's outputs, to measure how far they can be trusted.")

KEYS = {"r": "right", "d": "doubtful", "w": "wrong"}
BEFORE, AFTER = 1200, 300
"""Number of characters of the trace shown before and after the statement."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@app.callback()
def label() -> None:
    """Label a run's outputs, to measure how far they can be trusted."""


@app.command("cuts")
def cuts(
    table: Annotated[Path, typer.Argument(help="A recycled pool's veriexit.parquet.")],
    output: Annotated[Path, typer.Option(help="JSONL file of labels; existing labels are kept.")] = Path("cuts.jsonl"),
) -> None:
    """Show the cuts of a pool one by one; press r, d or w for right (correct), doubtful or wrong, and q to quit."""
    from hsir.recycling.marked import marked

    every = list(marked(table))
    done = labelled(output)
    left = [one for one in every if _place(one) not in done]
    out = console()
    for number, one in enumerate(left, start=len(every) - len(left) + 1):
        out.print(shown(one, f"{number} of {len(every)}"), soft_wrap=True)
        key = asked()
        if key is None:
            break
        append(output, one, KEYS[key])
    places = {_place(one) for one in every}
    counts = Counter(judged for place, judged in labelled(output).items() if place in places)
    out.print(summary(counts, len(every)), soft_wrap=True)


def shown(one: "Marked", number: str) -> Text:
    """Format a cut: the reasoning before it, the statement, and the text after it."""
    head = f"\n[{number}] {one.sample_id} of {one.policy}: step {one.step + 1} of {one.steps}, gold answer {one.gold}\n"
    before = one.before if len(one.before) <= BEFORE else f"... {one.before[-BEFORE:]}"
    # Model output may contain terminal escape sequences.
    before, said, after = (_CONTROL.sub("\ufffd", text) for text in (before, one.statement, one.after[:AFTER]))
    asks = "\n\nDoes the trace reach the gold answer there? r right, d doubtful, w wrong, q quit"
    return Text.assemble((head, "bold"), before, (f">>{said}<<", "reverse"), after, (asks, "dim"))


def asked() -> str | None:
    """Wait for one of KEYS; None for q, or at the end of input."""
    while True:
        key = click.getchar() if sys.stdin.isatty() else sys.stdin.read(1)
        key = key.lower()
        if key in KEYS:
            return key
        if key in ("q", "", "\x03", "\x04"):
            return None


def labelled(path: Path) -> dict[tuple[str, str, int], str]:
    """Read the labels of a file, by policy, sample and step; the last label of a cut counts.

    Raises InputError naming the file and the line that is not a label.
    """
    found = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for number, line in enumerate(lines, start=1):
        try:
            row = jsontext.parse(line)
            found[row["policy"], row["sample_id"], row["step"]] = str(row["judged"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}, line {number}: not a label of a cut ({error!r}); delete the line") from error
    return found


def append(path: Path, one: "Marked", judged: str) -> None:
    """Append a label to a file atomically."""
    row = {"sample_id": one.sample_id, "policy": one.policy, "step": one.step, "statement": one.statement}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**row, "judged": judged}, ensure_ascii=False) + "\n")


def summary(counts: Counter[str], every: int) -> str:
    """Return the number of labelled cuts, and the share of correct ones."""
    total = sum(counts.values())
    said = ", ".join(f"{counts[name]} {name}" for name in KEYS.values())
    return f"{total} of {every} cuts labelled: {said}" + (f"; {counts['right'] / total:.0%} right" if total else "")


def _place(one: "Marked") -> tuple[str, str, int]:
    return one.policy, one.sample_id, one.step
