"""A policy's card, and its upload to a hub on the loopback, which records what it receives."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from hsir.cli.push import sent
from hsir.errors import InputError
from hsir.report.card import card

PROJECT = Path(__file__).parents[2]
TOKEN = "hf_never_to_be_shown"  # noqa: S105
TRAIN = {
    "examples": 1878, "steps": 177, "tokens": 805587, "losses": [],
    "provenance": {
        "hsir": "0.1.0", "commit": "abc", "stage": "train",
        "inputs": {"Qwen/Qwen2.5-1.5B": "e1e4", "/home/someone/results/f.parquet": "ad93"},
        "options": {"seed": 3, "train": {"kind": "grpo", "lora": None, "devices": {"kind": "single"},
                                         "rewards": [{"kind": "accuracy"}]}},
    },
}  # fmt: skip
EVALUATION = {
    "questions": 400, "accuracy": {"value": 0.75, "low": 0.7055, "high": 0.7899}, "tokens": {"mean": 1234.56},
    "truncated": 0.01, "verdicts": {"right": 300, "wrong": 90, "no_answer": 10},
}  # fmt: skip


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    folder = tmp_path / "results/m/sums/seed3/star.2"
    for name, content in {
        "train.json": json.dumps(TRAIN), "eval/sums.json": json.dumps(EVALUATION),
        "funnel.json": json.dumps({"steps": [{"filter": "right", "total": 3208, "questions": 228}]}),
        "overlap.json": json.dumps({"overlaps": [
            {"benchmark": "sums", "source": "k10", "questions": 400, "exact": 0, "shared": {"8": 84, "13": 1}}
        ]}),
        "ledger.json": json.dumps({"cumulative": {"training_tokens": 983061}, "devices": ["NVIDIA H100"]}),
        "checkpoint/model.safetensors": "weights", "checkpoint/config.json": "{}", "checkpoint/training.bin": "pickle",
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_a_card_shows_what_the_stages_recorded(policy: Path) -> None:
    text = card(policy, "sums-star", "mit")
    _, metadata, body = text.split("---\n", 2)
    told = yaml.safe_load(metadata)
    assert (told["base_model"], told["license"]) == ("Qwen/Qwen2.5-1.5B", "mit")
    assert told["model-index"][0]["results"][0]["metrics"] == [{"type": "accuracy", "value": 0.75}]
    for line in (
        "The policy `star.2` of `m`, trained on `sums` with seed 3 by", "Base model: `Qwen/Qwen2.5-1.5B` (hash e1e4).",
        "1,878 examples, 177 steps, 805,587 tokens.",
        "| sums | 400 | 75.0 [70.5, 79.0] | 1,234.6 | 1.0 | 2.5 |", "| sums | k10 | 400 | 0 | 1 | 84 | ",
        "| right | 3,208 | 228 |", "| devices.kind | single |", '| rewards | [{"kind": "accuracy"}] |',
        "| training tokens | 983,061 |", "| device | NVIDIA H100 |", "| f.parquet | ad93 |",
    ):  # fmt: skip
        assert line in body.splitlines()
    assert "/home" not in text, "folders of one's own machine are nobody's business"


def test_a_card_does_without_what_is_not_there(policy: Path) -> None:
    for name in ("eval/sums.json", "funnel.json", "overlap.json", "ledger.json"):
        (policy / name).unlink()
    text = card(policy, "sums-star")
    assert "| none | | | | | |" in text and "model-index" not in text and "n-grams" not in text


def funnel(steps: list[dict[str, Any]], given: int) -> str:
    return json.dumps({"given": given, "steps": steps})


SAMPLED = [{"filter": "samples", "total": 90, "questions": 9}, {"filter": "right", "total": 22, "questions": 9}]
NONE = [{"filter": "samples", "total": 0, "questions": 0}]
KIND = "of the same kind"


@pytest.mark.parametrize(
    ("kind", "steps", "given", "said", "risk"),
    [
        ("sft", NONE, 32, "on 32 provided traces, written by another model or people; on none of its own.", "provided"),
        ("sft", SAMPLED, 32, "on 22 correct solutions written by an earlier policy, and 32 provided traces", KIND),
        ("sft", SAMPLED, 0, "on 22 correct solutions written by an earlier policy.", KIND),
        ("dpo", SAMPLED, 0, "by preference learning, on correct solutions", KIND),
        ("grpo", NONE, 0, "by reinforcement learning", KIND),
    ],
)
def test_a_card_says_what_the_policy_learnt_from(
    kind: str, steps: list[dict[str, Any]], given: int, said: str, risk: str, policy: Path
) -> None:
    train = json.loads(json.dumps(TRAIN))
    train["provenance"]["options"]["train"] = {"kind": kind}
    (policy / "train.json").write_text(json.dumps(train))
    (policy / "funnel.json").write_text(funnel(steps, given))
    text = card(policy, "sums-star")
    assert f"It was trained {said}" in text and risk in text.split("## Limitations")[1]


def test_a_local_base_is_named_through_the_policies_between(policy: Path) -> None:
    first, second = policy.with_name("sft-initial"), policy
    starts = {first: "/home/someone/models/mine", second: "results/m/sums/seed3/sft-initial/checkpoint"}
    for folder, start in starts.items():
        folder.mkdir(exist_ok=True)
        train = json.loads(json.dumps(TRAIN))
        train["provenance"]["inputs"] = {start: f"hash-of-{folder.name}", "f.parquet": "ad93"}
        (folder / "train.json").write_text(json.dumps(train))
    text = card(second, "sums-star")
    assert "Base model: `mine` (hash hash-of-sft-initial)." in text and "/home" not in text
    assert "base_model" not in yaml.safe_load(text.split("---\n", 2)[1])
    assert "Base model: `me/mine`" in card(second, "sums-star", base_model="me/mine")


def test_nothing_that_could_run_is_sent(policy: Path) -> None:
    assert set(sent(policy)) == {"model.safetensors", "config.json"}


@pytest.mark.parametrize(
    ("gone", "said"),
    [("train.json", "not a trained policy; pass results/MODEL"), ("checkpoint/model.safetensors", "no .*safetensors;")],
)
def test_what_is_not_a_trained_policy_is_reported(gone: str, said: str, policy: Path) -> None:
    (policy / gone).unlink()
    with pytest.raises(InputError, match=said):
        card(policy, "name")
        sent(policy)


class Hub(BaseHTTPRequestHandler):
    """As much of a hub as a commit of small files needs."""

    status = 200
    seen: dict[str, Any] = {}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.seen[self.path] = body
        address = f"http://127.0.0.1:{self.server.server_port}/me/sums"  # type: ignore[attr-defined]
        answers = {
            "/api/repos/create": {"url": address},
            "/api/models/me/sums/commit/main": {"success": True, "commitUrl": f"{address}/commit/1", "commitOid": "1"},
        }
        if self.path.endswith("/preupload/main"):
            asked = json.loads(body)["files"]
            plain = {"uploadMode": "regular", "shouldIgnore": False}
            answers[self.path] = {"files": [{"path": one["path"], **plain} for one in asked]}
        told = json.dumps(answers.get(self.path, {})).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(told)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    monkeypatch.setattr(Hub, "seen", {})
    server = HTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def push(policy: Path, server: HTTPServer | None, *options: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    port = server.server_port if server else 9
    own = {"HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_TOKEN": TOKEN, "NO_PROXY": "*", "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "hsir", "push", str(policy), "--to", "me/sums", *options]
    return subprocess.run(command, capture_output=True, text=True, env=kept | own, timeout=120)


def test_a_policy_is_sent_with_its_card_in_one_commit(policy: Path, hub: HTTPServer) -> None:
    told = push(policy, hub)
    assert (told.returncode, told.stdout.strip()[-8:]) == (0, "commit/1"), told.stderr
    assert json.loads(Hub.seen["/api/repos/create"])["visibility"] == "private"
    lines = [json.loads(line) for line in Hub.seen["/api/models/me/sums/commit/main"].splitlines()]
    files = {one["value"]["path"]: base64.b64decode(one["value"]["content"]) for one in lines if one["key"] == "file"}
    assert files["model.safetensors"] == b"weights" and set(files) == {"model.safetensors", "config.json", "README.md"}
    assert files["README.md"].decode() == card(policy, "sums")


def test_a_dry_run_lists_what_would_be_sent_and_asks_no_hub(policy: Path) -> None:
    told = push(policy, None, "--dry-run")
    assert told.returncode == 0, told.stderr
    assert "7 B  model.safetensors" in told.stdout and card(policy, "sums") in told.stdout


def test_a_hub_that_does_not_answer_is_reported(policy: Path) -> None:
    told = push(policy, None)
    assert told.returncode == 1 and "me/sums on http://127.0.0.1:9 cannot be written" in told.stderr
    assert "Traceback" not in told.stderr and TOKEN not in told.stderr


def test_a_hub_that_refuses_is_reported_with_a_fix(
    policy: Path, hub: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hub, "status", 401)
    told = push(policy, hub)
    assert told.returncode == 1 and "hf auth login" in told.stderr and "Traceback" not in told.stderr
    assert "401" in told.stderr and TOKEN not in told.stdout + told.stderr
