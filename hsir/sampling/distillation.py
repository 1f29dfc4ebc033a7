"""Distillation: traces of a task's questions from a teacher, requested until each question has a correct one.

Every answer is saved immediately, and is never requested again.
"""

import hashlib
import json
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from hsir import disk, jsontext
from hsir.errors import InputError
from hsir.progress import say, track
from hsir.sampling.teacher import Messages, Reply, Teacher, UnansweredError
from hsir.storage import tables
from hsir.tasks import distilled
from hsir.tasks.base import BaseTask
from hsir.tasks.benchmark import Benchmark
from hsir.tasks.record import Record

GIVE_UP = 10
"""Number of consecutive UnansweredErrors (at least twice the number of parallel requests) after which the endpoint
counts as dead."""


class Outcome(NamedTuple):
    """The outcome of a question: `right` with its trace, or the reason why it has none."""

    reason: str
    why: str = ""
    extracted: str | None = None
    text: str = ""
    trace: str | None = None
    attempts: int = 0


def remembered(journal: Path) -> dict[tuple[str, str], list[Reply]]:
    """Read the saved answers, by question and request; a final line cut off by a kill is dropped.

    Raises InputError naming a line that this stage did not write.
    """
    answers: dict[tuple[str, str], list[Reply]] = defaultdict(list)
    if not journal.is_file():
        return answers
    whole = 0
    with journal.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                row = jsontext.parse(line)
                answers[row["id"], row["asked"]].append(Reply(**{name: row[name] for name in Reply._fields}))
            except (ValueError, LookupError, TypeError) as error:
                raise InputError(f"{journal}, line {number}: not an answer of this journal; remove the line") from error
            whole += len(line)
    os.truncate(journal, whole)
    return answers


def judged(task: BaseTask, record: Record, reply: Reply, attempts: int) -> Outcome:
    """Grade an answer, and build its trace if it is correct."""
    text = reply.completion()
    if reply.refusal or reply.finish == "content_filter":
        return Outcome("refused", reply.refusal or reply.finish, None, text, None, attempts)
    found = distilled.convert(task.grading, record, text, reply.steps(), reply.finish == "length")
    return Outcome(found.reason, found.why, found.extracted, text, found.trace, attempts)


