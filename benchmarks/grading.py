"""The grader's agreement with labels from other projects, its speed, and its behaviour on hostile text.

    PYTHONPATH=. python benchmarks/grading.py ../shared > benchmarks/grading.md

reads the shared test data: `judge/*.jsonl` (gold, prediction, expected), `data/` (long outputs of models). Rows are
named by file and line; none is copied here. grading-explained.yaml says why a verdict differs from a label.
"""

import json
import logging
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from math_verify import parse, verify

from benchmarks.machine import described
from hsir.grading import Auto, Choice, Grader, Item, Judgement, Math, Number, Text, YesNo

EXPLAINED = Path(__file__).with_name("grading-explained.yaml")
GRADERS: dict[str, Grader] = {
    "gsm8k_solution": Number(), "long_cot": Math(), "math_equiv": Math(), "math_normalise": Math(),
    "math_solution": Math(), "letter_extract": Choice(), "mcq_cot": Choice(), "yesno_cot": YesNo(),
    "mcq_long_cot": Choice(thinking="always"),
    "number": Number(), "choice": Choice(), "yesno": YesNo(), "text": Text(), "math": Math(),
    "choice_think": Choice(thinking="always"),
}  # fmt: skip
GOALS = {
    "gsm8k_example_model_solutions": 100, "mr_gsm8k_wrong_solutions": 99, "math_verify_tests": 97,
    "small_suites_tests": 97, "qwen_math_cot_800": 98, "medical_mcq_long_cot": 100,
}  # fmt: skip
FUZZED = 10_000
PIECES = (
    "\\boxed{", "}", "{", "\\frac", "<think>", "</think>", "<answer>", "</answer>", "the answer is ", "Answer: ",
    "####", "$", "\\(", "\\text{", "^", "_", "10^10^10", "\x00", "\ud800", "\udfff", "(A)", "B.", "yes", "no",
    "or", "not", "if", "\n", "\n\n", "=", "-", "1,000", ".", "%", "\\sqrt", "\\sum", "\u6f22", "\U0001f600", "x",
    "e9", "/", "<", ">", "*",
)  # fmt: skip


class Row(NamedTuple):
    """A labelled row: its line, the row itself, our judgement, math-verify's verdict."""

    line: int
    row: dict[str, Any]
    ours: Judgement
    math_verify: bool | None

    @property
    def debatable(self) -> bool:
        """Return whether the second set labels the row as debatable: such rows are not counted."""
        return self.row["expected"] is None and "k" in self.row

    @property
    def agrees(self) -> bool:
        """Return whether our verdict equals the label; without a label, whether it is `no_answer`."""
        expected = self.row["expected"]
        return self.ours.verdict == "no_answer" if expected is None else (self.ours.verdict == "right") == expected


def main() -> None:
    """Print the page."""
    logging.disable(logging.CRITICAL)
    shared = Path(sys.argv[1])
    print("# Grading\n\n`PYTHONPATH=. python benchmarks/grading.py ../shared > benchmarks/grading.md`, " + described())
    paths = [*sorted((shared / "judge").glob("*.jsonl")), *sorted((shared / "judge/round2").glob("*.jsonl"))]
    files = {path.stem: graded(path) for path in paths}
    agreement({name: rows for name, rows in files.items() if rows})
    disagreements(files)
    speed(shared)
    memory()
    hostile()


def graded(path: Path) -> list[Row]:
    """Grade the rows of a file, kind by kind; kinds that are not answers (format tests) are skipped."""
    numbered = [(number, kinded(json.loads(line))) for number, line in enumerate(path.open(encoding="utf-8"), start=1)]
    rows = []
    for kind, grader in GRADERS.items():
        asked = [(number, row) for number, row in numbered if row["kind"] == kind]
        judged = grader.judge_all(item(row) for _, row in asked)
        rows += [Row(number, row, ours, alone(row)) for (number, row), ours in zip(asked, judged, strict=True)]
    return sorted(rows, key=lambda row: row.line)


def kinded(row: dict[str, Any]) -> dict[str, Any]:
    """Return the kind under one name for both sets of files; None for rows without a prediction, which test other
    code."""
    return row if "kind" in row else row | {"kind": row.get("k") if "prediction" in row else None}


def item(row: dict[str, Any]) -> Item:
    """Convert a labelled row to an item; gold answers and predictions may be JSON numbers."""
    return Item(str(row["prediction"]), str(row["gold"]), row.get("options"))


