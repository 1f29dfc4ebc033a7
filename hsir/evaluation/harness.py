"""The sample log of lm-evaluation-harness (`--log_samples`, version 0.4): one JSON line per question.

Only generated text is supported: `resps` is [[text, ...]], with one request per question and one text per repeat.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hsir.errors import InputError
from hsir.storage.tables import Row

FILTER, METRIC = "hsir", "exact_match"
GOLD_MARK = "####"
"""Before the gold number in the targets of GSM8K."""


def exported(samples: Iterable[Row], verdicts: Mapping[str, Row], questions: Iterable[Row]) -> Iterator[Row]:
    """Yield the log of an evaluation, a row per question in their order; questions without a sample are left out.

    `samples` are rows of the table of that name, `verdicts` rows of `verified` by sample id. The logged prompt is the
    question, without the wording of the task; the metric is the share of correct answers.
    """
    drawn: dict[str, list[Row]] = defaultdict(list)
    for row in samples:
        drawn[row["question_id"]].append(row)
    for number, question in enumerate(questions):
        answers = sorted(drawn[question["question_id"]], key=lambda row: str(row["sample_id"]))
        if answers:
            yield _logged(number, question, answers, [verdicts[row["sample_id"]] for row in answers])


def _logged(number: int, question: Row, answers: list[Row], judged: list[Row]) -> Row:
    options = dict(question["options"]) if question["options"] else None
    doc = {"id": question["question_id"], "question": question["question"], "options": options}
    extracted = [verdict["extracted"] or "" for verdict in judged]
    return {
        "doc_id": number, "doc": doc, "target": question["gold"],
        "arguments": {"gen_args_0": {"arg_0": question["question"], "arg_1": {}}},
        "resps": [[answer["completion"] for answer in answers]],
        "filtered_resps": extracted if len(extracted) == 1 else [extracted], "filter": FILTER, "metrics": [METRIC],
        "doc_hash": _hash(json.dumps(doc, indent=2, ensure_ascii=False)), "prompt_hash": _hash(question["question"]),
        "target_hash": _hash(question["gold"]),
        METRIC: sum(verdict["verdict"] == "right" for verdict in judged) / len(judged),
    }  # fmt: skip


def imported(rows: Iterable[tuple[str, int, Row]]) -> Iterator[tuple[str, int, Row]]:
    """Yield (place, number, row) with `id`, `gold` and `prediction` for each text of a log.

    A question is in a log once per filter of its task; only the first is read. Raises InputError naming the place of a
    row that is no log of generated text.
    """
    seen, number = set[Any](), 0
    for place, _, row in rows:
        if row.get("doc_id") in seen:
            continue
        seen.add(row.get("doc_id"))
        texts = _texts(place, row)
        for n, text in enumerate(texts):
            number += 1
            name = str(row["doc_id"]) if len(texts) == 1 else f"{row['doc_id']}-{n}"
            yield place, number, {"id": name, "gold": _gold(row["target"]), "prediction": text}


def _texts(place: str, row: Row) -> list[str]:
    missing = [name for name in ("doc_id", "target", "resps") if name not in row]
    if missing:
        raise InputError(f"{place}: no {missing[0]!r}; --format lm-eval reads files of lm_eval's --log_samples")
    resps = row["resps"]
    plain = isinstance(resps, list) and len(resps) == 1 and isinstance(resps[0], list)
    if not plain or not all(isinstance(text, str) for text in resps[0]):
        raise InputError(f"{place}: `resps` is not generated text, as of a task that compares likelihoods; use another")
    return list(resps[0])


def _gold(target: Any) -> str:
    return str(target).rpartition(GOLD_MARK)[2].strip()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
