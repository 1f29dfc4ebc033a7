"""Measure VeriExit's matcher on real outputs of reasoning models: where it cuts failed traces, and what it misses.

    PYTHONPATH=. python benchmarks/cuts.py ../shared [--each 12] [--write cuts.jsonl]
    PYTHONPATH=. python benchmarks/cuts.py ../shared --labels cuts.jsonl

Each matcher is measured on

- labelled cuts (`--labels`; by default those of the shared test data): which of the correct, doubtful and wrong ones it
  keeps. A row contains the text before the statement, the statement, the text after it, and `judged`;
- labelled minimal steps;
- correct traces of terse reasoners, whose last step states the answer, mostly without calling it the answer: the share
  that is cut;
- failed outputs: how many are cut. `--each` prints some, with the statement between >> and <<; `--write` writes all, as
  rows for a reader, who adds `judged` (right, doubtful or wrong) to each.

`--traces right` uses correct outputs, where hardly anything can go wrong. `--traces abandoned` uses every output once
for each answer that it states and then abandons, as if that were the gold answer: similar to failed traces, but more
numerous.

A cut is correct if its step reaches the gold answer as its answer, even if the trace later doubts it.
"""

import argparse
import ast
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hsir import traces
from hsir.evaluation.statistics import wilson
from hsir.grading import Choice, Grader, Item, Math, Number, Stated
from hsir.recycling.matchers import BaseMatcher, Explicit
from hsir.recycling.veriexit import find_cut

MATCHERS: dict[str, BaseMatcher] = {"explicit": Explicit(), "explicit, conclusions": Explicit(conclusions=True)}
AROUND = 170
JUDGED = ("right", "doubtful", "wrong")
OPTIONS = {
    "A": "Alpha cell tumor", "B": "Heparin", "C": "Fingerstick glucose", "D": "Sarcoidosis", "E": "CT head",
    "F": "Stroke", "G": "Lithium", "H": "Risperidone", "I": "Observation", "J": "Rifampin",
}  # fmt: skip
"""The options that the labelled minimal steps refer to."""
KEYS = ("completion", "model_answer", "deepseek-reasoner (question)", "message_thinking")


class Output(NamedTuple):
    """A model's output, its gold answer, and its grader."""

    source: str
    row: int
    text: str
    gold: str
    grader: Grader
    options: dict[str, str] | None = None