def alone(row: dict[str, Any]) -> bool | None:
    """Use math-verify alone, as in its README: gold first."""
    if row["kind"] in ("mcq_long_cot", "choice", "choice_think", "text", "yesno") or row["expected"] is None:
        return None
    gold = str(row["gold"])
    wrapped = gold if "$" in gold or "boxed" in gold or row.get("match_types") else f"${gold}$"
    return bool(verify(parse(wrapped), parse(str(row["prediction"]))))


def agreement(files: dict[str, list[Row]]) -> None:
    """Print the share of rows whose verdict equals the label."""
    print("\n## Agreement with labels\n")
    print("| file | rows | agree | % | goal % | math-verify alone % | no answer | undecided | wrongly right |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, all_rows in parts(files):
        rows = [row for row in all_rows if not row.debatable]
        if not rows:
            right = sum(row.ours.verdict == "right" for row in all_rows)
            print(
                f"| {name}: all debatable, {right} of {len(all_rows)} equal the gold | - | - | - | - | - | - | - | - |"
            )
            continue
        agree = sum(row.agrees for row in rows)
        others = [row.math_verify == row.row["expected"] for row in rows if row.math_verify is not None]
        beside = f"{100 * sum(others) / len(others):.2f}" if others else "-"
        none, open_ = (sum(row.ours.verdict == verdict for row in rows) for verdict in ("no_answer", "undecided"))
        false = sum(row.ours.verdict == "right" and row.row["expected"] is False for row in rows)
        share, goal = f"{100 * agree / len(rows):.2f}", GOALS.get(name, "")
        print(f"| {name} | {len(rows):,} | {agree:,} | {share} | {goal} | {beside} | {none} | {open_} | {false} |")


def parts(files: dict[str, list[Row]]) -> Iterator[tuple[str, list[Row]]]:
    """Yield the files, and each kind separately for files with several kinds."""
    for name, rows in files.items():
        yield name, rows
        kinds = dict.fromkeys((row.row["kind"], row.row.get("language") == "ENGLISH") for row in rows)
        if len({kind for kind, _ in kinds}) > 1:
            for kind, english in kinds:
                among = [
                    row for row in rows if (row.row["kind"], row.row.get("language") == "ENGLISH") == (kind, english)
                ]
                yield f"- {kind}{', English' if english else ''}", among


def disagreements(files: dict[str, list[Row]]) -> None:
    """Print each row whose verdict differs from the label, and why."""
    reasons = yaml.safe_load(EXPLAINED.read_text(encoding="utf-8")) if EXPLAINED.exists() else {}
    print("\n## Every disagreement\n")
    print("Label: the label is wrong. Row: the row cannot be decided. Ours: our verdict is wrong.\n")
    print("| file:line | label | ours | why |\n|---|---|---|---|")
    for name, rows in files.items():
        for row in rows:
            if not row.agrees and not row.debatable:
                reason = reasons.get(name, {}).get(row.line, "NOT EXPLAINED")
                label = {True: "right", False: "wrong", None: "none"}[row.row["expected"]]
                print(f"| {name}:{row.line} | {label} | {row.ours.verdict} ({row.ours.why}) | {reason} |")


def speed(shared: Path) -> None:
    """Print rows per second, ours and math-verify's on the same rows, alternating in one process."""
    rng = random.Random(0)
    texts = {letter: f"option {letter}" for letter in "ABCD"}
    wrap = "<think>\nso\n</think>\n<answer>\n{}\n</answer>"
    numbers = [Item(wrap.format(rng.randint(0, 5000)), str(rng.randint(0, 5000))) for _ in range(100_000)]
    letters = [Item(wrap.format(rng.choice("ABCD")), rng.choice("ABCD"), texts) for _ in range(100_000)]
    print("\n## Speed, one process\n\n| rows | texts | ours, rows/s | math-verify, rows/s | ratio |")
    print("|---|---|---|---|---|")
    timed("short numbers in tags", Number(), numbers, every=100)
    timed("short choices in tags", Choice(), letters)
    outputs = json.loads((shared / "data/model_outputs/mip_gsm8k/QwQ.json").read_text(encoding="utf-8"))
    long = [Item(row["model_answer"], row["answer"].split("####")[1].strip()) for row in outputs]
    timed("GSM8K, long outputs of QwQ", Number(), long)
    lines = (shared / "judge/gsm8k_example_model_solutions.jsonl").open(encoding="utf-8")
    timed("GSM8K, short solutions", Number(), [item(json.loads(line)) for line in lines])
    logs = [json.loads(line) for line in (shared / "judge/zero_shot_cot_logs.jsonl").open(encoding="utf-8")]
    timed("GSM8K, short prose", Number(), [item(row) for row in logs if row["kind"] == "gsm8k_solution"])
    cot = (shared / "judge/qwen_math_cot_800.jsonl").open(encoding="utf-8")
    solutions = [item(json.loads(line)) for line in cot]
    for again in ("", ", again"):
        timed(f"MATH, solutions of Qwen2.5-Math{again}", Math(workers=1), solutions)


def timed(what: str, grader: Grader, items: Sequence[Item], every: int = 1) -> None:
    """Print one line; math-verify gets every n-th of many short rows, and none that it cannot parse."""
    list(grader.judge_all([Item("\\boxed{x+1}", "y-2")]))  # start the workers before the clock
    ours = rate(lambda: sum(1 for _ in grader.judge_all(items)))
    some = items[::every]
    theirs = None
    if grader.kind in ("number", "math"):  # type: ignore[attr-defined]
        theirs = rate(lambda: sum(1 for one in some if verify(parse(f"${one.gold}$"), parse(one.completion)) or True))
    length = sum(len(one.completion) for one in items) / len(items)
    beside = f"{theirs:,.0f} | {ours / theirs:,.0f}" if theirs else "- | -"
    print(f"| {what}, {len(items):,} | {length:,.0f} characters | {ours:,.0f} | {beside} |")


def rate(run: Callable[[], int]) -> float:
    """Return the number of items per second that `run` processes."""
    started = time.perf_counter()
    done = run()
    return done / (time.perf_counter() - started)


def memory() -> None:
    """Print the peak memory of grading 10,000 and 1,000,000 rows of a file."""
    print("\n## Memory of `python -m hsir.stages.grade`\n\n| rows | peak, MiB | seconds |\n|---|---|---|")
    for rows in (10_000, 1_000_000):
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "rows.jsonl"), Path(folder, "verdicts.jsonl")
            with source.open("w") as out:
                for n in range(rows):
                    row = {"gold": str(n % 97), "prediction": f"<think>\nso\n</think>\n<answer>\n{n % 101}\n</answer>"}
                    out.write(json.dumps(row) + "\n")
            command = [sys.executable, "-m", "hsir.stages.grade", "--kind=number", f"--in={source}", f"--out={target}"]
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", PEAK, *command], check=True, stderr=subprocess.DEVNULL)
            seconds = time.perf_counter() - started
            peak = int(Path(folder, "peak").read_text()) if Path(folder, "peak").exists() else 0
            peak = peak or resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            print(f"| {rows:,} | {peak / 1024:,.0f} | {seconds:.1f} |")


