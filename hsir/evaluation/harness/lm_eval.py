"""The sample log of lm-evaluation-harness (`--log_samples`, version 0.4): one JSON line per question.

`resps` is [[text, ...]], with one request per question and one text per repeat.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from hsir.errors import InputError
from hsir.evaluation.harness.answered import METRIC, Answered, Placed, gold, numbered
from hsir.storage.tables import Row

FILTER = "hsir"


def exported(entries: Iterable[Answered]) -> Iterator[Row]:
    """Yield a row per question. The logged prompt is the question, without the wording of the task."""
    for one in entries:
        question = one.question
        doc = {"id": question["question_id"], "question": question["question"], "options": one.options or None}
        extracted = [verdict["extracted"] or "" for verdict in one.verdicts]
        yield {
            "doc_id": one.number, "doc": doc, "target": question["gold"],
            "arguments": {"gen_args_0": {"arg_0": question["question"], "arg_1": {}}},
            "resps": [[sample["completion"] for sample in one.samples]],
            "filtered_resps": extracted if len(extracted) == 1 else [extracted],
            "filter": FILTER, "metrics": [METRIC],
            "doc_hash": _hash(json.dumps(doc, indent=2, ensure_ascii=False)),
            "prompt_hash": _hash(question["question"]), "target_hash": _hash(question["gold"]), METRIC: one.score,
        }  # fmt: skip


def imported(rows: Iterable[Placed]) -> Iterator[Placed]:
    """Yield a row to grade for each text of a log.

    A question is in a log once per filter of its task; only the first is read. Raises InputError naming the place of a
    row that is no log of generated text.
    """
    return numbered(_questions(rows))


def _questions(rows: Iterable[Placed]) -> Iterator[tuple[str, str, list[str], Row]]:
    seen = set[Any]()
    for place, _, row in rows:
        if row.get("doc_id") not in seen:
            seen.add(row.get("doc_id"))
            texts = _texts(place, row)
            yield place, str(row["doc_id"]), texts, {"gold": gold(row["target"])}


def _texts(place: str, row: Row) -> list[str]:
    missing = [name for name in ("doc_id", "target", "resps") if name not in row]
    if missing:
        raise InputError(f"{place}: no {missing[0]!r}; --format lm-eval reads files of lm_eval's --log_samples")
    resps = row["resps"]
    plain = isinstance(resps, list) and len(resps) == 1 and isinstance(resps[0], list)
    if not plain or not all(isinstance(text, str) for text in resps[0]):
        raise InputError(f"{place}: `resps` is not generated text, as of a task that compares likelihoods; use another")
    return list(resps[0])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
