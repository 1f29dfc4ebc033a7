"""Stage distill, against a real server on loopback that behaves well and badly."""

import asyncio
import inspect
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hsir import traces
from hsir.errors import InputError
from hsir.grading import Choice, Item
from hsir.sampling import distillation
from hsir.sampling.teacher import Pace, Reply, check_address, take_key
from hsir.stages import distill
from hsir.tasks.jsonl import Jsonl, read_records
from hsir.tasks.medqa import MedQA
from hsir.tasks.record import Record
from tests.conftest import ROOT
from tests.fake_teacher import Fake, running

KEY = "sk-distil-5b1d0e-not-a-real-one"
TASK = Jsonl(kind="jsonl", instruction="")
RIGHT = ["right", "field", "vllm", "template", "untagged", "busy", "broken", "nul", "long", "echo"]
WRONG = {
    "wrong": "wrong", "answerless": "no_answer", "several": "undecided", "truncated": "truncated",
    "filtered": "refused", "thoughtless": "no_reasoning", "nested": "format",
}  # fmt: skip
FAILED = ["hang", "garbage", "long-ill", "bad"]
"""Requests that fail at the first start, each for a reason of its own, and are answered at the second."""
UNREADABLE = ["list", "deep", "empty", "html"]


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    """A teacher of one test."""
    with running(tmp_path / "requests.log", KEY) as teacher:
        yield teacher


