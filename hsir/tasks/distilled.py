"""Traces of training questions, distilled from a teacher: rows of `trace`, and the `id` or the exact `question`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hsir import progress
from hsir.tasks.record import Record
from hsir.tasks.rows import Row, from_file, from_hub


def files(source: str) -> list[Path]:
    """Return the file of traces, unless they are on the hub."""
    return [Path(source)] if source.lower().endswith((".jsonl", ".json")) else []


def join(source: str, training: Sequence[Record]) -> list[Record]:
    """Return the questions with their traces; raises InputError if one has two, or the trace of another question."""
    rows = [row for path in files(source) for row in from_file(path, "file of traces")]
    rows = rows if files(source) else from_hub(source, None, "train")
    texts = Counter(record.question for record in training)
    by_id = {record.id: record for record in training}
    # Questions that differ only in their options cannot be distinguished by their text.
    by_text = {record.question: record for record in training if texts[record.question] == 1}
    found: dict[str, Row] = {}
    for row in rows:
        record = _question(row, by_id, by_text)
        if record is not None and record.id in found:
            raise row.fault(f"question {record.id!r} already has a trace ({found[record.id].where}); keep one")
        if record is not None:
            found[record.id] = row
    if len(found) < len(rows):
        progress.say(f"{source}: {len(rows) - len(found):,} of {len(rows):,} traces belong to no training question")
    return [
        record.model_copy(update={"trace": found[record.id].text("trace") if record.id in found else None})
        for record in training
    ]


def _question(row: Row, by_id: dict[str, Record], by_text: dict[str, Record]) -> Record | None:
    """Find the question of a trace, by its id, else by its text."""
    text = row.fields.get("question")
    text = text.strip() if isinstance(text, str) else None
    record = by_id.get(str(row.fields.get("id")))
    if record is None:
        return by_text.get(text or row.text("id", "question"))
    if text is not None and text != record.question:
        raise row.fault(f"its question does not match the id {record.id!r}; remove `id`, or distil again")
    return record
