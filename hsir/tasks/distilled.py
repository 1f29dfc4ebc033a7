"""Traces of training questions written by a teacher, in HSIR's own layout or that of a published set.

Own rows have `trace`, in the trace format, and the `id` or the exact `question`. Rows of published sets, such as
CAMEL's distilled GSM8K, have a question and a solution with the reasoning in <think>, or in a column of its own; they
are converted where the answer is correct.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from hsir import jsontext, progress, traces
from hsir.grading import Grader, Item
from hsir.tasks.record import Record
from hsir.tasks.rows import Row, from_file, from_hub

QUESTION = ("question", "problem", "prompt", "instruction")
SOLUTION = ("final_trace", "long_cot_solution", "solution", "generation", "response", "output")
"""Columns with reasoning and answer in one text."""
SOLUTIONS = "generations"
"""A list of such texts; the first correct one counts."""
REASONING = ("reasoning_content", "reasoning (reasoning_content)", "reasoning")
SAID = ("content", "response (content)", "response")
"""Columns with the text after the reasoning, if the reasoning has its own column."""


class Converted(NamedTuple):
    """A solution in the trace format, or the reason why it has none, with the grader's result."""

    reason: str
    why: str = ""
    extracted: str | None = None
    trace: str | None = None


def files(source: str) -> list[Path]:
    """Return the file of traces, unless they are on the hub."""
    return [Path(source)] if source.lower().endswith((".jsonl", ".json")) else []


def join(source: str, training: Sequence[Record], grader: Grader) -> list[Record]:
    """Return the questions with their traces, and report how many traces are omitted, by reason.

    Raises InputError if a question has two traces in HSIR's layout, or the trace of another question.
    """
    rows = [row for path in files(source) for row in from_file(path, "file of traces")]
    rows = rows if files(source) else from_hub(source, None, "train")
    questions, found, counts = _Questions(training), dict[str, tuple[str, str]](), Counter[str]()
    for row in rows:
        record = questions.of(row)
        if record is None:
            counts["unknown"] += 1
        elif not _is_foreign(row):
            if record.id in found:
                raise row.fault(f"question {record.id!r} already has a trace ({found[record.id][0]}); keep one")
            found[record.id] = row.where, row.text("trace")
        elif record.id in found:
            counts["further solutions of a question"] += 1
        else:
            outcome = _best(grader, record, row)
            counts[outcome.reason] += 1
            if outcome.trace is not None:
                found[record.id] = row.where, outcome.trace
    _report(source, len(rows), counts)
    return [record.model_copy(update={"trace": found.get(record.id, ("", None))[1]}) for record in training]


def convert(grader: Grader, record: Record, text: str, steps: list[str], truncated: bool = False) -> Converted:
    """Convert a solution to the trace format: `steps`, and the answer that its grader reads in `text`, if correct.

    A kept trace must parse back to the same parts, whatever tags the teacher wrote.
    """
    extracted, verdict, why = grader.judge(Item(text, record.answer, record.options, truncated))
    if verdict != "right" or extracted is None:
        return Converted("truncated" if truncated else verdict, why, extracted)
    if not steps:
        return Converted("no_reasoning", why, extracted)
    trace = traces.compose(steps, extracted)
    again = grader.in_tags().judge(Item(trace, record.answer, record.options))
    reads = [step for step, _ in traces.steps(trace)] == steps and traces.answers(trace) == [extracted]
    if not reads or again.verdict != "right":
        return Converted("format", again.why, extracted)
    return Converted("right", why, extracted, trace)


class _Questions:
    """Training questions by id and by text, with normalized white space."""

    def __init__(self, training: Sequence[Record]) -> None:
        texts = Counter(_plain(record.question) for record in training)
        self._by_id = {record.id: record for record in training}
        # Questions that differ only in their options cannot be distinguished by their text.
        self._by_text = {text: one for one in training if texts[text := _plain(one.question)] == 1}

    def of(self, row: Row) -> Record | None:
        """Find the question of a trace, by its id, else by its text."""
        texts = [row.fields[name] for name in QUESTION if isinstance(row.fields.get(name), str)]
        text = _plain(texts[0]) if texts else None
        record = self._by_id.get(str(row.fields.get("id")))
        if record is None or (_is_foreign(row) and text is not None):
            return self._by_text.get(text or row.text("id", "question"))
        if text is not None and text != _plain(record.question):
            raise row.fault(f"its question does not match the id {record.id!r}; remove `id`, or distil again")
        return record


def _best(grader: Grader, record: Record, row: Row) -> Converted:
    """Convert the first correct solution of a row; the last one's reason, if none is."""
    outcome = Converted("no_reasoning")
    for text in map(jsontext.storable, _solutions(row)):
        outcome = convert(grader, record, text, traces.loose_steps(traces.reasoning(text)))
        if outcome.trace is not None:
            break
    return outcome


def _solutions(row: Row) -> Iterator[str]:
    """Yield the texts of a row with tagged reasoning, or composed from separate columns."""
    fields = row.fields
    listed = fields.get(SOLUTIONS)
    texts = [fields.get(name) for name in SOLUTION] + (listed if isinstance(listed, list) else [])
    yield from (text for text in texts if isinstance(text, str) and traces.CLOSED in text)
    thought = next((fields[name] for name in REASONING if isinstance(fields.get(name), str)), None)
    said = next((fields[name] for name in SAID if isinstance(fields.get(name), str)), None)
    if thought and said:
        yield f"<think>\n{thought}\n</think>\n{said}"


def _is_foreign(row: Row) -> bool:
    """Return whether a row belongs to a published set: no `trace`, and a column that such sets have."""
    return "trace" not in row.fields and any(name in row.fields for name in (*SOLUTION, SOLUTIONS, *REASONING))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _report(source: str, rows: int, counts: Counter[str]) -> None:
    """Report how many traces were omitted, and why."""
    unknown = counts.pop("unknown", 0)
    if unknown:
        progress.say(f"{source}: {unknown:,} of {rows:,} traces belong to no training question")
    if counts:
        every, right = counts.total(), counts.pop("right", 0)
        others = "; ".join(f"{reason} {count:,}" for reason, count in counts.most_common())
        progress.say(f"{source}: {right:,} of {every:,} solutions are correct and were converted ({others or 'all'})")
