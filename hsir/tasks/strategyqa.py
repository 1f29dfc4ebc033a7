"""StrategyQA: yes-or-no questions whose steps must be inferred (Geva et al., arXiv 2101.02235).

Source: ChilleD/StrategyQA on the hub, 1,603 training and 687 test questions: the paper's sizes. Licence: MIT.
500 are the seed set. The authors' 2,290 labelled questions (github.com/eladsegal/strategyqa: `train.json`, 2,061, and
`dev.json`, 229) are split in the same sizes, the same way every time, by a hash of the question; they do not show which
ones are the hub's 687. A folder with a `test.json` is used as it is. Answers are true or false.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from hsir.grading import YesNo
from hsir.tasks.base import Graded
from hsir.tasks.benchmark import YES_NO, Hub, Instruction, Part, SeedSize, Source, TrainingBenchmark
from hsir.tasks.record import Record
from hsir.tasks.rows import Fields, Row, count, from_file

POOLED = (("train.json", "dev.json"), ("strategyqa_train.json",))
"""Files with all labelled questions: in the repository, on the website."""


class StrategyQA(TrainingBenchmark):
    """StrategyQA: questions with several implicit steps, answered by yes or no."""

    kind: Literal["strategyqa"]
    grading: Graded = YesNo()
    hub: Hub = "ChilleD/StrategyQA"
    instruction: Instruction = YES_NO
    seed_size: SeedSize = 500

    SOURCES = {
        "train": Source("train", ("train.json",), 1603),
        "test": Source("test", ("test.json",), 687),
    }

    def question(self, row: Row) -> Fields:
        answer = row.value("answer")
        if isinstance(answer, bool):
            answer = "yes" if answer else "no"
        return {"id": row.text("qid"), "question": row.text("question"), "answer": answer}

    def part(self, part: Part) -> list[Record]:
        pool = self._pool()
        if not pool:
            return super().part(part)
        rows = [row for path in pool for row in from_file(path)]
        records = self.parsed(rows, "train and test", sum(source.size for source in self.SOURCES.values()))
        records = sorted(records, key=_place)
        tests = self.SOURCES["test"].size
        return records[:tests] if part == "test" else records[tests:]

    def local(self, part: Part) -> list[Path]:
        return self._pool() or super().local(part)

    def counted(self, part: Part) -> int:
        pool, test = self._pool(), self.SOURCES["test"].size
        if not pool:
            return super().counted(part)
        every = sum(map(count, pool))
        return min(every, test) if part == "test" else max(0, every - test)

    def _pool(self) -> list[Path]:
        """Return the local files with all questions, if they are not split already."""
        if self.path is None or (self.path / "test.json").is_file():
            return []
        return next((found for names in POOLED if (found := _all_there(self.path, names))), [])


def _place(record: Record) -> tuple[str, str]:
    """Return the sort key of questions, which keeps duplicates (there is one) together."""
    return hashlib.sha256(record.question.encode()).hexdigest(), record.id


def _all_there(folder: Path, names: Sequence[str]) -> list[Path]:
    paths = [folder / name for name in names]
    return paths if all(path.is_file() for path in paths) else []
