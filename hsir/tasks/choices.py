"""Multiple-choice rows: however a source labels its options, they become A, B, ... in order."""

from collections.abc import Sequence
from string import ascii_uppercase

from hsir.tasks.rows import Fields, Row


def lettered(row: Row, labels: Sequence[object], texts: Sequence[object], key: object) -> Fields:
    """Return `options` by letter, and as `answer` the letter of the option labelled `key`."""
    names = [str(label) for label in labels]
    if len(names) != len(texts) or not 2 <= len(texts) <= len(ascii_uppercase) or len(set(names)) < len(names):
        raise row.fault(
            f"options {names} with {len(texts)} texts; each label needs a text, and there must be at least two"
        )
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise row.fault("an option is empty, or not text; fix or remove the row")
    if str(key) not in names:
        raise row.fault(f"the answer {key!r} is not among the options {', '.join(names)}; fix or remove the row")
    options = {letter: str(text).strip() for letter, text in zip(ascii_uppercase, texts, strict=False)}
    return {"options": options, "answer": ascii_uppercase[names.index(str(key))]}


def from_letters(row: Row, key: object, column: str = "options") -> Fields:
    """Read options keyed by letter: {"A": ..., "B": ...}; tables leave cells of missing options empty."""
    texts = dict(sorted(row.inner(row.value(column)).fields.items()))
    while texts and list(texts.values())[-1] in (None, ""):
        texts.popitem()
    return lettered(row, list(texts), list(texts.values()), key)


def from_labels(row: Row) -> Fields:
    """Read AI2's layouts: `choices` next to the question, or inside it with a `stem`; one list, or two."""
    asked = row.value("question")
    inside = row.inner(asked) if isinstance(asked, dict) else row
    choices = inside.value("choices")
    if isinstance(choices, dict):
        labels, texts = row.inner(choices).list("label"), row.inner(choices).list("text")
    else:
        labels = [row.inner(choice).text("label") for choice in inside.list("choices")]
        texts = [row.inner(choice).text("text") for choice in inside.list("choices")]
    question = inside.text("stem") if isinstance(asked, dict) else row.text("question")
    return {"id": row.text("id"), "question": question} | lettered(row, labels, texts, row.value("answerKey"))
