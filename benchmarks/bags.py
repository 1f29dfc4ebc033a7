"""What the methods keep where length comes from work and from redundancy, and what that does to accuracy.

    PYTHONPATH=. python benchmarks/bags.py results/embedded-bags/bags

Reads every `seed*` of the folder with an evaluated `sft-initial`; what is said of its samples, of those with a pool.
All that is said of a solution is recomputed from its text.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from benchmarks.machine import described
from hsir.report.seeds import Estimate, mean
from hsir.storage import tables
from hsir.storage.files import read_json
from hsir.tasks import bagproblems

BANDS = {"2-3": (2, 3), "4": (4, 4), "5-6": (5, 6)}
POLICY, POOL = "sft-initial", "k10"


class Solution(NamedTuple):
    """A sample with what its text says: shares per step of its question."""

    question: str
    difficulty: int
    tokens: int
    right: bool
    skipped: float
    redundant: float

    @property
    def manner(self) -> str:
        """Whether its work is written out: in at least two thirds of its steps, in a third or less, or between."""
        return "written" if self.skipped <= 1 / 3 else "skipped" if self.skipped >= 2 / 3 else "mixed"


Pool = dict[str, Solution]
Table = list[list[str]]


def main() -> None:
    """Print the tables of the folder that is given."""
    print(f"Measured at {described()}\n")
    folder = Path(sys.argv[1])
    show("What the policies do on the test set", evaluations(having(folder, f"{POLICY}/eval/{folder.name}")))
    show("Accuracy and tokens of the rollouts, by step", learning(sorted(folder.glob("seed*"))))
    seeds = having(folder, f"{POLICY}/{POOL}")
    drawn = {seed: read_pool(seed / POLICY / POOL, seed / "data/unlabelled.parquet") for seed in seeds}
    if not seeds:
        return
    show("Is work worth its tokens? Accuracy of sft-initial's samples", premise(list(drawn.values())))
    show(
        "Is redundancy worth its tokens? Accuracy of sft-initial's samples",
        premise(list(drawn.values()), redundant=True),
    )
    show("What is kept: sampled solutions in each training set", composition(seeds, drawn))
    show("What a choice within a question follows", followed(seeds, drawn))


def having(folder: Path, pool: str) -> list[Path]:
    """Return the seeds' folders that have the verdicts of a pool."""
    return sorted(seed for seed in folder.glob("seed*") if (seed / pool / "verified.parquet").is_file())


def show(title: str, table: Table) -> None:
    """Print a table as Markdown, under its title."""
    print(f"## {title}\n\n{tabulate(table[1:], table[0], 'pipe', stralign='right', disable_numparse=True)}\n")


def read_pool(pool: Path, questions: Path) -> Pool:
    """Read a pool's solutions by sample id, or an evaluation's answers."""
    levels = dict(tables.tuples("questions", questions, ["question_id", "difficulty"]))
    right = dict(tables.tuples("verified", pool / "verified.parquet", ["sample_id", "verdict"]))
    columns = ["sample_id", "question_id", "n_tokens", "completion"]
    solutions = {}
    for sample, question, tokens, text in tables.tuples(
        "samples", sorted((pool / "samples").glob("*.parquet")), columns
    ):
        counts, level = bagproblems.counted(text), levels[question]
        done = max(1, counts.written + counts.skipped)
        solutions[sample] = Solution(
            question, level, tokens, right[sample] == "right", counts.skipped / done, counts.redundant / level
        )
    return solutions


def premise(pools: Sequence[Pool], redundant: bool = False) -> Table:
    """Tabulate accuracy by difficulty and manner; by the share of skipped steps, or of redundant ones."""
    groups: dict[str, Callable[[Solution], bool]] = (
        {"at most 1 redundant in 3 steps": lambda s: s.redundant <= 1 / 3, "more": lambda s: s.redundant > 1 / 3}
        if redundant
        else {name: lambda s, name=name: s.manner == name for name in ("written", "mixed", "skipped")}  # type: ignore[misc]
    )
    table = [["steps", *(f"{name}, % correct (samples)" for name in groups)]]
    for band, (low, high) in BANDS.items():
        row = [band]
        for chosen in groups.values():
            within = [[s for s in pool.values() if low <= s.difficulty <= high and chosen(s)] for pool in pools]
            accuracies = [100 * fmean(s.right for s in some) for some in within if some]
            row.append(f"{shown(mean(accuracies))} ({sum(map(len, within)):,})" if accuracies else "-")
        table.append(row)
    return table


def composition(seeds: Sequence[Path], drawn: dict[Path, Pool]) -> Table:
    """Tabulate the correct samples of the pool, and the kept ones of each method; the seed set is left out."""
    kept: dict[str, list[list[Solution]]] = defaultdict(list)
    for seed in seeds:
        kept["(all correct samples)"].append([s for s in drawn[seed].values() if s.right])
        for policy in policies(seed):
            if policy != POLICY:
                kept[policy].append(training(seed, policy, drawn[seed]))
    table = [
        ["training set", "solutions", "questions", "mean steps", "steps written out %", "redundant per step", "tokens"]
    ]
    for policy, sets in kept.items():
        figures: list[Callable[[list[Solution]], float]] = [
            len,
            lambda some: len({s.question for s in some}),
            lambda some: fmean(s.difficulty for s in some),
            lambda some: 100 - 100 * weighted(some, "skipped"),
            lambda some: weighted(some, "redundant"),
            lambda some: fmean(s.tokens for s in some),
        ]
        digits = (0, 0, 2, 1, 2, 1)
        table.append(
            [policy, *(shown(mean([float(f(some)) for some in sets]), d) for f, d in zip(figures, digits, strict=True))]
        )
    return table


