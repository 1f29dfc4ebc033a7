"""MedQA: questions of the US medical licensing examination with four options (Jin et al., arXiv 2009.13081).

Source: GBaker/MedQA-USMLE-4-options on the hub, github.com/jind11/MedQA (`phrases_no_exclude_train.jsonl`, `..._test`).
Licence: MIT. Sizes: 10,178 training and 1,273 test questions; 1,000 are the seed set. The paper's 9.3K are those with
a correct distilled trace, as with `unlabelled: traced` here.
"""

from typing import Literal

from hsir.grading import Choice
from hsir.tasks.base import Graded
from hsir.tasks.benchmark import LETTER, Hub, Instruction, Source, TrainingBenchmark
from hsir.tasks.choices import from_letters
from hsir.tasks.record import Record
from hsir.tasks.rows import Fields, Row

SYSTEM = """\
You are a helpful medical AI Assistant. Your task is to select one correct answer from A to D for the medical \
question. Please respond in the following format: '##Explanation:\\n[explanation]\\n\\n##Answer:\\n[option]'"""
DISTILL = """\
For the following medical question, select one correct answer from A to D.
Question: {question}
Options:
{options}"""
"""The paper's distillation prompt (appendix C): its system part, and the user's."""


class MedQA(TrainingBenchmark):
    """MedQA (USMLE, four options): medical examination questions, answered by a letter."""

    kind: Literal["medqa"]
    grading: Graded = Choice()
    hub: Hub = "GBaker/MedQA-USMLE-4-options"
    instruction: Instruction = LETTER

    SOURCES = {
        "train": Source("train", ("phrases_no_exclude_train.jsonl", "*train*.jsonl"), 10178),
        "test": Source("test", ("phrases_no_exclude_test.jsonl", "*test*.jsonl"), 1273),
    }

    def question(self, row: Row) -> Fields:
        return {"question": row.text("question")} | from_letters(row, row.text("answer_idx"))

    DISTILL_SYSTEM = SYSTEM

    def distill_prompt(self, record: Record) -> str:
        options = "\n".join(f"{letter}. {text}" for letter, text in (record.options or {}).items())
        return DISTILL.format(question=record.question, options=options)
