"""The log of Inspect (`inspect eval --log-format json`, version 2 of its format): one JSON object per evaluation.

The binary format `.eval` is converted with `inspect log convert --to json`.
"""

import json
import string
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from hsir.errors import InputError
from hsir.evaluation.harness.answered import Answered, Placed, gold, numbered
from hsir.storage.tables import Row

VERSION = 2
SCORER = "hsir"
_STOPS = {"stop": "stop", "length": "max_tokens"}


def exported(entries: Iterable[Answered], task: str, model: str, made: float) -> dict[str, Any]:
    """Return the log of an evaluation; `made` is when it was, in seconds since 1970."""
    entries = list(entries)
    samples = [one for entry in entries for one in _samples(entry, model)]
    when = datetime.fromtimestamp(made, UTC).isoformat(timespec="seconds")
    name = sha256(f"{task} {model} {when}".encode()).hexdigest()[:22]
    accuracy = sum(entry.score for entry in entries) / len(entries) if entries else 0.0
    metrics = {"accuracy": {"name": "accuracy", "value": accuracy, "params": {}}}
    header = {
        "eval_id": name, "run_id": name, "task_id": name, "created": when, "task": task, "model": model,
        "dataset": {"name": task, "samples": len(entries), "sample_ids": [e.question["question_id"] for e in entries]},
        "config": {"epochs": max((len(entry.samples) for entry in entries), default=1)},
    }  # fmt: skip
    results = {
        "total_samples": len(samples), "completed_samples": len(samples),
        "scores": [{"name": SCORER, "scorer": SCORER, "params": {}, "metrics": metrics}],
    }  # fmt: skip
    stats = {"started_at": when, "completed_at": when, "model_usage": {}}
    return {
        "version": VERSION, "status": "success", "eval": header,
        "plan": {"name": "plan", "steps": [{"solver": "generate", "params": {}}], "config": {}},
        "results": results, "stats": stats, "samples": samples,
    }  # fmt: skip


def _samples(one: Answered, model: str) -> Iterator[Row]:
    question = one.question
    asked = {"role": "user", "content": question["question"]}
    for epoch, (sample, verdict) in enumerate(zip(one.samples, one.verdicts, strict=True), start=1):
        text = {"role": "assistant", "content": sample["completion"], "source": "generate", "model": model}
        used = {"input_tokens": len(sample["prompt_ids"]), "output_tokens": sample["n_tokens"]}
        usage = used | {"total_tokens": sum(used.values())}
        choice = {"message": text, "stop_reason": _STOPS.get(sample["finish"], "unknown")}
        score = {
            "value": "C" if verdict["verdict"] == "right" else "I", "answer": verdict["extracted"],
            "explanation": f"{verdict['verdict']}: {verdict['why']}",
        }  # fmt: skip
        yield {
            "id": question["question_id"], "epoch": epoch, "input": question["question"],
            "choices": list(one.options.values()) or None, "target": question["gold"], "messages": [asked, text],
            "output": {"model": model, "choices": [choice], "usage": usage}, "scores": {SCORER: score},
            "metadata": {}, "store": {}, "events": [], "model_usage": {model: usage}, "attachments": {},
        }  # fmt: skip


def samples(path: Path) -> Iterator[Placed]:
    """Yield the samples of a log; raises InputError if the file is none."""
    if path.suffix == ".eval":
        raise InputError(f"{path}: convert it first: inspect log convert --to json --output-dir . {path}")
    try:
        # A metric that is not a number is written as NaN, and is not read here.
        log = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}") from error
    found = log.get("samples") if isinstance(log, dict) and log.get("version") == VERSION else None
    if not isinstance(found, list):
        raise InputError(f"{path}: not a log of Inspect with samples, of format version {VERSION}")
    for number, sample in enumerate(found, start=1):
        yield f"{path}, sample {number}", number, sample


def imported(rows: Iterable[Placed]) -> Iterator[Placed]:
    """Yield a row to grade for each sample; raises InputError naming one that ended with an error, or has no target."""
    return numbered((place, _name(row), [_text(place, row)], _shared(place, row)) for place, _, row in rows)


def _name(row: Row) -> str:
    return f"{row.get('id')}-{row.get('epoch', 1) - 1}"


def _text(place: str, row: Row) -> str:
    choices = (row.get("output") or {}).get("choices") or []
    if row.get("error") or not choices:
        raise InputError(f"{place}: no answer, since the sample ended with an error; run `inspect eval-retry` first")
    content = choices[0]["message"]["content"]
    if isinstance(content, list):  # the reasoning and the text of some providers are parts of their own
        content = "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return str(row.get("attachments", {}).get(content.removeprefix("attachment://"), content))


def _shared(place: str, row: Row) -> Row:
    target, choices = row.get("target"), row.get("choices") or []
    targets = target if isinstance(target, list) else [target]
    if len(targets) != 1 or targets[0] in (None, ""):
        raise InputError(f"{place}: {len(targets)} targets ({json.dumps(target)}); exactly one gold answer is needed")
    cut = row["output"]["choices"][0].get("stop_reason") in ("max_tokens", "model_length")
    shared = {"gold": str(targets[0]) if choices else gold(targets[0]), "truncated": cut}
    return shared | ({"options": dict(zip(string.ascii_uppercase, choices, strict=False))} if choices else {})
