"""MATH-500: competition mathematics, 500 of MATH's test problems (Lightman et al., arXiv 2305.20050).

Source: HuggingFaceH4/MATH-500 on the hub, github.com/openai/prm800k, `math_splits/test.jsonl`. Licence: MIT.
Size: 500 problems, for evaluation only; `level`, 1 to 5, is the difficulty. Gold answers are LaTeX.
"""

from typing import Literal

from hsir.grading import Math
from hsir.tasks.base import Graded
from hsir.tasks.benchmark import LATEX, Benchmark, Hub, Instruction, Source
from hsir.tasks.rows import Fields, Row


class Math500(Benchmark):
    """MATH-500: competition mathematics, answered by an expression."""

    kind: Literal["math500"]
    grading: Graded = Math()
    hub: Hub = "HuggingFaceH4/MATH-500"
    instruction: Instruction = LATEX

    SOURCES = {"test": Source("test", ("test.jsonl", "*math*500*.jsonl"), 500)}

    def question(self, row: Row) -> Fields:
        return {
            "id": row.text("unique_id"),
            "question": row.text("problem"),
            "answer": row.text("answer"),
            "difficulty": row.value("level"),
        }
