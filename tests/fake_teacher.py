"""A teacher on loopback that behaves as its questions tell it to: `python fake_teacher.py LOG [judge]` prints its port.

A question is "<behaviour> <name>: <text>". Each request is a line in LOG; one whose key is not TEACHER_KEY gets 401.
"""

import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

KEY = os.environ.get("TEACHER_KEY", "")
TAGGED = "<think>\nTwo and two.\n \n\nThat makes 4.\n</think>\n<answer>\n4\n</answer>"
counts: Counter[str] = Counter()
lock = threading.Lock()


def message(content: str | None, finish: str | None = "stop", **more: Any) -> bytes:
    """Write a reply as the API does."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **more}}
    return json.dumps({"id": "x", "object": "chat.completion", "choices": [choice]}).encode()


REPLIES = {
    "yes": message("yes"),
    "no": message("no"),
    "right": message(TAGGED),
    "slow": message(TAGGED),
    "field": message(
        "So: <answer>4</answer>", reasoning_content="Two and two.\r\n\r\n\r\nThe <answer>4</answer> tags.\n"
    ),
    "vllm": message("<answer>4</answer>", reasoning="Two and two."),
    "template": message(TAGGED.removeprefix("<think>\n")),
    "untagged": message("Two and two.\n\nThe answer is 4."),
    "paper": message("##Explanation:\nTwo and two.\n\n##Answer:\nB. four", reasoning_content="Two and two."),
    "wrong": message(TAGGED.replace("4", "5")),
    "answerless": message("I would rather not."),
    "several": message(TAGGED + "<answer>5</answer>"),
    "truncated": message("<think>\nTwo and", "length"),
    "filtered": message("", "content_filter"),
    "thoughtless": message("<think>\n\n</think>\n<answer>4</answer>"),
    "nested": message("<answer>4</answer>", reasoning_content="A </thi</think>nk> B"),
    "nul": message("<think>\nTwo\x00 and \ud800 two.\n</think>\n<answer>4</answer>"),
    "long": message("<think>\n" + "x " * 500_000 + "\n" * 50_000 + "</think>\n<answer>4</answer>"),
    "echo": message(f"<think>\nYour key is {KEY}.\n</think>\n<answer>4</answer>"),
    "list": b'{"choices": [{"message": {"content": [4]}}]}',
    "deep": b"[" * 100_000,
    "empty": b'{"choices": []}',
    "html": b"<html>Welcome!</html>",
}
"""What is sent with status 200; `slow` a little later."""

FIRST = {"busy": (429, 1), "broken": (500, 2), "long-ill": (503, 3), "bad": (400, 1)}
"""Behaviours that end well: status of the first so many requests."""


class Handler(BaseHTTPRequestHandler):
    """Answers chat completions."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = body["messages"][-1]["content"]
        if sys.argv[2:] == ["judge"]:
            asked = f"{'yes' if 'therefore' in asked.partition('<step>')[2].casefold() else 'no'} step: {asked}"
        behaviour, _, rest = asked.partition(" ")
        name, key = rest.partition(":")[0], self.headers["Authorization"].removeprefix("Bearer ")
        with lock:
            counts[name] += 1
            times = counts[name]
            told = {"name": name, "path": self.path, "time": time.monotonic(), "keyed": key == KEY, "body": body}
            with Path(sys.argv[1]).open("a") as log:
                log.write(json.dumps(told) + "\n")
        self.behave(behaviour, times, key)

    def behave(self, behaviour: str, times: int, key: str) -> None:
        """Do what a question says, this time."""
        status, first = FIRST.get(behaviour, (200, 0))
        if key != KEY:
            return self.reply(401, json.dumps({"error": {"message": f"Incorrect API key: {key}"}}).encode())
        if behaviour == "moved":
            return self.reply(307, b"", Location="/elsewhere")
        if behaviour == "unknown":
            return self.reply(404, b'{"error": {"message": "no such model"}}')
        if times <= first:
            return self.reply(
                status, json.dumps({"error": {"message": f"no, {key}"}}).encode(), **{"Retry-After": "0.1"}
            )
        if behaviour == "hang" and times <= 3:
            time.sleep(2)
        if behaviour == "slow":
            time.sleep(0.25)
        if behaviour == "garbage" and times == 1:
            return self.reply(200, b'{"choices": [{"mess')
        if behaviour == "fickle" and times <= 2:
            return self.reply(200, REPLIES["wrong"])
        return self.reply(200, REPLIES.get(behaviour, REPLIES["right"]))

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        """Send a whole response; the client may be gone."""
        try:
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Fake:
    """A running fake teacher, as the tests see it."""

    def __init__(self, port: int, log: Path) -> None:
        self.url, self.log = f"http://127.0.0.1:{port}/v1", log

    def requests(self) -> list[dict[str, Any]]:
        """Return what was asked so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.is_file() else []

    def counts(self) -> Counter[str]:
        """Count the requests by question."""
        return Counter(request["name"] for request in self.requests())


@contextmanager
def running(log: Path, key: str, *behaviour: str) -> Iterator[Fake]:
    """Run a fake teacher in a process of its own; as a `judge` it says yes to steps with the word "therefore"."""
    import subprocess

    command = [sys.executable, __file__, str(log), *behaviour]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"TEACHER_KEY": key}) as process:
        try:
            assert process.stdout
            yield Fake(int(process.stdout.readline()), log)
        finally:
            process.kill()


if __name__ == "__main__":
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()
