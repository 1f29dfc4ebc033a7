"""Rehearsals of all tables and figures of the paper and its appendix, to their reports."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from hsir.config import read_yaml
from hsir.config.overlay import overlay
from tests.fake_teacher import message
from tests.workflow.conftest import PROJECT, snakemake

PAPER = {path.stem: read_yaml(path) for path in sorted((PROJECT / "config/paper").glob("*.yaml"))}
SAMPLED = "appendix-self-consistency"
"""Merged with the others, it would sample all of their evaluations."""


class Agreeable(BaseHTTPRequestHandler):
    """A judge that says yes to every step."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        said = message("yes")
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: Any) -> None:
        """Keep the log of the tests clean."""


@contextmanager
def judging() -> Iterator[str]:
    """Yield the address of a judge."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Agreeable) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def with_judge(config: dict[str, Any], endpoint: str) -> dict[str, Any]:
    """Return a config with the judge at another address."""
    return overlay(config, {"judge": {"endpoint": endpoint}})


def merged(names: list[str]) -> dict[str, Any]:
    """Return one config with the runs of several, so that they share policies and pools; none may change another.

    Runs of the appendix, whose methods are the same on both tasks, have their first task alone.
    """
    whole = overlay(*(PAPER[name] for name in names))
    for name in names:
        for keys, value in leaves({**PAPER[name], "run": None}):
            assert dict(leaves({**whole, "run": None}))[keys] == value, f"{name} and another file set {'.'.join(keys)}"
    built = [PAPER[name]["run"] for name in names]
    runs = [run for one in built for run in ([one] if isinstance(one, str) else one)]
    short = [run for run in runs if run.startswith("appendix")]
    first = {run: {"tasks": whole["runs"][run]["tasks"][:1]} for run in short}
    return overlay(whole, {"run": runs, "runs": first, "rehearse": True})


def leaves(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the values of nested mappings, each with its keys."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*above, str(key)))
    else:
        yield above, value


def rehearse(folder: Path, config: dict[str, Any]) -> None:
    """Rehearse the runs of a config, and check that each has a report that says what it is."""
    done = snakemake(folder, "--scheduler", "greedy", config=config)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for run in config["run"]:
        report = folder / "results-rehearsal/runs" / run
        assert (report / "results.md").read_text().startswith(f"# Results of {run} (rehearsal)")
        assert "these numbers mean nothing" in (report / "front.html").read_text()
        figures = sorted(report.glob("*.svg"))
        assert figures and all(">rehearsal</text></svg>" in figure.read_text() for figure in figures)


def test_pairs_rollouts_matchers_and_a_judge_run_to_their_reports(tmp_path: Path) -> None:
    names = ["table5", "table6", "appendix-matchers", "appendix-judge"]
    with judging() as endpoint:
        rehearse(tmp_path, with_judge(merged(names), endpoint))
    small, large = (tmp_path / f"results-rehearsal/{model}/medqa/seed0" for model in ("qwen2.5-1.5b", "qwen2.5-7b"))
    told = json.loads((small / "h-grpo.1/train.json").read_text())
    assert told["steps"] == 2 and told["rollouts"] == 16
    assert json.loads((large / "hsir-dpo.1/train.json").read_text())["examples"] > 0
    assert json.loads((large / "hsir-dpo.1/eval/gpqa.json").read_text())["questions"] == 24
    assert not (tmp_path / "results").exists()


@pytest.mark.whole
def test_all_tables_and_figures_run_to_their_reports(tmp_path: Path) -> None:
    with judging() as endpoint:
        rehearse(tmp_path, with_judge(merged([name for name in PAPER if name != SAMPLED]), endpoint))
        rehearse(tmp_path, merged([SAMPLED]))
