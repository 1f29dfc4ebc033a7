"""Wrong labels: gold answers that are not the true ones, because of `noise` or a wrong majority, and the solutions that
are trained on because of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from hsir.config.plan import EVAL
from hsir.evaluation import statistics
from hsir.report.run import Cell, Drawn, Made
from hsir.report.sheets import Entry, Sheet
from hsir.storage import tables

NOTE = (
    "By the true gold answers. `labelled`: questions with a gold answer, given or by majority; `right`: the share of"
    " them that have the true one. `solutions`: those that the policy was trained on; `wrong`: the share of them with a"
    " wrong answer, with its 95 % interval, clustered by question; `taught`: wrongly labelled questions with such a"
    " solution."
)
Flags = dict[str, bool]


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a pool that a policy was trained on: questions, and solutions trained on, with those whose answer
    is wrong by the true gold answers; `taught` counts the questions of the latter, `labelled` those with a label."""

    model: str
    task: str
    seed: int
    policy: str
    pool: str
    origin: Literal["sampled", "recycled"]
    questions: int
    labelled: int
    labelled_right: int
    solutions: int
    wrong: int
    taught: int
    wrong_low: float
    wrong_high: float


def gather(made: Made) -> list[Labels]:
    """Compare the labels of each policy's pools with the true gold answers."""
    found = []
    for cell in made.cells():
        pools = made.pools(cell)
        chosen = _chosen(made, cell) if pools else {}
        for drawn in pools:
            found.append(
                _labels(made, cell, drawn, right_labels(made, drawn), chosen.get(made.source(cell, drawn), []))
            )
    return found


def told(found: Sequence[Labels]) -> bool:
    """Return whether any label is missing or wrong; otherwise there is nothing to tell."""
    return any(one.labelled_right < one.questions for one in found)


def sheets(found: Sequence[Labels]) -> list[Sheet]:
    """Return a sheet for each model, task and seed with wrong labels: one row per policy and pool."""
    made = []
    for (model, task, seed), group in groupby(found, lambda one: (one.model, one.task, one.seed)):
        some = list(group)
        if told(some):
            title = f"{model}, trained on {task}, seed {seed}: wrong labels"
            columns = ["policy", "pool", "origin", "labelled", "right %", "solutions", "wrong %", "taught"]
            made.append(Sheet(title, columns, list(map(_line, some)), NOTE))
    return made


def right_labels(made: Made, drawn: Drawn) -> Flags:
    """Return for each question with a label whether that is the true gold answer."""
    true = truth(made, drawn)
    grader = made.plan.config.tasks[drawn.cell.task].task.grading
    labels = tables.tuples("questions", made.labels(drawn), ["question_id", "gold", "options"])
    return {
        name: label == true[name] or grader.same(label, true[name], dict(options or ()) or None) is True
        for name, label, options in labels
        if label is not None
    }


def truth(made: Made, drawn: Drawn) -> Mapping[str, str]:
    """Return the true gold answers of the questions that a pool or an evaluation answers."""
    path = made.labels(drawn) if drawn.pool.startswith(EVAL) else made.questions(drawn.cell)
    columns = ["question_id", "gold", "true_gold"]
    return {name: true or gold for name, gold, true in tables.tuples("questions", path, columns)}


def _chosen(made: Made, cell: Cell) -> dict[str, list[str]]:
    """Return the question of each solution that a policy was trained on, by pool."""
    found: dict[str, list[str]] = {}
    columns = ["source", "question_id"]
    for source, name in tables.tuples("filtered", made.folder(cell) / "filtered.parquet", columns):
        found.setdefault(source, []).append(name)
    return found


def _labels(made: Made, cell: Cell, drawn: Drawn, right: Flags, trained: Sequence[str]) -> Labels:
    sizes = Counter(trained)
    wrong = {name: 0 if right[name] else size for name, size in sizes.items()}
    share = statistics.pooled([*wrong.values()], [*sizes.values()]) if trained else None
    return Labels(
        cell.model, cell.task, cell.seed, cell.policy, made.source(cell, drawn),
        "sampled" if made.recycles(drawn) is None else "recycled",
        questions=len(truth(made, drawn)), labelled=len(right), labelled_right=sum(right.values()),
        solutions=len(trained), wrong=sum(wrong.values()), taught=sum(map(bool, wrong.values())),
        wrong_low=share.low if share else 0.0, wrong_high=share.high if share else 1.0,
    )  # fmt: skip


def _line(one: Labels) -> list[Entry]:
    share = f"{100 * one.wrong / one.solutions:.1f}" if one.solutions else "-"
    interval = f"[{100 * one.wrong_low:.1f}, {100 * one.wrong_high:.1f}]" if one.solutions else ""
    right = f"{100 * one.labelled_right / one.labelled:.1f}" if one.labelled else "-"
    return [
        Entry(one.policy), Entry(one.pool), Entry(one.origin), Entry(f"{one.labelled:,} of {one.questions:,}"),
        Entry(right), Entry(f"{one.solutions:,}"), Entry(share, interval), Entry(f"{one.taught:,}"),
    ]  # fmt: skip
