"""The results of a run: one row per model, task, seed, policy and benchmark."""

from dataclasses import dataclass
from pathlib import Path

from hsir.config.plan import BASE
from hsir.errors import InputError
from hsir.report.run import Made
from hsir.storage import tables
from hsir.storage.files import read_json


@dataclass(frozen=True, slots=True)
class Result:
    """One policy on one benchmark; accuracy, its 95 % interval, and the other shares are from 0 to 1.

    A benchmark `gsm8k@16` stands for 16 sampled answers per question: shares and tokens are means over all of them, and
    the interval is clustered by question.
    """

    model: str
    task: str
    seed: int
    policy: str
    benchmark: str
    questions: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    tokens: float
    truncated: float
    no_answer: float
    undecided: float
    trained_on: int
    in_format: float
    anywhere: float
    """The accuracy if only answers in the format count, and if answers elsewhere count too; one is `accuracy`."""


def gather(made: Made) -> list[Result]:
    """Read every evaluation of a run, in the config's order."""
    results = []
    for cell in made.evaluated():
        trained = 0 if cell.policy == BASE else trained_on(read_json(made.folder(cell) / "funnel.json"))
        for benchmark, path in made.evaluations(cell):
            figures = evaluation(path)
            interval, verdicts = figures["accuracy"], figures["verdicts"]
            n = sum(verdicts.values())
            read = [figures["readings"][name]["value"] for name in ("in_format", "anywhere")]
            results.append(
                Result(
                    cell.model, cell.task, cell.seed, cell.policy, benchmark, figures["questions"],
                    interval["value"], interval["low"], interval["high"], figures["tokens"]["mean"],
                    figures["truncated"], verdicts.get("no_answer", 0) / n, verdicts.get("undecided", 0) / n, trained,
                    *read,
                )
            )  # fmt: skip
    return results


def evaluation(path: Path) -> tables.Row:
    """Read an evaluation; raises InputError if it lacks a part, as those of older versions do."""
    figures: tables.Row = read_json(path)
    parts = ("accuracy", "questions", "readings", "tokens", "truncated", "verdicts")
    if missing := [part for part in parts if part not in figures]:
        raise InputError(
            f"{path}: no {missing[0]!r}; an older version made this evaluation, so run `snakemake --force {path}`"
        )
    return figures


def trained_on(funnel: tables.Row) -> int:
    """Return the number of solutions that a policy was trained on, including given ones."""
    chosen = funnel["steps"][-1]["total"] if funnel["steps"] else 0
    return int(funnel["given"] + chosen - funnel["too_long"])