PEAK = (
    "import pathlib,resource,subprocess,sys; subprocess.run(sys.argv[1:], check=True);"
    "target = sys.argv[-1].split('=', 1)[1];"
    "pathlib.Path(target).with_name('peak').write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))"
)
"""Runs the stage as an only child, so that the children's peak memory is its own."""


def hostile() -> None:
    """Print the verdicts of graders on 10,000 random strings, none of them correct."""
    rng = random.Random(0)
    strings = ["".join(rng.choices(PIECES, k=rng.randint(1, 60))) for _ in range(FUZZED)]
    graders = (Number(), Choice(), YesNo(), Text(), Auto(), Math(deadline=2.0))
    golds = {"choice": "J", "yesno": "true", "text": "Ouagadougou", "math": "\\frac{7919}{7907}"}
    print(f"\n## Hostile text\n\n{FUZZED:,} random strings of LaTeX, tags, cues, NULs, surrogates, towers.\n")
    print("| kind | rows/s | right | wrong | no answer | undecided |\n|---|---|---|---|---|---|")
    for grader in graders:
        kind = grader.kind  # type: ignore[attr-defined]
        asked = [text.replace("yes", "no") if kind == "yesno" else text for text in strings]
        started = time.perf_counter()
        found = [one.verdict for one in grader.judge_all(Item(text, golds.get(kind, "7919.125")) for text in asked)]
        pace = len(found) / (time.perf_counter() - started)
        counts = [found.count(verdict) for verdict in ("right", "wrong", "no_answer", "undecided")]
        print(f"| {kind} | {pace:,.0f} | " + " | ".join(f"{count:,}" for count in counts) + " |")


if __name__ == "__main__":
    main()
