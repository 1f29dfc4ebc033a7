"""Worker processes with a hard deadline: a call that does not return in time is killed with its worker.

Signals cannot interrupt a computation inside C code, such as 10^10^10 with integers; only killing the process can.
"""

import json
import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import IO, Any, cast

PATIENCE = 60.0
"""Timeout in seconds for a new worker's imports."""


class Worker:
    """One process that replies to a line of JSON with a line of JSON."""

    def __init__(self, module: str) -> None:
        here = os.pathsep.join(path for path in sys.path if path)
        self.process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": here}, start_new_session=True,
        )  # fmt: skip
        # Never None, as both are pipes; asserted once here for the type checker.
        self.input: IO[bytes] = cast("IO[bytes]", self.process.stdin)
        self.output: IO[bytes] = cast("IO[bytes]", self.process.stdout)
        self.due = time.monotonic() + PATIENCE
        self.ready = False
        self.task: int | None = None
        self.buffer = b""

    def ask(self, number: int, payload: Any, deadline: float) -> None:
        """Send a task; its time limit starts now."""
        self.task, self.due = number, time.monotonic() + deadline
        try:
            self.input.write(json.dumps(payload).encode() + b"\n")
            self.input.flush()
        except OSError:  # it died between two tasks: the wait will find its output closed
            pass

    def read_line(self) -> bytes | None:
        """Read available output: a complete line, b"" if the process has ended, None if the line is incomplete."""
        chunk = os.read(self.output.fileno(), 1 << 16)
        if not chunk:
            return b""
        self.buffer += chunk
        line, newline, rest = self.buffer.partition(b"\n")
        if not newline:
            return None
        self.buffer = rest
        return line

    def end(self) -> None:
        """Kill the process and reap it."""
        self.process.kill()
        self.process.communicate()


class Pool:
    """A fixed number of workers, started on first use, and replaced if they die or miss the deadline."""

    def __init__(self, module: str, workers: int, deadline: float) -> None:
        self.module, self.size, self.deadline = module, workers, deadline
        self.workers: list[Worker] = []

    def run(self, payloads: Sequence[Any]) -> list[Any]:
        """Return the replies in order; None for a task whose worker died or missed the deadline."""
        waiting = deque(enumerate(payloads))
        answers: dict[int, Any] = {}
        while len(answers) < len(payloads):
            self._hand_out(waiting)
            answers.update(self._collect())
        return [answers[number] for number in range(len(payloads))]

    def close(self) -> None:
        """Kill all workers."""
        for worker in self.workers:
            worker.end()
        self.workers.clear()

    def _busy(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.task is not None]

    def _hand_out(self, waiting: deque[tuple[int, Any]]) -> None:
        while len(self.workers) < min(self.size, len(waiting) + len(self._busy())):
            self.workers.append(Worker(self.module))
        for worker in self.workers:
            if waiting and worker.task is None and worker.ready:
                worker.ask(*waiting.popleft(), self.deadline)

    def _collect(self) -> Iterator[tuple[int, Any]]:
        """Wait for the first reply or deadline; return the finished tasks."""
        watched = [worker for worker in self.workers if worker.task is not None or not worker.ready]
        wait = max(0.0, min(worker.due for worker in watched) - time.monotonic())
        with selectors.DefaultSelector() as selector:
            for worker in watched:
                selector.register(worker.output, selectors.EVENT_READ, worker)
            heard = [key.data for key, _ in selector.select(wait)]
        for worker in heard:
            yield from self._hear(worker)
        for worker in watched:
            if worker in self.workers and time.monotonic() > worker.due:
                yield from self._lose(worker)

    def _hear(self, worker: Worker) -> Iterator[tuple[int, Any]]:
        line = worker.read_line()
        if line == b"":
            yield from self._lose(worker)
        elif line is not None and not worker.ready:
            worker.ready, worker.due = True, float("inf")
        elif line is not None and worker.task is not None:
            number, worker.task, worker.due = worker.task, None, float("inf")
            yield number, json.loads(line)

    def _lose(self, worker: Worker) -> Iterator[tuple[int, Any]]:
        self.workers.remove(worker)
        worker.end()
        if not worker.ready:
            raise RuntimeError(f"a worker of {self.module} did not start; run `python -m {self.module}` to see why")
        if worker.task is not None:
            yield worker.task, None
