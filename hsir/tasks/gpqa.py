"""GPQA: graduate-level questions of biology, physics and chemistry (Rein et al., arXiv 2311.12022).

Source: Idavidrein/gpqa on the hub, gated: accept its terms, then `hf auth login`; or the CSV files of the authors' zip.
Licence: CC BY 4.0; its authors ask that no example be shown in plain text online. Sizes: main 448 (the paper's values
are multiples of 1/448), diamond 198, for evaluation only. The correct answer has its own column: the options are
shuffled by a generator seeded with the record's id, the same way every time.
"""

import random
from typing import Annotated, Literal

from pydantic import Field

from hsir.grading import Choice
from hsir.tasks.base import Graded
from hsir.tasks.benchmark import LETTER, Benchmark, Hub, Instruction, Part, Source
from hsir.tasks.choices import lettered
from hsir.tasks.rows import Fields, Row

COLUMNS = ("Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")
COUNTS = {"gpqa_main": 448, "gpqa_diamond": 198}


class Gpqa(Benchmark):
    """GPQA: graduate-level science questions, answered by a letter."""

    kind: Literal["gpqa"]
    grading: Graded = Choice()
    hub: Hub = "Idavidrein/gpqa"
    config: Annotated[
        Literal["gpqa_main", "gpqa_diamond"], Field(description="The 448 main questions, or the hardest 198 of them.")
    ] = "gpqa_main"
    instruction: Instruction = LETTER

    def source(self, part: Part) -> Source:
        return Source("train", (f"{self.config}.csv",), COUNTS[self.config])

    def question(self, row: Row) -> Fields:
        name = row.text("Record ID")
        columns = random.Random(name).sample(COLUMNS, len(COLUMNS))
        texts = [row.text(column) for column in columns]
        return {"id": name, "question": row.text("Question")} | lettered(row, columns, texts, COLUMNS[0])
