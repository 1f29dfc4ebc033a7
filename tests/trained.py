"""Shared by training tests: a few rows of every type, and the stage's command line."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hsir.config.training import Training
from hsir.storage import tables


def rows(options: Training, n: int = 12) -> list[tables.Row]:
    """Rows of unlike lengths; of twelve in batches of four, step 5 lies within the second epoch."""
    bare, pairs = options.learns_from == "questions", options.learns_from == "pairs"
    return [
        {"sample_id": str(n), "question_id": f"q{n}", "source": "k10", "difficulty": None, "score": None,
         "prompt_ids": [10 + n, 20 + n], "completion_ids": None if bare else list(range(30, 35 + 3 * n)),
         "loser_id": None, "loser_ids": list(range(90, 140 - 3 * n)) if pairs else None}
        for n in range(n)
    ]  # fmt: skip


def questions(n: int = 12) -> list[tables.Row]:
    """The questions that such rows name."""
    return [
        {"question_id": f"q{n}", "question": "?", "gold": "4", "difficulty": None, "options": None, "trace": None,
         "trace_ids": None, "prompt_ids": [10 + n, 20 + n]}
        for n in range(n)
    ]  # fmt: skip


def lay_down(folder: Path, options: Training, n: int = 12) -> None:
    """Write the tables that the stage reads."""
    tables.write("filtered", rows(options, n), folder / "f.parquet", {})
    tables.write("questions", questions(n), folder / "q.parquet", {})


def stage(folder: Path, embedded: Path, options: Training, name: str, **popen: Any) -> subprocess.Popen[str]:
    """Start the stage train by its command line, in a process group of its own."""
    command = [
        sys.executable, "-m", "hsir.stages.train", "--start", str(embedded), "--filtered", str(folder / "f.parquet"),
        "--train", options.model_dump_json(), "--questions", str(folder / "q.parquet"),
        "--task", '{"kind": "chains"}', "--out", str(folder / name), "--log", str(folder / f"{name}.json"),
    ]  # fmt: skip
    given: dict[str, Any] = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True} | popen
    return subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, **given)
