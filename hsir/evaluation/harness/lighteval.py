"""The details of lighteval (`--save-details`, version 0.13): a Parquet file with a row per question.

A row has the structs `doc`, `model_response` and `metric`. The gold answers of `doc` are those of `choices` at
`gold_index`; a question without options has its gold answer as the only choice.
"""

import string
from collections.abc import Iterable, Iterator
from typing import Any

from hsir.errors import InputError
from hsir.evaluation.harness.answered import METRIC, Answered, Placed, gold, numbered
from hsir.storage.tables import Row


def exported(entries: Iterable[Answered], task: str) -> Iterator[Row]:
    """Yield a row per question of the task named."""
    for one in entries:
        question, options = one.question, one.options
        index = list(options).index(question["gold"]) if options else 0
        doc = {
            "query": question["question"], "choices": list(options.values()) or [question["gold"]],
            "gold_index": [index], "id": question["question_id"], "task_name": task,
            "sampling_methods": ["GENERATIVE"], "num_samples": len(one.samples),
        }  # fmt: skip
        response = {
            "input": question["question"], "text": [sample["completion"] for sample in one.samples],
            "output_tokens": [sample["completion_ids"] for sample in one.samples],
        }  # fmt: skip
        yield {"doc": doc, "metric": {METRIC: one.score}, "model_response": response}


def imported(rows: Iterable[Placed]) -> Iterator[Placed]:
    """Yield a row to grade for each text; raises InputError naming the place of a row that is no generated text."""
    return numbered(_questions(rows))


def _questions(rows: Iterable[Placed]) -> Iterator[tuple[str, str, list[str], Row]]:
    for place, number, row in rows:
        doc, response = row.get("doc"), row.get("model_response")
        if not isinstance(doc, dict) or not isinstance(response, dict):
            raise InputError(f"{place}: no `doc` and `model_response`; --format lighteval reads its details_*.parquet")
        texts = response.get("text") or []
        if not texts:
            raise InputError(f"{place}: no generated text, as of a task that compares likelihoods; use another")
        # Every file of details numbers its questions anew, and few-shot tasks leave the ids empty.
        yield place, str(doc.get("id") or number - 1), texts, _gold(place, doc)


def _gold(place: str, doc: dict[str, Any]) -> Row:
    index, choices = doc.get("gold_index"), doc.get("choices") or []
    found = [index] if isinstance(index, int) else list(index or [])
    if len(found) != 1 or not 0 <= found[0] < len(choices):
        raise InputError(
            f"{place}: {len(found)} gold answers among {len(choices)} choices (gold_index {index}); only questions with"
            " one can be graded"
        )
    if len(choices) == 1:
        return {"gold": gold(choices[0])}
    letters = string.ascii_uppercase
    return {"gold": letters[found[0]], "options": dict(zip(letters, map(str, choices), strict=False))}