def main() -> None:
    """Print the results of each matcher on labelled cuts, minimal steps, terse traces and failed outputs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--labels", type=Path, help="JSONL of labelled cuts; if not those of the shared test data.")
    parser.add_argument("--traces", choices=("failed", "right", "abandoned"), default="failed")
    parser.add_argument("--each", type=int, default=0, help="Number of cuts to print per file.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help="JSONL file for the cuts, as rows for a reader.")
    asked = parser.parse_args()
    judge = asked.shared / "judge"
    labelled = rows_of(asked.labels or judge / "round2/veriexit_failed_cuts.jsonl")
    steps = rows_of(judge / "round2/veriexit_steps.jsonl")
    terse = {name: list(outputs) for name, outputs in terse_traces(judge)}
    outputs = list(wanted(asked.shared / "data/model_outputs", asked.traces))
    for name, matcher in MATCHERS.items():
        print(f"== {name}")
        rejudge(labelled, matcher)
        judge_steps(steps, matcher)
        found = {source: [cuts(one, matcher) is not None for one in right] for source, right in terse.items()}
        found["all"] = [made for source in terse for made in found[source]]
        for source, made in found.items():
            print(f"  terse, {source}: {share(sum(made), len(made))} cut")
        shown = draw(outputs, matcher, asked.each, random.Random(asked.seed))
        if asked.write:
            path = asked.write.with_stem(f"{asked.write.stem}-{name.replace(', ', '-')}")
            path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in shown), encoding="utf-8")


def rejudge(rows: list[dict[str, Any]], matcher: BaseMatcher) -> None:
    """Print how many labelled cuts of each label the matcher still makes, and the share of correct ones among these."""
    every = Counter(row["judged"] for row in rows)
    if not all("before" in row for row in rows):  # labels only: from `python -m hsir label`
        print("  labelled cuts:", ", ".join(f"{every[name]} {name}" for name in JUDGED))
        print(f"  precision: {share(every['right'], len(rows))}")
        return
    kept = Counter(row["judged"] for row in rows if matcher(*labelled_step(row)))
    print("  labelled cuts kept:", ", ".join(f"{kept[name]} of {every[name]} {name}" for name in JUDGED))
    print(f"  precision, without doubtful ones: {share(kept['right'], kept['right'] + kept['wrong'])}")
    print(f"  precision, doubtful ones counted as wrong: {share(kept['right'], kept.total())}")


def labelled_step(row: dict[str, Any]) -> tuple[str, str, Grader, dict[str, str] | None]:
    """Return the input of a matcher: as much of the step as the row contains."""
    grader: Grader = Choice() if row["options"] else Math() if "math" in row["source"] else Number()
    return row["before"] + row["statement"] + row["after"], row["gold"], grader, row["options"]


def judge_steps(rows: list[dict[str, Any]], matcher: BaseMatcher) -> None:
    """Print the minimal steps on which the matcher disagrees with the label."""
    graders: dict[str, tuple[Grader, dict[str, str] | None]] = {
        "number": (Number(), None),
        "choice": (Choice(), OPTIONS),
    }
    wrong = [row for row in rows if matcher(row["step"], row["gold"], *graders[row["k"]]) != row["expected_cut"]]
    print(f"  minimal steps: {len(rows) - len(wrong)} of {len(rows)} as labelled")
    for row in wrong:
        print(f"    {'missed' if row['expected_cut'] else 'cut'}: {row['step']!r}")


def terse_traces(judge: Path) -> Iterator[tuple[str, Iterator[Output]]]:
    """Return correct traces of reasoners that conclude in a sentence, by model."""
    files: dict[str, tuple[Grader, str]] = {
        "gsm8k_last_number_fn": (Number(), "grade school"),
        "mip_math_other_models": (Math(), "competition"),
    }
    for name, (grader, kind) in files.items():
        rows = [row for row in rows_of(judge / f"round2/{name}.jsonl") if row["expected"] is not False]
        for model in sorted({row["model"] for row in rows}):
            yield (
                f"{kind}, {model}",
                (
                    Output(name, row["row"], row["prediction"], row["gold"], grader)
                    for row in rows
                    if row["model"] == model
                ),
            )


def wanted(root: Path, which: str) -> Iterator[Output]:
    """Return the requested outputs: failed, correct, or with abandoned answers."""
    for path in sorted(root.rglob("*.json*")):
        for output in read(path, path.relative_to(root).as_posix()):
            judged = output.grader.judge(Item(output.text, output.gold, output.options))
            if which == "abandoned":
                yield from abandoned(output, judged.extracted or "")
            elif (judged.verdict == "right") == (which == "right"):
                yield output


def abandoned(output: Output, given: str) -> Iterator[Output]:
    """Return an output once for each plain answer that it states, other than the gold answer and its own."""
    same, options = output.grader.same, output.options
    stated = [one.answer for step, _ in traces.steps(output.text) for one in output.grader.stated(step, options)]
    kept: list[str] = [output.gold, given]
    for answer in stated if isinstance(output.grader, Number | Choice) else ():
        if not any(same(answer, one, options) for one in kept):
            kept.append(answer)
            yield output._replace(gold=answer)


def draw(outputs: list[Output], matcher: BaseMatcher, each: int, rng: random.Random) -> list[dict[str, Any]]:
    """Print how many outputs of each source are cut, and some of the cuts; return all of them."""
    rows = [row for output in outputs if (row := cuts(output, matcher))]
    for source in dict.fromkeys(output.source for output in outputs):
        found = [row for row in rows if row["source"] == source]
        print(f"  {source}: {len(found)} of {sum(output.source == source for output in outputs)} outputs are cut")
        for row in rng.sample(found, min(each, len(found))):
            place = f"{row['row']}, gold {row['gold']}, step {row['step'] + 1} of {row['nsteps']}"
            print(f"    [{place}] {row['before']!r} >>{row['statement']}<< {row['after']!r}")
    return rows


def cuts(output: Output, matcher: BaseMatcher) -> dict[str, Any] | None:
    """Return the cut of an output, as a row for a reader."""
    found = find_cut(output.text, output.gold, matcher, output.grader, output.options)
    if found is None:
        return None
    steps = traces.steps(output.text)
    step = steps[found.step][0]
    said = matcher.arrival(step, output.gold, output.grader, output.options) or Stated("", 0, len(step))
    return {
        "source": output.source, "row": output.row, "gold": output.gold, "options": output.options,
        "step": found.step, "nsteps": len(steps), "before": step[max(0, said.start - AROUND) : said.start],
        "statement": step[said.start : said.end], "after": step[said.end :][:AROUND],
    }  # fmt: skip


def read(path: Path, source: str) -> Iterator[Output]:
    """Read the outputs of a file; its keys determine the layout."""
    rows = rows_of(path) if path.suffix == ".jsonl" else json.loads(path.read_text(encoding="utf-8"))
    for number, row in enumerate(rows):
        said = next((row[key] for key in KEYS if row.get(key)), None)
        if said is not None:
            yield Output(source, number, opened(said), *gold_of(path, row))


def gold_of(path: Path, row: dict[str, Any]) -> tuple[str, Grader, dict[str, str] | None]:
    """Return the gold answer of a row, its grader, and its options."""
    if "answer_idx" in row:
        options = row["options"]
        return row["answer_idx"], Choice(), ast.literal_eval(options) if isinstance(options, str) else options
    gold = str(row.get("answer", row.get("gtruth_answer")))
    numeric = "aime" in str(path) or "gsm8k" in str(path)
    return gold.rpartition("####")[2].strip(), Number() if numeric else Math(), None


def opened(text: str) -> str:
    """Restore the opening tag, which chat templates write and outputs lack."""
    return f"<think>\n{text}" if "</think>" in text and "<think>" not in text else text


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Read a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def share(part: int, whole: int) -> str:
    """Format a share with its 95 % Wilson interval."""
    if not whole:
        return "0 of 0"
    found = wilson(part, whole)
    return f"{part} of {whole} = {100 * found.value:.0f} % [{100 * found.low:.0f}, {100 * found.high:.0f}]"


if __name__ == "__main__":
    main()
