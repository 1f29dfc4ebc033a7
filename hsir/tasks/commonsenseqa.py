"""CommonsenseQA: everyday questions with five options (Talmor et al., arXiv 1811.00937).

Source: tau/commonsense_qa on the hub, the authors' `train_rand_split.jsonl` and `dev_rand_split.jsonl` (with the
options inside the question). Licence: MIT. Sizes: 9,741 training questions (1,000 are the seed set), and 1,221 in the
development set. The test set (1,140) has no public labels. The paper gives its size, but the paper's values are
multiples of 1/1,221: the development set is graded, there as here.
"""

from typing import Literal

from hsir.grading import Choice
from hsir.tasks.base import Graded
from hsir.tasks.benchmark import LETTER, Hub, Instruction, Source, TrainingBenchmark
from hsir.tasks.choices import from_labels
from hsir.tasks.rows import Fields, Row


class CommonsenseQA(TrainingBenchmark):
    """CommonsenseQA: everyday questions, answered by one of five letters; tested on the development set."""

    kind: Literal["commonsenseqa"]
    grading: Graded = Choice()
    hub: Hub = "tau/commonsense_qa"
    instruction: Instruction = LETTER

    SOURCES = {
        "train": Source("train", ("train_rand_split.jsonl", "*train*.jsonl"), 9741),
        "test": Source("validation", ("dev_rand_split.jsonl", "*dev*.jsonl", "*validation*.jsonl"), 1221),
    }

    def question(self, row: Row) -> Fields:
        return from_labels(row)
