"""MedXpertQA, its text part: expert-level medical questions with ten options (Zuo et al., arXiv 2501.18362).

Source: TsinghuaC3I/MedXpertQA on the hub, configuration Text. Licence: MIT. Size: 2,450 questions, for evaluation only.
Local files may be parts (reasoning 1,861, understanding 589): all with test in their name are read. The question
repeats its options after "Answer Choices:", which is removed here.
"""

from typing import Literal

from hsir.grading import Choice
from hsir.tasks.base import Graded
from hsir.tasks.benchmark import LETTER, Benchmark, Hub, HubConfig, Instruction, Source
from hsir.tasks.choices import from_letters, lettered
from hsir.tasks.rows import Fields, Row

REPEATED = "\nAnswer Choices:"


class MedXpertQA(Benchmark):
    """MedXpertQA Text: expert-level medical questions, answered by one of ten letters."""

    kind: Literal["medxpertqa"]
    grading: Graded = Choice()
    hub: Hub = "TsinghuaC3I/MedXpertQA"
    config: HubConfig = "Text"
    instruction: Instruction = LETTER

    SOURCES = {"test": Source("test", ("test.jsonl", "*test*.jsonl", "*text*.jsonl"), 2450)}

    def question(self, row: Row) -> Fields:
        key = row.value("label", "answer_idx")
        if isinstance(key, list) and len(key) == 1:
            key = key[0]
        options = row.value("options")
        if isinstance(options, list):
            inner = [row.inner(option) for option in options]
            read = lettered(row, [o.text("letter") for o in inner], [o.text("content") for o in inner], key)
        else:
            read = from_letters(row, key)
        return {"id": row.text("id", "realidx"), "question": row.text("question").split(REPEATED)[0]} | read
