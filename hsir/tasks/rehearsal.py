"""Questions of the project's own in the files and layouts of published benchmarks, to rehearse an experiment with.

They are the embedded benchmark's word problems, asked for a number, a letter, or yes or no.
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
"""How far the number of a wrong option, or of a wrong statement, may be from the right one."""


class Asked(NamedTuple):
    """A word problem, ready to be written in any layout."""

    id: str
    question: str
    steps: tuple[str, ...]
    number: str
    options: tuple[str, ...]
    """Numbers, the right one among them."""
    level: int

    @property
    def letter(self) -> str:
        """The letter of the right option."""
        return ascii_uppercase[self.options.index(self.number)]

    @property
    def lettered(self) -> dict[str, str]:
        """The options by letter."""
        return dict(zip(ascii_uppercase, self.options, strict=False))

    @property
    def statement(self) -> tuple[str, bool]:
        """The question as one for yes or no, and whether it is true."""
        shown = self.options[self.level % 2 and self.options.index(self.number)]
        return f"{self.question} Is it {shown}?", shown == self.number


class Layout(NamedTuple):
    """How a benchmark writes a question: its row, the answer that a trace ends in, and how many options it has."""

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
    """Write a benchmark's files, with so many questions a part and a trace for each training question.

    A file that is there already with this content is left as it is, so that its time does not change.
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
    """Draw questions that are not taken, and take them."""
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
        steps = tuple(f"{step.event}, so {step.equation}." for step in told.steps)
        name = f"{part}-{len(found):03d}"
        found.append(Asked(name, told.question, (told.opening, *steps), told.answer, tuple(choices), level))
    return found


def _question(layout: Layout, asked: Asked) -> str:
    """Give the question as the benchmark's rows have it."""
    row = layout.row(asked)
    inner = row["question"]
    return str(inner["stem"] if isinstance(inner, dict) else inner)


def _trace(layout: Layout, asked: Asked) -> str:
    answer = layout.answer(asked)
    return traces.compose([*asked.steps, f"So the answer is {answer}."], answer)


def _text(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    """Write rows in the format that a file's suffix says."""
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
