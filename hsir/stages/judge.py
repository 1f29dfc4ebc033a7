"""Stage judge: ask a model, step by step, whether failed solutions conclude the gold answer.

Every reply is saved immediately, in OUTPUT's `.replies.jsonl`, and is never requested again: a killed
stage resumes with the next request.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, BinaryIO, NamedTuple

import typer

from hsir import disk, jsontext, traces
from hsir.config.teacher import Judge
from hsir.errors import InputError
from hsir.grading.base import Choices
from hsir.grading.verdicts import has_gold
from hsir.progress import say, track
from hsir.recycling.judge import concluded, prompt
from hsir.sampling.teacher import Endpoint, Messages, Teacher, UnansweredError, check_address, take_key
from hsir.splitting import Layout
from hsir.stages import cli
from hsir.storage import belonging, tables


class Trace(NamedTuple):
    """A failed solution, with the context that the judge needs."""

    sample_id: str
    question: str
    answer: str
    """The gold answer, as shown to the judge."""
    gold: str
    steps: list[str]


def main(
    samples: Annotated[list[Path], typer.Option(help="Sample shards of the pool; repeat the option for each shard.")],
    verified: Annotated[Path, typer.Option(help="The pool's verdicts.")],
    questions: Annotated[Path, typer.Option(help="Table of questions, for the gold answers.")],
    judge: Annotated[Judge, cli.json_option(Judge, "The judge model, as JSON.")],
    output: Annotated[Path, cli.file_option("--out", "Output: judgements, one row per judged step.", *tables.SUFFIXES)],
    steps: Annotated[Layout, typer.Option(help="Step separator of a trace.")] = "blank_line",
) -> None:
    """Judge the steps of each failed solution in order, up to the first that concludes the gold answer."""
    check_address(judge.endpoint)
    key = take_key(judge.key_from)
    belonging.check_pool(samples, [verified], questions)
    failed = list(failed_traces(samples, verified, questions, steps))
    asked = Endpoint(
        url=judge.endpoint, model=judge.model, temperature=judge.temperature, max_new_tokens=judge.max_new_tokens,
        key_from=judge.key_from, requests_per_minute=judge.requests_per_minute, timeout=900.0, retries=6,
    )  # fmt: skip
    with cli.locked(output):
        rows = Judging(Teacher(asked, key), judge.system, output).judged(failed, judge.parallel)
        made_by = tables.provenance("judge", [*samples, verified, questions], judge=judge, steps=steps)
        tables.write("judged", rows, output, made_by)
    found = sum(row["concluded"] for row in rows)
    say(f"{found} of {len(failed)} failed solutions conclude the gold answer; {len(rows)} steps were judged")


def failed_traces(samples: list[Path], verified: Path, questions: Path, layout: Layout) -> Iterable[Trace]:
    """Return the failed solutions of a pool, split into steps."""
    columns = ["question_id", "question", "gold", "options"]
    asked = {row["question_id"]: row for row in tables.read("questions", questions, columns)}
    failed = {row["sample_id"] for row in tables.read("verified", verified) if row["verdict"] != "right"}
    for row in tables.read("samples", samples, ["sample_id", "question_id", "completion"]):
        if row["sample_id"] in failed and has_gold(row, asked):
            question = asked[row["question_id"]]
            steps = [step for step, _ in traces.steps(row["completion"], layout)]
            text, answer = shown(question["question"], question["gold"], dict(question["options"] or {}))
            yield Trace(row["sample_id"], text, answer, question["gold"], steps)


def shown(question: str, gold: str, options: Choices) -> tuple[str, str]:
    """Return the question with its options, and the gold answer with the text of its option."""
    listed = "".join(f"\n{letter}. {text}" for letter, text in options.items())
    return question + listed, f"{gold} ({options[gold]})" if gold in options else gold


class Judging:
    """The traces of one output, each judged step by step."""

    def __init__(self, teacher: Teacher, system: str | None, output: Path) -> None:
        self.teacher, self.system = teacher, system
        self.journal = output.with_suffix(".replies.jsonl")
        self.replies = remembered(self.journal)

    def judged(self, failed: list[Trace], parallel: int) -> list[tables.Row]:
        """Judge all traces; raises InputError if a request fails after all retries."""
        with disk.naming(self.journal), self.journal.open("ab") as journal:
            jobs = (self._judge(trace, journal) for trace in failed)
            asking = self.teacher.ask_all(jobs, parallel)
            rows = [row for rows in track(asking, "judging", "solutions", len(failed)) for row in rows]
        return sorted(rows, key=lambda row: (row["sample_id"], row["step"]))

    async def _judge(self, trace: Trace, journal: BinaryIO) -> list[tables.Row]:
        rows: list[tables.Row] = []
        for number, step in enumerate(trace.steps):
            if not mentions(step, trace.gold):
                continue
            reply = await self._reply(self._messages(trace, number), journal)
            row = {"sample_id": trace.sample_id, "step": number, "concluded": concluded(reply) or False, "reply": reply}
            rows.append(row)
            if row["concluded"]:
                break
        return rows

    def _messages(self, trace: Trace, number: int) -> Messages:
        system: Messages = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": prompt(trace.question, trace.answer, trace.steps, number)}]

    async def _reply(self, messages: Messages, journal: BinaryIO) -> str:
        """Return the reply to a request, from the journal if possible."""
        asked = self.teacher.endpoint
        made_of = json.dumps([asked.model, asked.temperature, asked.max_new_tokens, messages])
        digest = hashlib.blake2b(made_of.encode(), digest_size=8).hexdigest()
        if digest not in self.replies:
            try:
                self.replies[digest] = (await self.teacher.ask(messages)).completion()
            except UnansweredError as error:
                raise InputError(f"{asked.url}: {error}; check it and rerun; replies are kept") from error
            row = {"asked": digest, "model": asked.model, "reply": self.replies[digest]}
            journal.write(json.dumps(row).encode() + b"\n")
            journal.flush()
            os.fsync(journal.fileno())
        return self.replies[digest]


def mentions(step: str, gold: str) -> bool:
    """Return whether a step can conclude the gold answer at all: its text contains it, ignoring case and commas."""
    return gold.replace(",", "").casefold() in step.replace(",", "").casefold()


def remembered(journal: Path) -> dict[str, str]:
    """Read the saved replies by the hash of their request; a final line cut off by a kill is dropped."""
    if not journal.is_file():
        return {}
    text = journal.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        os.truncate(journal, len(whole))
    try:
        rows = [jsontext.parse(line) for line in whole.splitlines()]
        return {row["asked"]: row["reply"] for row in rows}
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(f"{journal}: not a journal of this stage ({error}); move it away") from error


if __name__ == "__main__":
    cli.run(main)
