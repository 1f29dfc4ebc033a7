"""Medbullets: hard clinical questions in the style of USMLE steps 2 and 3 (Chen et al., arXiv 2402.18060).

Source: tuenguyen/Medical-Eval-MedBullets_op4 on the hub, a copy (its only split is called train);
github.com/HanjieChen/ChallengeClinicalQA, `medbullets_op4.json`, columns as pandas writes them. Licence: none stated.
Size: 308 questions with four options, for evaluation only; ten of them occur twice, some with different options.
"""

from typing import Literal

from hsir.grading import Choice
from hsir.tasks.base import Graded
from hsir.tasks.benchmark import LETTER, Benchmark, Hub, Instruction, Source
from hsir.tasks.choices import from_letters, lettered
from hsir.tasks.rows import Fields, Row

COLUMNS = ("opa", "opb", "opc", "opd")


class Medbullets(Benchmark):
    """Medbullets (four options): clinical questions, answered by a letter."""

    kind: Literal["medbullets"]
    grading: Graded = Choice()
    hub: Hub = "tuenguyen/Medical-Eval-MedBullets_op4"
    instruction: Instruction = LETTER

    SOURCES = {"test": Source("train", ("medbullets_op4.json", "*op4*.json", "*op4*.jsonl"), 308)}

    def question(self, row: Row) -> Fields:
        asked, key = row.text("question"), row.text("answer_idx")
        if COLUMNS[0] in row.fields:
            return {"question": asked} | lettered(row, "ABCD", [row.fields.get(name) for name in COLUMNS], key)
        return {"question": asked} | from_letters(row, key)
