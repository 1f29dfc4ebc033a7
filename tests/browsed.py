"""Shared by the tests of `hsir browse`: a small run with everything that its pages show."""

from pathlib import Path
from typing import Any

from hsir import traces
from hsir.config.training import Limits, Loser
from hsir.selection.filters import Selection
from hsir.stages import filter as filter_stage
from hsir.storage import tables

STEPS = ["First 3+4=7.", "So the answer is 7.", "Wait, 7+1=8."]
FAILED = traces.compose(STEPS, "8")
CUT = 1
PREFIX = FAILED[: FAILED.index(STEPS[CUT]) + len(STEPS[CUT])]
SELECT = [
    {"kind": "right"},
    {"kind": "distinct"},
    {"kind": "at_most", "per_question": 2, "pick": "shortest"},
    {"kind": "indiv", "threshold": -0.5, "standardise": "none"},
]
HARD = "q001"
"""A question that only the recycled solution solves; nothing can be recycled for the next."""


def lay_down(results: Path, questions: int = 4, **options: Any) -> Path:
    """Write a run under a folder of results; return the folder of its seed. `options` are those of `select`."""
    root = results / "tiny/sums/seed0"
    names = [f"q{n:03d}" for n in range(questions)]
    tables.write("questions", [question(name) for name in names], root / "data/unlabelled.parquet", {})
    tables.write("questions", [question(f"t{n}") for n in range(3)], results / "tiny/benchmarks/sums.parquet", {})
    plain = [row for name in names for row in solutions(name)]
    write(root / "start/k5", plain, {"kind": "sample", "samples": 5})
    failed = [row["sample_id"] for row, answer in plain if answer == "8"]
    cuts = [cut(name, CUT if name == f"{HARD}-k5-0" else None) for name in failed]
    tables.write("veriexit", cuts, root / "start/k5-exit/veriexit.parquet", {"options": {"steps": "blank_line"}})
    again = f"{PREFIX}{traces.EXIT_PROMPT}7\n</answer>"
    recycled = [(sample(f"{HARD}-k5-exit-{n}", HARD, again, n, parent=f"{HARD}-k5-0"), "7") for n in range(2)]
    write(root / "start/k5-exit", recycled, {"kind": "veriexit", "of": "k5", "samples": 2})
    probes = [(sample(f"{HARD}-k5-probe-0", HARD, f"{PREFIX}\n</think>9", parent=f"{HARD}-k5-0"), "9")]
    write(root / "start/k5-probe", probes, {"kind": "probe", "of": "k5", "samples": 1})
    for policy, answers in (("start", "887"), ("m.1", "877")):
        drawn = [(sample(f"t{n}-eval/sums-0", f"t{n}", trace(a), n), a) for n, a in enumerate(answers)]
        write(root / policy / "eval/sums", drawn, {"kind": "sample", "samples": 1})
    select(root, **options)
    return root


def select(
    root: Path, filters: list[dict[str, Any]] = SELECT, max_length: int = 2048, pairs: Loser | None = None
) -> None:
    """Select the training set of the policy `m.1`, by the stage itself."""
    pools = [root / "start" / name for name in ("k5", "k5-exit")]
    filter_stage.main(
        root / "m.1/filtered.parquet", root / "m.1/funnel.json", Selection.model_validate(filters),
        Limits(max_length=max_length), questions=root / "data/unlabelled.parquet",
        pool=[f"{pool.name}={path}" for pool in pools for path in sorted((pool / "samples").iterdir())],
        verified=[pool / "verified.parquet" for pool in pools],
        scores=[pool / "indiv-scores.parquet" for pool in pools], pairs=pairs,
    )  # fmt: skip


def question(name: str) -> tables.Row:
    """Make a question; its difficulty is the last digit of its name."""
    return {
        "question_id": name, "question": f"What is {name}?", "gold": "7", "difficulty": int(name[-1]), "options": None,
        "prompt_ids": [1], "trace": None, "trace_ids": None,
    }  # fmt: skip


def solutions(name: str) -> list[tuple[tables.Row, str]]:
    """Return five solutions, each with its answer: a failed one, equal ones, a long one, and one of low diversity."""
    right = "8" if name == HARD else "7"
    texts = [FAILED, trace(right), trace(right), trace(right), trace(right)]
    tokens = [9, 4, 4, 8, 5]
    ids = [[9], [1, 2], [1, 2], [3, 3], [4, 5]]
    return [
        (sample(f"{name}-k5-{n}", name, text, tokens=k) | {"completion_ids": own}, "8" if text is FAILED else right)
        for n, (text, k, own) in enumerate(zip(texts, tokens, ids, strict=True))
    ]


def trace(answer: str) -> str:
    """Make a solution."""
    return traces.compose(["3+4=7."], answer)


def sample(
    name: str, question: str, text: str, number: int = 0, tokens: int = 5, parent: str | None = None
) -> tables.Row:
    """Make a row of samples; a continuation was cut after the step CUT."""
    return {
        "sample_id": name, "question_id": question, "prompt_ids": [1], "completion": text,
        "completion_ids": [7, number], "n_tokens": tokens, "n_generated": tokens, "finish": "stop", "seed": 0,
        "parent_id": parent, "cut_step": None if parent is None else CUT,
    }  # fmt: skip


def cut(name: str, step: int | None) -> tables.Row:
    """Make a row of cuts."""
    prefix = None if step is None else [1]
    return {
        "parent_id": name, "question_id": name[:4], "prompt_ids": [1], "cut_step": step, "prefix_ids": prefix,
    }  # fmt: skip


def write(folder: Path, drawn: list[tuple[tables.Row, str]], pool: dict[str, Any]) -> None:
    """Write a pool in two shards, with its verdicts, and scores: -1 of the fifth solution, else 1."""
    rows = [row for row, _ in drawn]
    for n, part in enumerate((rows[: len(rows) // 2], rows[len(rows) // 2 :])):
        tables.write("samples", part, folder / f"samples/{n}-of-2.parquet", {"options": {"pool": pool}})
    verdicts = [
        {"sample_id": row["sample_id"], "extracted": answer, "verdict": "right" if answer == "7" else "wrong",
         "why": "tags"}
        for row, answer in drawn
    ]  # fmt: skip
    tables.write("verified", verdicts, folder / "verified.parquet", {})
    parts = {"m": 2, "d": 4, "logdet": 0.0, "sum_log_attention": 0.0, "variance": 1.0, "n_tokens": 2}
    scores = [
        {"sample_id": row["sample_id"], **parts, "indiv": -1.0 if row["sample_id"].endswith("k5-4") else 1.0}
        for row, answer in drawn
        if answer == "7"
    ]
    tables.write("indiv-scores", scores, folder / "indiv-scores.parquet", {})
