"""How fast is `hsir browse`, and how much memory does it need?

Writes a synthetic run: training questions with ten samples each, of which VeriExit recycled the failed ones, a training
set selected by InDiv, and a benchmark that three policies answered. Then it opens pages in a new process.

PYTHONPATH=. python benchmarks/browse.py > benchmarks/browse.md
"""

import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.request import urlopen

from benchmarks.machine import described
from hsir import traces
from hsir.selection.filters import Selection
from hsir.stages import filter as filter_stage
from hsir.storage import tables

QUESTIONS, SAMPLES, TEST, POLICIES = 5_000, 10, 1_319, ("sft-initial", "restem.1", "hsir-sft.1")
STEPS, TOKENS = 30, 800
"""Steps and tokens of a solution: 2,300 characters."""
OPENED = 40
"""Questions that are opened one after another."""
SELECT = [{"kind": "right"}, {"kind": "at_most", "per_question": 10}, {"kind": "indiv", "threshold": -0.5}]
ADDRESS, QUESTION = re.compile(r"http://\S+"), re.compile(r'class="open text"[^>]*href="([^"]+)"')


class Drawn(NamedTuple):
    """The rows of a pool, and of its other tables."""

    samples: list[tables.Row]
    verified: list[tables.Row]
    scores: list[tables.Row]


def lay_down(results: Path, questions: int = QUESTIONS, test: int = TEST) -> None:
    """Write the tables of one seed; the same ones each time."""
    shuffler = random.Random(0)
    root = results / "synthetic/sums/seed0"
    asked, tested = ([question(f"{name}-{n:05d}") for n in range(k)] for name, k in (("q", questions), ("t", test)))
    tables.write("questions", asked, root / "data/unlabelled.parquet", {})
    tables.write("questions", tested, results / "synthetic/benchmarks/sums.parquet", {})
    plain = drawn(asked, "k10", SAMPLES, shuffler, 0.5)
    write(plain, root / "sft-initial/k10", {"kind": "sample", "samples": SAMPLES})
    failed = [row for row, one in zip(plain.samples, plain.verified, strict=True) if one["verdict"] == "wrong"]
    cuts = [cut(row) for row in failed]
    tables.write("veriexit", cuts, root / "sft-initial/k10-veriexit/veriexit.parquet", {"options": {}})
    recycled = {"kind": "veriexit", "of": "k10", "samples": 1}
    write(continued(failed, cuts), root / "sft-initial/k10-veriexit", recycled)
    for policy, share in zip(POLICIES, (0.5, 0.55, 0.65), strict=True):
        write(drawn(tested, "eval/sums", 1, shuffler, share), root / policy / "eval/sums", {"kind": "sample"})
    select(root)


def question(name: str) -> tables.Row:
    """Return a question."""
    text = f"Question {name}: Ann has 3 coins and finds 4 more, and so on. How many coins does Ann have in the end?"
    return {
        "question_id": name, "question": text, "gold": "7", "difficulty": int(name[-1]) % 4 + 1, "options": None,
        "prompt_ids": [1] * 40, "trace": None, "trace_ids": None,
    }  # fmt: skip


def drawn(asked: list[tables.Row], pool: str, each: int, shuffler: random.Random, share: float) -> Drawn:
    """Return solutions of questions; a share of them is correct, depending on the question."""
    found = Drawn([], [], [])
    for row in asked:
        odds = share + shuffler.uniform(-0.5, 0.5)
        for n in range(each):
            answer = "7" if shuffler.random() < odds else "8"
            steps = [
                f"Step {k}: {shuffler.random():.12f}, and then {shuffler.random():.12f} once more."
                for k in range(STEPS)
            ]
            add(
                found, f"{row['question_id']}-{pool}-{n:04d}", row["question_id"], traces.compose(steps, answer), answer
            )
    return found


def add(found: Drawn, name: str, of: str, text: str, answer: str, parent: str | None = None) -> None:
    """Add a solution, its verdict, and its score if it is correct."""
    right, shuffler = answer == "7", random.Random(name)
    found.samples.append({
        "sample_id": name, "question_id": of, "prompt_ids": [1] * 40, "completion": text,
        "completion_ids": [shuffler.randrange(150_000) for _ in range(TOKENS)], "n_tokens": TOKENS,
        "n_generated": TOKENS, "finish": "stop", "seed": 0, "parent_id": parent,
        "cut_step": None if parent is None else STEPS // 2,
    })  # fmt: skip
    verdict = "right" if right else "wrong"
    found.verified.append({"sample_id": name, "extracted": answer, "verdict": verdict, "why": "tags"})
    if right:
        parts = {"m": 2, "d": 4, "logdet": 0.0, "sum_log_attention": 0.0, "variance": 1.0, "n_tokens": TOKENS}
        found.scores.append({"sample_id": name, **parts, "indiv": shuffler.gauss(0, 1)})


def cut(row: tables.Row) -> tables.Row:
    """Cut a solution in its middle; of two in three, nothing can be recycled."""
    step = STEPS // 2 if int(row["sample_id"][-1]) % 3 == 0 else None
    prefix = None if step is None else [1] * 20
    return {
        "parent_id": row["sample_id"], "question_id": row["question_id"], "prompt_ids": [1] * 40, "cut_step": step,
        "prefix_ids": prefix,
    }  # fmt: skip


