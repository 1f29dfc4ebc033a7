"""Generated questions in the files and layouts of published benchmarks, to rehearse an experiment.

They are the embedded benchmark's word problems, with a number, a letter, or yes or no as the answer.
"""

import csv
import io
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any, NamedTuple

from hsir import traces
from hsir.tasks import wordproblems
from hsir.tasks.benchmark import Benchmark, Part, TrainingBenchmark

TRACES = "traces.jsonl"
_FAR = 9
"""Maximum difference of an incorrect option, or of a false statement, from the correct number."""


class Asked(NamedTuple):
    """A word problem that can be written in any layout."""

    id: str
    question: str
    steps: tuple[str, ...]
    number: str
    options: tuple[str, ...]
    """Numbers, including the correct one."""
    level: int

    @property
    def letter(self) -> str:
        """The letter of the correct option."""
        return ascii_uppercase[self.options.index(self.number)]

    @property
    def lettered(self) -> dict[str, str]:
        """The options by letter."""
        return dict(zip(ascii_uppercase, self.options, strict=False))

    @property
    def statement(self) -> tuple[str, bool]:
        """The question as a yes-or-no question, and whether it is true."""
        shown = self.options[self.level % 2 and self.options.index(self.number)]
        return f"{self.question} Is it {shown}?", shown == self.number


class Layout(NamedTuple):
    """How a benchmark stores a question: its row, the final answer of a trace, and the number of options."""

    row: Callable[[Asked], dict[str, Any]]
    answer: Callable[[Asked], str]
    options: int = 4


def _labelled(asked: Asked) -> dict[str, Any]:
    choices = [{"label": letter, "text": text} for letter, text in asked.lettered.items()]
    return {"id": asked.id, "question": {"stem": asked.question, "choices": choices}, "answerKey": asked.letter}


def _usmle(asked: Asked) -> dict[str, Any]:
    return {"question": asked.question, "options": asked.lettered, "answer_idx": asked.letter, "answer": asked.number}


def _gpqa(asked: Asked) -> dict[str, Any]:
    wrong = [option for option in asked.options if option != asked.number]
    named = {f"Incorrect Answer {n}": option for n, option in enumerate(wrong, start=1)}
    return {"Record ID": asked.id, "Question": asked.question, "Correct Answer": asked.number} | named


def _expert(asked: Asked) -> dict[str, Any]:
    return {"id": asked.id, "question": asked.question, "options": asked.lettered, "label": asked.letter}


def _letter(asked: Asked) -> str:
    return asked.letter


def _number(asked: Asked) -> str:
    return asked.number


LAYOUTS: dict[str, Layout] = {
    "gsm8k": Layout(lambda a: {"question": a.question, "answer": "\n".join([*a.steps, f"#### {a.number}"])}, _number),
    "math500": Layout(
        lambda a: {"unique_id": a.id, "problem": a.question, "answer": a.number, "level": min(a.level, 5)}, _number
    ),
    "amc23": Layout(lambda a: {"id": a.id, "question": a.question, "answer": float(a.number)}, _number),
    "arc": Layout(_labelled, _letter),
    "commonsenseqa": Layout(_labelled, _letter, 5),
    "gpqa": Layout(_gpqa, _letter),
    "medbullets": Layout(_usmle, _letter),
    "medqa": Layout(_usmle, _letter),
    "medxpertqa": Layout(_expert, _letter, 10),
    "strategyqa": Layout(
        lambda a: {"qid": a.id, "question": a.statement[0], "answer": a.statement[1]},
        lambda a: "yes" if a.statement[1] else "no",
    ),
}
"""The layouts of benchmarks by the `kind` of their task."""


def lay_down(task: Benchmark, folder: Path, questions: int) -> None:
    """Write a benchmark's files, with the given number of questions per part, and a trace for each training question.

    An existing file with the same content is not rewritten, so that its timestamp does not change.
    """
    layout, taken = LAYOUTS[task.kind], set[str]()
    parts: tuple[Part, ...] = ("test", "train") if isinstance(task, TrainingBenchmark) else ("test",)
    for part in parts:
        drawn = _draw(task.kind, part, questions, layout.options, taken)
        path = folder / task.source(part).files[0].replace("*", "")
        _write(path, _text(path, [layout.row(one) for one in drawn]))
        if part == "train":
            told = [{"question": _question(layout, one), "trace": _trace(layout, one)} for one in drawn]
            _write(folder / TRACES, _text(folder / TRACES, told))


def _draw(kind: str, part: Part, questions: int, options: int, taken: set[str]) -> list[Asked]:
    """Generate questions that are not taken yet, and mark them as taken."""
    rng, found = random.Random(f"{kind}/{part}"), list[Asked]()
    while len(found) < questions:
        level = 2 + len(found) % 3
        told = wordproblems.problem(rng, level)
        if told.question in taken:
            continue
        taken.add(told.question)
        near = [n for n in range(max(0, int(told.answer) - _FAR), int(told.answer) + _FAR) if str(n) != told.answer]
        choices = [told.answer, *map(str, rng.sample(near, options - 1))]
        rng.shuffle(choices)
        if len(found) % 3:  # a few steps teach so common a letter: every method finds correct solutions
            choices.insert(0, choices.pop(choices.index(told.answer)))
        steps = tuple(f"{step.event}, so {step.equation}." for step in told.steps)
        name = f"{part}-{len(found):03d}"
        found.append(Asked(name, told.question, (told.opening, *steps), told.answer, tuple(choices), level))
    return found


def _question(layout: Layout, asked: Asked) -> str:
    """Return the question as in the benchmark's rows."""
    row = layout.row(asked)
    inner = row["question"]
    return str(inner["stem"] if isinstance(inner, dict) else inner)


def _trace(layout: Layout, asked: Asked) -> str:
    answer = layout.answer(asked)
    return traces.compose([*asked.steps, f"So the answer is {answer}."], answer)


def _text(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    """Write rows in the format given by a file's suffix."""
    if path.suffix == ".csv":
        written = io.StringIO(newline="")
        table = csv.DictWriter(written, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
        return written.getvalue()
    return json.dumps(rows) if path.suffix == ".json" else "".join(f"{json.dumps(row)}\n" for row in rows)


def _write(path: Path, text: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
