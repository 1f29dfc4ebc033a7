"""Print cuts that VeriExit makes in real outputs of reasoning models, to be judged by eye.

    PYTHONPATH=. python benchmarks/cuts.py ../shared [--seed 0] [--each 12]

Reads `data/model_outputs` of the shared test data: every output, right or wrong, is searched for the first step that
states the gold answer. A cut is right where that step does arrive at the gold answer as its answer, though it may go
on to doubt it. The statement stands between >> and <<.
"""

import argparse
import ast
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hsir import traces
from hsir.grading import Choice, Grader, Math, Number
from hsir.recycling.matchers import Explicit
from hsir.recycling.veriexit import find_cut

AROUND = 160


class Output(NamedTuple):
    """A model's output, what it should arrive at, and how that is read."""

    text: str
    gold: str
    grader: Grader
    options: dict[str, str] | None = None


def main() -> None:
    """Print how many outputs of each file are cut, and a sample of the cuts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=12, help="Cuts to print of each file.")
    asked = parser.parse_args()
    root = asked.shared / "data/model_outputs"
    for path in sorted(root.rglob("*.json*")):
        outputs = list(read(path))
        cuts = [told for output in outputs if (told := cut(output))]
        if outputs:
            print(f"== {path.relative_to(root)}: {len(cuts)} of {len(outputs)} outputs are cut")
        for told in random.Random(asked.seed).sample(cuts, min(asked.each, len(cuts))):
            print("  ", told)


def read(path: Path) -> Iterator[Output]:
    """Read the outputs of a file, each layout by its keys."""
    text = path.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines() if line] if path.suffix == ".jsonl" else json.loads(text)
    for row in rows:
        said = next((row[key] for key in KEYS if row.get(key)), None)
        if said is not None:
            yield Output(opened(said), *gold_of(path, row))


KEYS = ("completion", "model_answer", "deepseek-reasoner (question)", "message_thinking")


def gold_of(path: Path, row: dict[str, Any]) -> tuple[str, Grader, dict[str, str] | None]:
    """Give the gold answer of a row, its grader, and its options."""
    if "answer_idx" in row:
        options = row["options"]
        return row["answer_idx"], Choice(), ast.literal_eval(options) if isinstance(options, str) else options
    gold = str(row.get("answer", row.get("gtruth_answer")))
    numeric = "aime" in str(path) or "gsm8k" in str(path)
    return gold.rpartition("####")[2].strip(), Number() if numeric else Math(), None


def opened(text: str) -> str:
    """Put back the opening tag that chat templates write and outputs lack."""
    return f"<think>\n{text}" if "</think>" in text and "<think>" not in text else text


def cut(output: Output) -> str | None:
    """Show the statement that a text is cut behind, and what stands around it."""
    found = find_cut(output.text, output.gold, Explicit(), output.grader, output.options)
    if found is None:
        return None
    steps = traces.steps(output.text)
    step = steps[found.step][0]
    arrives = (
        one for one in output.grader.stated(step, output.options)
        if output.grader.same(one.answer, output.gold, output.options)
    )  # fmt: skip
    said = min(arrives, key=lambda one: one.start)
    shown = (
        f"{step[max(0, said.start - AROUND) : said.start]}>>{step[said.start : said.end]}<<{step[said.end :][:AROUND]}"
    )
    return f"[{output.gold}; step {found.step + 1} of {len(steps)}] {shown!r}"


if __name__ == "__main__":
    main()
