"""Shared by published benchmarks: the source of rows, splits and traces, and the wording of prompts.

A benchmark is a file next to this one: its hub id, its files, its sizes, and how a row becomes a question.
"""

import fnmatch
import random
from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field, ValidationError

from hsir import progress
from hsir.errors import InputError
from hsir.grading import Grader
from hsir.tasks import distilled
from hsir.tasks.base import BaseTask, Graded, Split
from hsir.tasks.record import Record
from hsir.tasks.rows import Fields, Row, count, from_file, from_hub

Part = Literal["train", "test"]
Hub = Annotated[str, Field(description="Data set on the Hugging Face hub.")]
HubConfig = Annotated[str | None, Field(description="Configuration of the data set on the hub.")]
Instruction = Annotated[str, Field(description="Instruction below the question in the prompt.")]
SeedSize = Annotated[int, Field(ge=1, description="Questions in the seed set; the rest are unlabelled.")]


class Source(NamedTuple):
    """The location of a part of a benchmark, and its number of questions."""

    hub: str
    """Name of its split on the hub."""
    files: tuple[str, ...]
    """File names in a folder, in order of preference; `*` matches any text, and case is ignored."""
    size: int


def instruct(answer: str) -> str:
    """Return the instruction for the trace format (paper, section 3); `answer` describes the content of the answer
    tags."""
    return (
        "Reason step by step between <think> and </think>, a blank line between steps; then give"
        f" {answer} between <answer> and </answer>."
    )


ANSWER = instruct("the answer alone")
NUMBER = instruct("the number alone, without a unit,")
LETTER = instruct("the letter of the right option alone")
YES_NO = instruct("yes or no alone")
LATEX = instruct("the final answer alone, in LaTeX,")


def ask(record: Record, instruction: str) -> str:
    """Build a zero-shot prompt: the question, one line per option, the instruction."""
    options = "".join(f"\n{letter}. {text}" for letter, text in (record.options or {}).items())
    return f"{record.question}{options}\n\n{instruction}"


class Benchmark(BaseTask):
    """A published benchmark, for evaluation only unless it is a `TrainingBenchmark`."""

    kind: str
    grading: Graded
    hub: Hub
    config: HubConfig = None
    revision: str | None = Field(
        None, description="Commit, tag or branch of the data set on the hub; if none, the newest."
    )
    path: Path | None = Field(
        None, description="Folder or file of a local copy in the original layout, instead of the hub."
    )
    instruction: Instruction = ANSWER

    SOURCES: ClassVar[dict[Part, Source]]
    DISTILL_SYSTEM: ClassVar[str | None] = None
    """System prompt for a teacher; most benchmarks have none."""

    @abstractmethod
    def question(self, row: Row) -> Fields:
        """Convert a row to the fields of a `Record`, with `id` only if the source has one; raises the row's fault."""

    def records(self, split: Split, seed: int) -> Iterable[Record]:
        if split != "test":
            raise InputError(
                f"{self.kind} has no {split} set, because it is only for evaluation; name it in `benchmarks:`"
            )
        return self.part("test")

    def files(self, split: Split) -> list[Path]:
        return self.local("test") if self.path and split == "test" else []

    def remote(self, split: Split) -> str | None:
        return self.hub if self.path is None and split == "test" else None

    def size(self, split: Split) -> int | None:
        """Return the number of questions of a local copy; the published number for the hub, or if there is no file."""
        return self.counted("test") if split == "test" else None

    def prompt(self, record: Record) -> str:
        return ask(record, self.instruction)

    def distill_prompt(self, record: Record) -> str:
        """Build the prompt that requests a trace from a teacher."""
        return self.prompt(record)

    def counted(self, part: Part) -> int:
        """Count the rows of a part's local files; without files, return the published number."""
        files = [path for path in self.local(part) if path.is_file()] if self.path else []
        return sum(map(count, files)) if files else self.source(part).size

    def part(self, part: Part) -> list[Record]:
        """Load a part from its source."""
        return self.parsed(self.rows(part), part, self.source(part).size)

    def source(self, part: Part) -> Source:
        """Return the location of a part."""
        return self.SOURCES[part]

    def rows(self, part: Part) -> list[Row]:
        """Read the rows of a part, from the hub or from local files."""
        if self.path is None:
            return from_hub(self.hub, self.config, self.source(part).hub, self.revision)
        return [row for path in self.local(part) for row in from_file(path)]

    def local(self, part: Part) -> list[Path]:
        """Return the local files of a part; if there are none, the first expected one."""
        path, names = self.path or Path(), self.source(part).files
        if not path.is_dir():
            return [path]
        there = sorted(path.iterdir())
        return next((found for name in names if (found := _matching(there, name))), [path / names[0]])

    def parsed(self, rows: Sequence[Row], part: str, expected: int) -> list[Record]:
        """Convert rows to questions with checked gold answers and unique ids; report if their number is not
        `expected`."""
        places: dict[str, str] = {}
        records = []
        for index, row in enumerate(rows):
            record = checked({"id": f"{part}-{index:05d}"} | self.question(row), row, self.grading)
            if record.id in places:
                raise row.fault(f"the id {record.id!r} is also that of {places[record.id]}; ids must be unique")
            places[record.id] = row.where
            records.append(record)
        if len(records) != expected:
            progress.say(f"{self.kind} {part}: {len(records):,} questions, {expected:,} expected")
        return records