def asked(path: Path, behaviours: list[str]) -> Path:
    """Write a file of questions that are named after what the teacher will do."""
    rows = [{"id": name, "question": f"{name.split('.')[0]} {name}: 2 + 2?", "answer": "4"} for name in behaviours]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def start(line: list[str], **environment: str) -> subprocess.Popen[str]:
    """Start the stage as a command of its own; its errors are read from stderr."""
    told = os.environ | {"NO_PROXY": "*", "no_proxy": "*"} | environment
    return subprocess.Popen(line, env=told, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def command(questions: Path, output: Path, fake: Fake, *more: str) -> list[str]:
    """Return the command line of the stage."""
    return [
        sys.executable, "-m", "hsir.stages.distill", "--task", TASK.model_dump_json(), "--questions", str(questions),
        "--endpoint", fake.url, "--model", "teacher-1", "--out", str(output), "--retries", "2", *more,
    ]  # fmt: skip


def run(
    monkeypatch: pytest.MonkeyPatch, questions: Path, output: Path, fake: Fake, task: Any = TASK, **options: Any
) -> None:
    """Run the stage in this process."""
    for name, value in {"OPENAI_API_KEY": KEY, "NO_PROXY": "*", "no_proxy": "*"}.items():
        monkeypatch.setenv(name, value)
    defaults = {
        name: parameter.default for name, parameter in inspect.signature(distill.main).parameters.items()
        if parameter.default is not parameter.empty
    }  # fmt: skip
    told = {"task": task, "endpoint": fake.url, "model": "teacher-1", "output": output, "questions": questions}
    distill.main(**(defaults | told | {"retries": 0} | options))


def rows(path: Path) -> dict[str, dict[str, Any]]:
    """Read a JSONL file by id."""
    return {row["id"]: row for row in map(json.loads, path.read_text().splitlines())}


class Finished:
    """A first start, over all behaviours at once, as a command of its own."""

    def __init__(self, folder: Path, fake: Fake) -> None:
        self.fake, self.folder, self.output = fake, folder, folder / "out" / "traces.jsonl"
        self.questions = asked(folder / "questions.jsonl", [*RIGHT, *WRONG, *FAILED, *UNREADABLE])
        line = command(self.questions, self.output, fake, "--timeout", "1", "--parallel", "32")
        with start(line, OPENAI_API_KEY=KEY, OPENAI_LOG="debug") as process:
            self.told = "".join(process.communicate())
        assert process.returncode == 0, self.told
        self.kept, self.rejected = rows(self.output), rows(self.output.with_suffix(".rejected.jsonl"))
        self.counts = fake.counts()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    folder = tmp_path_factory.mktemp("finished")
    with running(folder / "requests.log", KEY) as fake:
        yield Finished(folder, fake)


def test_right_answers_are_kept_as_traces_and_the_others_with_their_reason(finished: Finished) -> None:
    assert list(finished.kept) == RIGHT
    reasons = {name: row["reason"] for name, row in finished.rejected.items()}
    assert {name: reason for name, reason in reasons.items() if name in WRONG} == WRONG
    assert set(reasons) == {*WRONG, *FAILED, *UNREADABLE}
    for name in [*FAILED, *UNREADABLE]:
        assert reasons[name].startswith("error: "), (name, reasons[name])
    assert "--timeout" in reasons["hang"]
    assert "400 no, ***" in reasons["bad"]
    assert (
        finished.rejected["wrong"] | {"teacher": "teacher-1", "extracted": "5", "attempts": 1, "why": "tags"}
        == (finished.rejected["wrong"])
    )
    assert "That makes 5." in finished.rejected["wrong"]["text"]
    assert "10 of 25 questions have a correct trace" in finished.told


@pytest.mark.parametrize("name", RIGHT)
def test_a_trace_is_in_the_format_and_reads_back(finished: Finished, name: str) -> None:
    row = finished.kept[name]
    steps = [step for step, _ in traces.steps(row["trace"])]
    assert row["trace"] == traces.compose(steps, traces.answers(row["trace"])[0])
    assert row["teacher"] == "teacher-1"
    assert TASK.grading.in_tags().judge(Item(row["trace"], row["answer"])).verdict == "right"


def test_what_the_traces_say(finished: Finished) -> None:
    plain = "<think>\nTwo and two.\n\nThat makes 4.\n\n</think>\n<answer>\n4\n</answer>"
    for name in ("right", "template", "busy", "broken"):
        assert finished.kept[name]["trace"] == plain
    assert [step for step, _ in traces.steps(finished.kept["field"]["trace"])] == ["Two and two.", "The 4 tags."]
    assert [step for step, _ in traces.steps(finished.kept["nul"]["trace"])] == ["Two\ufffd and \ufffd two."]
    assert "Your key is ***." in finished.kept["echo"]["trace"]
    assert len(finished.kept["long"]["trace"]) > 999_000


def test_the_output_is_a_seed_set(finished: Finished) -> None:
    records = list(read_records(finished.output))
    assert [record.id for record in records] == RIGHT
    assert all(record.trace for record in records)


def test_what_is_sent(finished: Finished) -> None:
    first = finished.fake.requests()[0]
    assert first["path"] == "/v1/chat/completions"
    body = {"model": "teacher-1", "temperature": 0.6, "max_tokens": 16_384}
    assert first["body"].items() >= body.items()
    assert [message["role"] for message in first["body"]["messages"]] == ["user"]


def test_bad_servers_get_retries_good_ones_one_request(finished: Finished) -> None:
    again = {"busy": 2, "broken": 3, "long-ill": 3, "hang": 3}
    assert finished.counts == {name: again.get(name, 1) for name in [*RIGHT, *WRONG, *FAILED, *UNREADABLE]}


def test_the_next_start_asks_only_what_failed(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, finished.questions, finished.output, finished.fake)
    assert set(rows(finished.output)) == {*RIGHT, *FAILED}
    assert set(finished.fake.counts() - finished.counts) == {*FAILED, *UNREADABLE}
    with pytest.raises(InputError, match="all 4 requests failed"):
        run(monkeypatch, finished.questions, finished.output, finished.fake)
    assert set(rows(finished.output)) == {*RIGHT, *FAILED}


def test_the_key_is_in_no_file_and_in_no_message(finished: Finished) -> None:
    files = [path for path in finished.output.parent.rglob("*") if path.is_file()]
    names = [path.name for path in files]
    assert {"traces.jsonl", "traces.rejected.jsonl", "traces.answers.jsonl"} <= set(names)
    assert "HTTP" in finished.told, "the client's own log is on"
    assert KEY not in finished.told + "".join(names)
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert all(request["keyed"] for request in finished.fake.requests())


def test_killed_in_the_middle_it_requests_nothing_finished_again(fake: Fake, tmp_path: Path) -> None:
    questions = asked(tmp_path / "q.jsonl", [f"slow.{n}" for n in range(12)])
    output = tmp_path / "traces.jsonl"
    journal = output.with_suffix(".answers.jsonl")
    line = command(questions, output, fake, "--parallel", "2")
    with start(line, OPENAI_API_KEY=KEY) as process:
        wait_for(lambda: journal.is_file() and journal.read_bytes().count(b"\n") >= 4)
        os.kill(process.pid, signal.SIGKILL)
    assert not output.exists()
    answered = set(rows(journal))
    with journal.open("ab") as torn:
        torn.write(b'{"id": "slow.11", "asked": "')
    with start(line, OPENAI_API_KEY=KEY) as process:
        told = process.communicate()[1]
    assert process.returncode == 0, told
    assert 4 <= len(answered) < 12
    assert f"resuming: {len(answered)} of 12 questions are finished" in told
    assert list(rows(output)) == [f"slow.{n}" for n in range(12)]
    assert output.with_suffix(".rejected.jsonl").read_text() == ""
    counts = fake.counts()
    assert {counts[name] for name in answered} == {1}
    assert sum(counts.values()) <= 12 + 2, "what was on its way at the kill, two at most, is asked twice"


def wait_for(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_a_rejected_key_stops_all_at_once(fake: Fake, tmp_path: Path) -> None:
    questions = asked(tmp_path / "q.jsonl", [f"right.{n}" for n in range(20)])
    wrong = KEY.replace("not", "NOT")
    line = command(questions, tmp_path / "out" / "t.jsonl", fake, "--key-from", "MY_KEY", "--parallel", "3")
    with start(line, MY_KEY=wrong) as process:
        told, error = process.communicate()
    assert (process.returncode, told) == (1, "")
    *before, last = error.splitlines()
    assert last.startswith(
        f"hsir: error: {fake.url}: the API key is rejected (401); set the environment variable MY_KEY"
    )
    assert all(line.startswith("hsir: distilling 0/20 questions") for line in before)
    assert wrong not in error
    assert len(fake.requests()) <= 3
    assert not [path for path in (tmp_path / "out").rglob("*") if wrong.encode() in path.read_bytes()]
    assert not (tmp_path / "out" / "t.jsonl").exists()


@pytest.mark.parametrize(("behaviour", "told"), [("moved", "307"), ("unknown", "404 no such model")])
def test_what_no_question_can_fix_stops_all(
    behaviour: str, told: str, fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = asked(tmp_path / "q.jsonl", [f"{behaviour}.{n}" for n in range(5)])
    with pytest.raises(InputError, match=f"{told}.*check the account, --model teacher-1, and --endpoint"):
        run(monkeypatch, questions, tmp_path / "t.jsonl", fake, parallel=1)
    assert [request["path"] for request in fake.requests()] == ["/v1/chat/completions"]


def test_a_dead_endpoint_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = asked(tmp_path / "q.jsonl", [f"right.{n}" for n in range(50)])
    with running(tmp_path / "log", KEY) as fake:
        pass
    with pytest.raises(InputError, match=r"10 requests in a row failed, .*Connection error. \(ConnectError\)"):
        run(monkeypatch, questions, tmp_path / "t.jsonl", fake, parallel=2)
    asked(questions, ["right"])
    with pytest.raises(InputError, match="all 1 requests failed, the last: Connection error"):
        run(monkeypatch, questions, tmp_path / "t.jsonl", fake)
    assert rows(tmp_path / "t.rejected.jsonl")["right"]["reason"] == "error: Connection error. (ConnectError)"


def test_a_question_is_asked_until_it_is_right(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions, output = asked(tmp_path / "q.jsonl", ["fickle", "wrong", "right"]), tmp_path / "t.jsonl"
    run(monkeypatch, questions, output, fake, attempts=2)
    assert rows(output.with_suffix(".rejected.jsonl"))["fickle"]["attempts"] == 2
    run(monkeypatch, questions, output, fake, attempts=4)
    assert list(rows(output)) == ["fickle", "right"]
    assert fake.counts() == {"fickle": 3, "wrong": 4, "right": 1}


def test_another_grading_regrades_what_was_answered(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions, output = asked(tmp_path / "q.jsonl", ["untagged"]), tmp_path / "t.jsonl"
    run(monkeypatch, questions, output, fake)
    assert list(rows(output)) == ["untagged"]
    strict = TASK.model_copy(update={"grading": TASK.grading.in_tags()})
    run(monkeypatch, questions, output, fake, task=strict)
    assert rows(output) == {}
    assert fake.counts() == {"untagged": 1}


def test_another_request_is_sent_but_no_answer_is_thrown_away(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions, output = asked(tmp_path / "q.jsonl", ["right"]), tmp_path / "t.jsonl"
    run(monkeypatch, questions, output, fake)
    run(monkeypatch, questions, output, fake, temperature=1.0, system="Be brief.")
    assert "1 answers belong to other prompts, models or options" in capsys.readouterr().err
    assert [message["role"] for message in fake.requests()[1]["body"]["messages"]] == ["system", "user"]
    run(monkeypatch, questions, output, fake)
    assert fake.counts() == {"right": 2}


def test_an_alien_line_among_the_answers_is_named(tmp_path: Path) -> None:
    journal = tmp_path / "t.answers.jsonl"
    journal.write_text('{"id": "a"}\n')
    with pytest.raises(InputError, match=r"t\.answers\.jsonl, line 1: not an answer of this journal"):
        distillation.remembered(journal)


def test_requests_keep_the_pace(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = asked(tmp_path / "q.jsonl", ["right.0", "right.1", "right.2", "busy.3"])
    run(monkeypatch, questions, tmp_path / "t.jsonl", fake, requests_per_minute=600, retries=1)
    times = [request["time"] for request in fake.requests()]
    assert len(times) == 5
    assert times[-1] - times[0] > 0.3, "five requests, the retry too, a tenth of a second apart"


def test_the_pace_by_its_own_clock() -> None:
    now, slept = [0.0], []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    pace = Pace(30, clock=lambda: now[0], sleep=sleep)

    async def ask(times: int) -> None:
        for _ in range(times):
            await pace.wait("request")

    asyncio.run(ask(3))
    assert slept == [0, 2, 4], "a request each two seconds, however many come at once"
    now[0] = 100.0
    asyncio.run(ask(2))
    assert slept[3:] == [0, 2], "unused turns are not made up for"


def test_the_papers_prompt_is_asked_and_its_answers_read() -> None:
    task, options = MedQA(kind="medqa"), {"A": "three", "B": "four", "C": "five", "D": "six"}
    record = Record(id="m", question="2 + 2?", answer="B", options=options)
    work = distillation.Distillation(task, None, None, 1, Path("t.jsonl"))
    assert "##Explanation" in work.messages(record)[0]["content"]
    for content in ("##Explanation:\nTwo and two.\n\n##Answer:\nB", "##Answer:\nB. four", "##Answer: [B]"):
        outcome = distillation.judged(task, record, Reply("Two and two.", content, "stop", ""), 1)
        assert outcome.reason == "right", content
        assert Choice().in_tags().judge(Item(outcome.trace or "", "B", options)).verdict == "right"


def test_no_option_takes_a_key() -> None:
    assert {name for name in inspect.signature(distill.main).parameters if "key" in name} == {"key_from"}


def test_a_key_leaves_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", f" {KEY}\n")
    key = take_key("MY_KEY")
    assert key is not None
    assert key.get_secret_value() == KEY
    assert KEY not in repr(key)
    assert "MY_KEY" not in os.environ
    assert take_key("MY_KEY") is None


@pytest.mark.parametrize("key", ["two words-12345", "sk-\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"])
def test_a_key_that_no_header_carries_is_not_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", key)
    with pytest.raises(InputError, match="MY_KEY is not a valid key") as error:
        take_key("MY_KEY")
    assert key not in str(error.value)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://me:secret@host/v1", "remove user names"),
        ("https://host/v1?key=secret", "remove user names"),
        ("localhost:8000/v1", "not an http"),
        ("http://host:secret/v1", "not an http"),
        ("http://[secret/v1", "not an http"),
        ("file:///secret", "not an http"),
    ],
)
def test_an_address_that_is_invalid_is_not_asked(address: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as error:
        check_address(address)
    assert "secret" not in str(error.value)


def test_questions_that_cannot_be_asked_are_reported(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = asked(tmp_path / "q.jsonl", ["right", "right"])
    with pytest.raises(InputError, match="2 questions have the id 'right'"):
        run(monkeypatch, questions, tmp_path / "t.jsonl", fake)
    with pytest.raises(InputError, match=r"must be a \.jsonl file of its own"):
        run(monkeypatch, questions, questions, fake)
    with pytest.raises(InputError, match="use --split seed or unlabelled, or --questions"):
        run(monkeypatch, None, tmp_path / "t.jsonl", fake)
    asked(questions, [])
    with pytest.raises(InputError, match="there are no questions"):
        run(monkeypatch, questions, tmp_path / "t.jsonl", fake)
    assert not fake.requests()


def test_the_help_is_shown_without_the_client(root: Path) -> None:
    code = "import sys, hsir.stages.distill; print({'openai', 'httpx2', 'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "set()\n"
