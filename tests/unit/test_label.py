"""Labelling cuts by key: what is shown, what is written, and where it resumes."""

import json
import os
import pty
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from hsir.cli.label import shown
from hsir.grading import Number
from hsir.recycling.marked import Marked, marked
from hsir.recycling.matchers import Explicit
from hsir.storage import tables

TEXTS = {
    "s0": "<think>\n3+4=7.\n\nSo the answer is 7.\n\nWait, it is 8.\n\n</think>\n<answer>\n8\n</answer>",
    "s1": "<think>\nIt is 9.\n\n</think>\n<answer>\n9\n</answer>",
    "s2": "<think>\nSo the answer is 7. \x1b[31mRed.\n\nIt is 6.\n\n</think>\n<answer>\n6\n</answer>",
}
CUTS = {"s0": 1, "s1": None, "s2": 0}


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """Write the tables of a recycled pool, with paths from the run's folder, and give that folder."""
    samples, questions = Path("results/restem.1/k10/samples/0-of-1.parquet"), Path("results/data/unlabelled.parquet")
    table = Path("results/restem.1/k10-veriexit/veriexit.parquet")
    plain = {"question_id": "q", "prompt_ids": [1]}
    rows = [
        {
            **plain, "sample_id": name, "completion": text, "completion_ids": [1], "n_tokens": 1, "n_generated": 1,
            "finish": "stop", "seed": 0, "parent_id": None, "cut_step": None,
        }
        for name, text in TEXTS.items()
    ]  # fmt: skip
    question = {
        **plain, "question": "?", "gold": "7", "difficulty": None, "options": None, "trace": None, "trace_ids": None,
    }  # fmt: skip
    cuts = [{**plain, "parent_id": name, "cut_step": step, "prefix_ids": None} for name, step in CUTS.items()]
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        for kind, path, content in (("samples", samples, rows), ("questions", questions, [question])):
            path.parent.mkdir(parents=True)
            tables.write(kind, content, path, {})
        table.parent.mkdir(parents=True)
        made_by = tables.provenance("veriexit", [samples, questions], matcher=Explicit(), grading=Number())
        tables.write("veriexit", cuts, table, made_by)
    finally:
        os.chdir(before)
    return tmp_path


def label(pool: Path, keys: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the run's folder, with keys on its standard input."""
    return subprocess.run(
        [*COMMAND, "results/restem.1/k10-veriexit/veriexit.parquet", "--output", "labels.jsonl"],
        input=keys, capture_output=True, text=True, cwd=pool, env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip


COMMAND = [sys.executable, "-m", "hsir", "label", "cuts"]


def test_labels_are_appended_and_resumed(pool: Path) -> None:
    first = label(pool, "xr\nq")
    assert first.returncode == 0
    assert "[1 of 2] s0 of restem.1: step 2 of 3, gold answer 7" in first.stdout
    assert ">>answer is<< 7." in first.stdout
    assert "1 of 2 cuts labelled: 1 right, 0 doubtful, 0 wrong; 100% right" in first.stdout
    second = label(pool, "w")
    assert "s0 of restem.1" not in second.stdout
    assert "2 of 2 cuts labelled: 1 right, 0 doubtful, 1 wrong; 50% right" in second.stdout
    written = [json.loads(line) for line in (pool / "labels.jsonl").read_text().splitlines()]
    assert written == [
        {"sample_id": "s0", "policy": "restem.1", "step": 1, "statement": "answer is", "judged": "right"},
        {"sample_id": "s2", "policy": "restem.1", "step": 0, "statement": "answer is", "judged": "wrong"},
    ]


def test_a_key_on_a_terminal_is_enough(pool: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "results/restem.1/k10-veriexit/veriexit.parquet", "--output", "labels.jsonl"],
        stdin=theirs, stdout=subprocess.PIPE, text=True, cwd=pool, env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    ) as run:  # fmt: skip
        os.close(theirs)
        assert run.stdout is not None
        told = []
        for line in run.stdout:
            told.append(line)
            if "q quit" in line:
                while termios.tcgetattr(ours)[3] & termios.ICANON:  # until it reads keys, it throws them away
                    time.sleep(0.01)
                os.write(ours, b"q" if any("q quit" in earlier for earlier in told[:-1]) else b"d")
    os.close(ours)
    assert run.returncode == 0
    assert "1 of 2 cuts labelled: 0 right, 1 doubtful, 0 wrong" in told[-1]


def test_a_broken_label_is_named(pool: Path) -> None:
    (pool / "labels.jsonl").write_text('{"policy": "restem.1"}\n')
    told = label(pool, "r")
    assert told.returncode == 1
    assert "labels.jsonl, line 1: not a label of a cut" in told.stderr
    assert "Traceback" not in told.stderr


def test_missing_inputs_are_named(pool: Path) -> None:
    (pool / "results/data/unlabelled.parquet").unlink()
    told = label(pool, "r")
    assert told.returncode == 1
    assert "results/data/unlabelled.parquet" in told.stderr
    assert "run this command in the run's folder" in told.stderr


def test_escape_sequences_of_a_model_do_not_reach_the_terminal(pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pool)
    cuts: list[Marked] = list(marked(Path("results/restem.1/k10-veriexit/veriexit.parquet")))
    assert [one.sample_id for one in cuts] == ["s0", "s2"]
    assert "\x1b" in cuts[1].after
    assert "\x1b" not in shown(cuts[1], "2 of 2").plain