def continued(failed: list[tables.Row], cuts: list[tables.Row]) -> Drawn:
    """Return an answer to every cut solution."""
    found = Drawn([], [], [])
    for row, one in zip(failed, cuts, strict=True):
        if one["cut_step"] is not None:
            end = traces.steps(row["completion"])[one["cut_step"]][1]
            text = f"{row['completion'][:end]}{traces.EXIT_PROMPT}7\n</answer>"
            add(found, f"{row['sample_id']}-again", row["question_id"], text, "7", row["sample_id"])
    return found


def write(pool: Drawn, folder: Path, options: dict[str, Any]) -> None:
    """Write the tables of a pool, in two shards."""
    for n in range(2):
        half = pool.samples[n * len(pool.samples) // 2 : (n + 1) * len(pool.samples) // 2]
        tables.write("samples", half, folder / f"samples/{n}-of-2.parquet", {"options": {"pool": options}})
    tables.write("verified", pool.verified, folder / "verified.parquet", {})
    tables.write("indiv-scores", pool.scores, folder / "indiv-scores.parquet", {})


def select(root: Path) -> None:
    """Select a training set, as the workflow does."""
    pools = [root / "sft-initial" / name for name in ("k10", "k10-veriexit")]
    filter_stage.main(
        root / "hsir-sft.1/filtered.parquet", root / "hsir-sft.1/funnel.json", Selection.model_validate(SELECT),
        questions=root / "data/unlabelled.parquet",
        pool=[f"{pool.name}={path}" for pool in pools for path in sorted((pool / "samples").iterdir())],
        verified=[pool / "verified.parquet" for pool in pools],
        scores=[pool / "indiv-scores.parquet" for pool in pools],
    )  # fmt: skip


@contextmanager
def served(run: Path | str) -> Iterator[tuple[str, int]]:
    """Start `hsir browse`; yield its address and process id."""
    command = [sys.executable, "-m", "hsir", "browse", str(run)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        address = next(found[0] for line in process.stderr or () if (found := ADDRESS.search(line)))
        yield address, process.pid
        process.terminate()


def timed(address: str) -> tuple[float, str]:
    """Open a page; return the seconds and the page."""
    began = time.perf_counter()
    with urlopen(address) as answer:  # noqa: S310 - an address of this machine
        page = answer.read().decode()
    return time.perf_counter() - began, page


def memory(process: int, what: str = "VmHWM") -> float:
    """Return the largest memory of a process so far, in MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(rf"{what}:\s+(\d+)", status)[0]) / 1024


def measure(results: Path) -> None:
    """Open pages of a run in a new process; print the time of each, and the memory."""
    size = sum(path.stat().st_size for path in results.rglob("*.parquet")) / 2**20
    began = time.perf_counter()
    with served(results) as (address, process):
        told: list[tuple[Any, ...]] = [("the command starts", time.perf_counter() - began)]
        told.append(("overview", timed(address)[0]))
        for name in ("eval/sums", "pools"):
            told += opened(f"{address}synthetic/sums/seed0/{name}", name)
        before, place = memory(process), f"{address}synthetic/sums/seed0/pools"
        told.append(("`pools`: search in all completions", timed(f"{place}?within=completions&text=nowhere")[0]))
        show(told, size, before, memory(process))


def opened(place: str, name: str) -> Iterator[tuple[Any, ...]]:
    """Open the list of a set of questions, and the first questions; yield each page and its seconds."""
    seconds, page = timed(place)
    yield f"`{name}`: first page", seconds
    yield f"`{name}`: another page", timed(f"{place}?page=20")[0]
    yield f"`{name}`: search in questions", timed(f"{place}?text=01234")[0]
    yield f"`{name}`: unsolved ones, by tokens", timed(f"{place}?solved=none&sort=-tokens")[0]
    site = "/".join(place.split("/")[:3])
    first, *others = [timed(f"{site}{unescape(link)}")[0] for link in QUESTION.findall(page)[:OPENED]]
    yield f"`{name}`: first question", first
    yield f"`{name}`: next questions, median (largest)", median(others), max(others)


def main() -> None:
    """Write the run, and measure."""
    with tempfile.TemporaryDirectory() as folder:
        lay_down(Path(folder) / "results")
        measure(Path(folder) / "results")


def show(told: list[tuple[Any, ...]], size: float, before: float, after: float) -> None:
    """Print the measurement as a page."""
    print(f"# hsir browse\n\n{described()}\n")
    print(f"{QUESTIONS:,} training questions with {SAMPLES} samples each, about 10,000 recycled ones, and {TEST:,}")
    print(f"test questions with the answers of {len(POLICIES)} policies: {size:,.0f} MiB of tables on disk.\n")
    print("| page | seconds |\n|---|---:|")
    for what, seconds, *most in told:
        print(f"| {what} | {seconds:.2f}{f' ({most[0]:.2f})' if most else ''} |")
    print(f"\nLoad of the machine: {os.getloadavg()[0]:.1f}.")
    print(f"Peak memory: {before:,.0f} MiB; after a search in all completions, {after:,.0f} MiB.")


if __name__ == "__main__":
    main()