class TrainingBenchmark(Benchmark):
    """A benchmark with training questions, which a run's seed splits into the seed set and the unlabelled set."""

    seed_size: SeedSize = 1000
    traces: str | None = Field(
        None,
        description="Distilled traces, a JSONL file or a hub id: `trace`, and the question's `id` or its exact"
        " `question`; or a published set such as `camel-ai/gsm8k_distilled`, which is converted. The seed set is"
        " sampled from the questions with a trace.",
    )
    unlabelled: Literal["traced", "all"] = Field(
        "traced", description="The unlabelled set: the other training questions with a trace, or all others."
    )

    def unread(self, split: Split) -> Collection[str]:
        return {"test": ("seed_size", "traces", "unlabelled"), "seed": ("unlabelled",)}.get(split, ())

    def files(self, split: Split) -> list[Path]:
        traces = distilled.files(self.traces) if self.traces and split != "test" else []
        return [*(self.local(part_of(split)) if self.path else []), *traces]

    def remote(self, split: Split) -> str | None:
        if split == "test" or (split == "seed" and self.traces is None):  # a seed set also needs traces
            return super().remote(split)
        traces = self.traces if self.traces and not distilled.files(self.traces) else None
        return self.hub if self.path is None else traces

    def size(self, split: Split) -> int | None:
        """Return the number of questions, as `Benchmark.size` does; `seed_size` of them are the seed set."""
        if split == "seed":
            return self.seed_size
        return self.counted("test") if split == "test" else max(0, self.counted("train") - self.seed_size)

    def counted(self, part: Part) -> int:
        return super().counted(part) if self._holds(part) else self.source(part).size

    def records(self, split: Split, seed: int) -> list[Record]:
        if split == "test":
            return self.part("test")
        if split == "seed" and self.traces is None:
            raise InputError(
                f"{self.kind}: the seed set needs traces, but the benchmark has none; set `traces:` to a JSONL file of"
                " `id` and `trace`, which `python -m hsir.stages.distill` writes"
            )
        training = self.part("train")
        if self.traces is not None:
            training = distilled.join(self.traces, training, self.grading)
        chosen = self._drawn(training, seed)
        if split == "seed":
            return [record for record in training if record.id in chosen]
        return self._rest([record for record in training if record.id not in chosen])

    def rows(self, part: Part) -> list[Row]:
        if not self._holds(part):
            names = self.source(part).files
            raise InputError(f"{self.path}: not the {part} file ({' or '.join(names)}); set `path:` to the folder")
        return super().rows(part)

    def _holds(self, part: Part) -> bool:
        """Return whether `path` can contain a part: the hub and folders can, a file only if its name matches the
        part."""
        file = self.path if self.path and self.path.is_file() else None
        return file is None or any(_matching([file], name) for name in self.source(part).files)

    def _rest(self, others: list[Record]) -> list[Record]:
        """Return the unlabelled set; the paper's has a correct distilled trace for each question (its table 1,
        |Train|)."""
        traced = [record for record in others if record.trace]
        if self.unlabelled == "all" or self.traces is None:
            return others
        progress.say(f"{self.kind}: {len(traced):,} of {len(others):,} questions outside the seed set have a trace")
        if not traced:
            raise InputError(
                f"{self.kind}: no question outside the seed set has a trace in {self.traces}; distil more, lower"
                " seed_size, or set `unlabelled: all`"
            )
        return traced

    def _drawn(self, training: Sequence[Record], seed: int) -> set[str]:
        """Sample the ids of the seed set."""
        traced = sorted(record.id for record in training if record.trace or self.traces is None)
        if len(traced) < self.seed_size:
            what = "training questions" if self.traces is None else f"training questions with a trace in {self.traces}"
            raise InputError(f"{self.kind}: {len(traced):,} {what}, seed_size is {self.seed_size:,}; lower it")
        return set(random.Random(seed).sample(traced, self.seed_size))


def part_of(split: Split) -> Part:
    """Return the part that a split is taken from."""
    return "test" if split == "test" else "train"


def checked(fields: Fields, row: Row, grading: Grader) -> Record:
    """Build a record whose gold answer the grader can parse; raises InputError naming the row."""
    try:
        record = Record(**fields)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise row.fault(wrong) from error
    try:
        return record.model_copy(update={"answer": grading.check_gold(record.answer, record.options)})
    except ValueError as error:
        raise row.fault(f"the gold answer: {error}; fix it, or choose another `grading:`") from error


def _matching(paths: Iterable[Path], name: str) -> list[Path]:
    return [path for path in paths if fnmatch.fnmatchcase(path.name.lower(), name.lower()) and path.is_file()]
