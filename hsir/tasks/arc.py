"""ARC-Challenge: science questions of US school examinations (Clark et al., arXiv 1803.05457).

Source: allenai/ai2_arc on the hub, AI2's `ARC-Challenge-Train.jsonl` and `ARC-Challenge-Test.jsonl` (with the options
inside the question). Licence: CC BY-SA 4.0. Sizes: 1,119 training and 1,172 test questions; 500 are the seed set.
Options are labelled A-D or 1-4, and a few questions have three or five: they become A, B, ... in order.
The paper says 1.17K; four of its five values are multiples of 1/1,165, the number of test questions with four options,
and none of 1/1,172. All are graded here.
"""

from typing import Literal

from hsir.grading import Choice
from hsir.tasks.base import Graded
from hsir.tasks.benchmark import LETTER, Hub, HubConfig, Instruction, SeedSize, Source, TrainingBenchmark
from hsir.tasks.choices import from_labels
from hsir.tasks.rows import Fields, Row


class Arc(TrainingBenchmark):
    """ARC-Challenge: school science questions, answered by a letter."""

    kind: Literal["arc"]
    grading: Graded = Choice()
    hub: Hub = "allenai/ai2_arc"
    config: HubConfig = "ARC-Challenge"
    instruction: Instruction = LETTER
    seed_size: SeedSize = 500

    SOURCES = {
        "train": Source("train", ("ARC-Challenge-Train.jsonl", "*train*.jsonl"), 1119),
        "test": Source("test", ("ARC-Challenge-Test.jsonl", "*test*.jsonl"), 1172),
    }

    def question(self, row: Row) -> Fields:
        return from_labels(row)
