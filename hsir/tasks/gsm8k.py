"""GSM8K: word problems of grade-school mathematics (Cobbe et al., arXiv 2110.14168).

Source: openai/gsm8k on the hub, github.com/openai/grade-school-math (`train.jsonl`, `test.jsonl`). Licence: MIT.
Sizes: 7,473 training and 1,319 test questions; 1,000 are the seed set. The paper's traces are CAMEL's
(`traces: camel-ai/gsm8k_distilled`, from DeepSeek-R1).
The gold answer follows #### in the solution, with commas: 1,080. The number of calculations in it, <<48/2=24>>,
is the question's difficulty.
"""

from typing import Literal

from hsir.grading import Number
from hsir.tasks.base import Graded
from hsir.tasks.benchmark import NUMBER, Hub, HubConfig, Instruction, Source, TrainingBenchmark
from hsir.tasks.rows import Fields, Row


class Gsm8k(TrainingBenchmark):
    """GSM8K: grade-school word problems, answered by a number."""

    kind: Literal["gsm8k"]
    grading: Graded = Number()
    hub: Hub = "openai/gsm8k"
    config: HubConfig = "main"
    instruction: Instruction = NUMBER

    SOURCES = {
        "train": Source("train", ("train.jsonl", "*train*.jsonl"), 7473),
        "test": Source("test", ("test.jsonl", "*test*.jsonl"), 1319),
    }

    def question(self, row: Row) -> Fields:
        solution, mark, gold = row.text("answer").rpartition("####")
        if not mark:
            raise row.fault("no #### before the gold number in the answer; fix or remove the row")
        number = gold.strip().replace(",", "")
        return {"question": row.text("question"), "answer": number, "difficulty": calculations(solution)}


def calculations(solution: str) -> int | None:
    """Count the calculations of a solution: those in <<...>>, else its lines; None if it has neither."""
    lines = [line for line in solution.splitlines() if line.strip()]
    return solution.count("<<") or len(lines) or None