class Distillation:
    """The state of all questions of one output."""

    def __init__(self, task: BaseTask, teacher: Teacher, system: str | None, attempts: int, output: Path) -> None:
        own = task.DISTILL_SYSTEM if isinstance(task, Benchmark) else None
        self.task, self.teacher, self.attempts, self.output = task, teacher, attempts, output
        self.system = own if system is None else system
        self.journal = output.with_suffix(".answers.jsonl")
        self.outcomes: dict[str, Outcome] = {}
        self.in_a_row, self.most = 0, GIVE_UP

    def make(self, records: list[Record], parallel: int) -> None:
        """Request what is not finished and write the outputs; raises InputError if all requests failed."""
        self.recall(records)
        todo = [record for record in records if self.is_open(record)]
        done = len(records) - len(todo)
        if done:
            say(f"resuming: {done:,} of {len(records):,} questions are finished")
        failed = self.ask(todo, done, parallel) if todo else {}
        self.write(records, failed)
        if failed and len(failed) == len(todo):
            raise InputError(f"all {len(todo):,} requests failed, the last: {[*failed.values()][-1]}; rerun")

    def recall(self, records: list[Record]) -> None:
        """Grade the saved answers to exactly the requests that would be sent now."""
        answers, used = remembered(self.journal), 0
        for record in records:
            for reply in answers.get((record.id, self.digest(record)), []):
                self.settle(record, reply)
                used += 1
        others = sum(map(len, answers.values())) - used
        if others:
            say(f"{self.journal}: {others:,} answers belong to other prompts, models or options, and are ignored")

    def ask(self, todo: list[Record], done: int, parallel: int) -> dict[str, str]:
        """Request answers until each question is finished; returns the reason for each request that failed.

        Raises InputError if the endpoint seems dead.
        """
        self.most = max(GIVE_UP, 2 * parallel)
        with disk.naming(self.journal), self.journal.open("ab") as journal:
            jobs = (self._until_right(record, journal) for record in todo)
            asking = self.teacher.ask_all(jobs, parallel)
            results = list(track(asking, "distilling", "questions", done + len(todo), done))
        return {name: error for name, error in results if error}

    def write(self, records: list[Record], failed: dict[str, str]) -> None:
        """Write the correct traces and, with reasons, the rejected answers."""
        kept, rejected = [], []
        for record in records:
            outcome = self.outcomes.get(record.id, Outcome(""))
            row = record.model_dump(exclude_none=True, exclude={"trace"}) | {"teacher": self.teacher.endpoint.model}
            if outcome.trace is not None:
                kept.append(row | {"trace": outcome.trace})
                continue
            reason = f"error: {failed[record.id]}" if record.id in failed else outcome.reason
            shown = {"reason": reason, "why": outcome.why, "extracted": outcome.extracted, "text": outcome.text}
            rejected.append(row | shown | {"attempts": outcome.attempts})
        others = self.output.with_suffix(".rejected.jsonl")
        write_lines(rejected, others)
        write_lines(kept, self.output)  # last: if it exists, both exist
        say(f"{len(kept):,} of {len(records):,} questions have a correct trace: {self.output}")
        if rejected:
            counts = Counter(row["reason"].partition(":")[0] for row in rejected).most_common()
            told = ", ".join(f"{count:,} {reason}" for reason, count in counts)
            say(f"{len(rejected):,} have none ({told}): {others}")
        if failed:
            say(f"{len(failed):,} questions failed; rerun to request only those")

    def is_open(self, record: Record) -> bool:
        """Return whether a question needs another request."""
        outcome = self.outcomes.get(record.id, Outcome(""))
        return outcome.trace is None and outcome.attempts < self.attempts

    def settle(self, record: Record, reply: Reply) -> None:
        """Grade an answer to a question that has no correct one yet."""
        before = self.outcomes.get(record.id, Outcome(""))
        if before.trace is None:
            self.outcomes[record.id] = judged(self.task, record, reply, before.attempts + 1)

    def messages(self, record: Record) -> Messages:
        """Build the teacher's prompt: the benchmark's teacher prompt, else the task's own."""
        prompt = self.task.distill_prompt(record) if isinstance(self.task, Benchmark) else self.task.prompt(record)
        system: Messages = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": prompt}]

    def digest(self, record: Record) -> str:
        """Hash everything that determines an answer; the endpoint and the number of attempts do not."""
        asked = self.teacher.endpoint
        made_of = [asked.model, asked.temperature, asked.max_new_tokens, self.messages(record)]
        return hashlib.blake2b(json.dumps(made_of).encode(), digest_size=8).hexdigest()

    async def _until_right(self, record: Record, journal: BinaryIO) -> tuple[str, str | None]:
        """Request answers to one question until it is finished; returns its id, and the reason if a request failed."""
        while self.is_open(record):
            try:
                reply = await self.teacher.ask(self.messages(record))
            except UnansweredError as error:
                self.in_a_row += 1
                if self.in_a_row == self.most:
                    told = f"{self.in_a_row} requests in a row failed, the last: {error}"
                    raise InputError(f"{told}; answers are kept: check the endpoint, and rerun") from error
                return record.id, str(error)
            self.in_a_row = 0
            self._keep(record, reply, journal)
            self.settle(record, reply)
        return record.id, None

    def _keep(self, record: Record, reply: Reply, journal: BinaryIO) -> None:
        """Save an answer before anything else can fail."""
        row = {"id": record.id, "asked": self.digest(record), "model": self.teacher.endpoint.model, **reply._asdict()}
        journal.write(json.dumps(row).encode() + b"\n")
        journal.flush()
        os.fsync(journal.fileno())


def write_lines(rows: list[dict[str, Any]], path: Path) -> None:
    """Write JSONL atomically."""
    with tables.atomic(path) as temporary, temporary.open("w", encoding="ascii") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
