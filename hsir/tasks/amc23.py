"""AMC23: problems of the American Mathematics Competitions of 2023 with integer answers.

Source: zwhe99/amc23 on the hub, the paper's; math-ai/amc23 and Qwen2.5-Math's `amc23/test.jsonl` have the same columns.
Licence: the problems belong to the Mathematical Association of America. Size: 40 problems, for evaluation only.
Some copies write answers as floats: 27.0 becomes 27.
"""

from typing import Literal

from hsir.grading import Number
from hsir.tasks.base import Graded
from hsir.tasks.benchmark import NUMBER, Benchmark, Hub, Instruction, Source
from hsir.tasks.rows import Fields, Row


class Amc23(Benchmark):
    """AMC 2023: competition mathematics, answered by an integer."""

    kind: Literal["amc23"]
    grading: Graded = Number()
    hub: Hub = "zwhe99/amc23"
    instruction: Instruction = NUMBER

    SOURCES = {"test": Source("test", ("test.jsonl", "*amc23*.jsonl"), 40)}

    def question(self, row: Row) -> Fields:
        answer = row.value("answer")
        if isinstance(answer, float) and answer.is_integer():
            answer = int(answer)
        return {"id": str(row.value("id")), "question": row.text("question", "problem"), "answer": str(answer)}