def weighted(some: Iterable[Solution], share: str) -> float:
    """Average a share over steps rather than solutions."""
    pairs = [(getattr(s, share) * s.difficulty, s.difficulty) for s in some]
    return sum(part for part, _ in pairs) / sum(whole for _, whole in pairs)


def policies(seed: Path) -> list[str]:
    """Name a seed's trained policies, sft-initial first."""
    found = sorted(path.parent.name for path in seed.glob("*/filtered.parquet"))
    return sorted(found, key=lambda name: (name != POLICY, name))


def training(seed: Path, policy: str, drawn: Pool) -> list[Solution]:
    """Give the sampled solutions that a policy was trained on."""
    read = {POOL: drawn}
    chosen = []
    for sample, source in tables.tuples("filtered", seed / policy / "filtered.parquet", ["sample_id", "source"]):
        if source == "seed":
            continue
        if source not in read:
            read[source] = read_pool(seed / POLICY / source, seed / "data/unlabelled.parquet")
        chosen.append(read[source][sample])
    return chosen


def evaluations(seeds: Sequence[Path]) -> Table:
    """Tabulate accuracy by difficulty, tokens and manner of each policy's greedy answers to the test questions."""
    bands = [f"{band} steps" for band in BANDS]
    table = [["policy", "accuracy %", *bands, "tokens", "steps written out %", "redundant per step"]]
    for policy in policies(seeds[0]):
        sets = [tested(seed, policy) for seed in seeds if (seed / policy / "eval").is_dir()]
        if not sets:
            continue
        row = [shown(mean([100 * fmean(s.right for s in some) for some in sets]))]
        for low, high in BANDS.values():
            within = [[s.right for s in some if low <= s.difficulty <= high] for some in sets]
            row.append(shown(mean([100 * fmean(some) for some in within])))
        row.append(shown(mean([fmean(s.tokens for s in some) for some in sets])))
        row.append(shown(mean([100 - 100 * weighted(some, "skipped") for some in sets])))
        row.append(shown(mean([weighted(some, "redundant") for some in sets]), 2))
        table.append([policy, *row])
    return table


def learning(seeds: Sequence[Path], window: int = 10) -> Table:
    """Tabulate the learning curves of reinforcement learning: accuracy and tokens of a window's rollouts."""
    courses: dict[str, list[list[tables.Row]]] = {}
    for told in (path for seed in seeds for path in sorted(seed.glob("*/train.json"))):
        course = read_json(told).get("course", [])
        if course and "length" in course[0]:
            courses.setdefault(told.parent.name, []).append(course)
    last = max((len(course) for runs in courses.values() for course in runs), default=0)
    windows = [(first, first + window) for first in range(0, last, 2 * window)]
    table = [["policy", *(f"steps {first + 1}-{end}" for first, end in windows)]]
    for policy, runs in courses.items():
        cells = []
        for first, end in windows:
            rights = mean([100 * fmean(step["rewards"]["accuracy"] for step in run[first:end]) for run in runs])
            lengths = mean([fmean(step["length"] for step in run[first:end]) for run in runs])
            cells.append(f"{rights.value:.0f} % / {lengths.value:.0f}")
        table.append([policy, *cells])
    return table


def tested(seed: Path, policy: str) -> list[Solution]:
    """Read a policy's answers to the test questions of the task that it was trained on."""
    benchmark = seed.parent.name
    questions = seed.parents[1] / f"benchmarks/{benchmark}.parquet"
    return list(read_pool(seed / policy / "eval" / benchmark, questions).values())


def followed(seeds: Sequence[Path], drawn: dict[Path, Pool]) -> Table:
    """Tabulate how a score changes within a question: standard deviations of the score per step written out, and per
    redundant step, by least squares over the correct samples."""
    table = [["score", "per step written out", "per redundant step"]]
    chosen: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for seed in seeds:
        right = {name: s for name, s in drawn[seed].items() if s.right}
        chosen["fewest tokens"].append(effects(right, {name: -float(s.tokens) for name, s in right.items()}))
        for path in sorted((seed / POLICY / POOL).glob("*-scores.parquet")):
            scores = {name: score for name, score in tables.scores(path) if name in right}
            chosen[path.stem.removesuffix("-scores")].append(effects(right, scores))
    for name, found in chosen.items():
        table.append([name, *(shown(mean([pair[at] for pair in found]), 2, sign=True) for at in (0, 1))])
    return table


def effects(solutions: Pool, scores: dict[str, float]) -> tuple[float, float]:
    """Regress a score, in its standard deviations within questions, on the written and redundant steps of a solution;
    all are taken relative to their means over the question."""
    by_question: dict[str, list[list[float]]] = defaultdict(list)
    for name, score in scores.items():
        s = solutions[name]
        by_question[s.question].append([(1 - s.skipped) * s.difficulty, s.redundant * s.difficulty, score])
    centred: NDArray[np.float64] = np.concatenate(
        [np.array(rows) - np.mean(rows, axis=0) for rows in by_question.values() if len(rows) > 1]
    )
    found, *_ = np.linalg.lstsq(centred[:, :2], centred[:, 2] / centred[:, 2].std(), rcond=None)
    return float(found[0]), float(found[1])


def shown(estimate: Estimate, digits: int = 1, sign: bool = False) -> str:
    """Write a mean with its interval, where there are several seeds."""
    form = f"{'+' if sign else ','}.{digits}f"
    interval = "" if estimate.low is None else f" [{estimate.low:{form}}, {estimate.high:{form}}]"
    return f"{estimate.value:{form}}{interval}"


if __name__ == "__main__":
    main()
