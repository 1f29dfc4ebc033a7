"""Example traces: a seeded sample of what VeriExit cut and recovered, and of what InDiv dropped and kept."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from hsir import traces
from hsir.config.settings import Words
from hsir.diversity.div import kept_steps
from hsir.diversity.wordcounts import words
from hsir.report import indiv_view, pools
from hsir.report.run import Cell, Drawn, Made
from hsir.report.visible import visible as visible
from hsir.selection.training_set import prefix
from hsir.splitting import Layout
from hsir.storage import tables

T = TypeVar("T")
MOST = 24
"""Maximum number of examples per type on a page: at the paper's scale, all traces of a run would take gigabytes."""
LONG_STEP, LONG_TRACE = 4_000, 20_000
"""Maximum number of characters shown per step, and per trace."""

CUTS = ["parent_id", "question_id", "cut_step"]

Steps = Sequence[tuple[str, int]]
"""Steps and their ends, as returned by `hsir.traces`."""
Mark = Literal["", "arrives", "behind", "repeats", "left out"]
Fate = Literal["recovered", "cut, no correct answer", "nothing to recycle"]
ORDER: tuple[Fate, ...] = ("recovered", "recovered", "cut, no correct answer", "nothing to recycle")


class Step(NamedTuple):
    """A step of a trace, and how it is marked."""

    text: str
    mark: Mark = ""


@dataclass(frozen=True)
class Trace:
    """One solution: its heading, its steps, and the text after its reasoning."""

    title: str
    said: str
    steps: list[Step]
    rest: str


@dataclass(frozen=True)
class Exhibit:
    """Solutions of one question, side by side."""

    kind: Literal["VeriExit", "InDiv"]
    place: str
    question_id: str
    difficulty: int | None
    question: str
    gold: str
    fate: str
    traces: list[Trace]


def gather(made: Made, seen: Sequence[indiv_view.Seen]) -> list[Exhibit]:
    """Select the examples of a run, and of its InDiv filters; deterministic for a given run."""
    recycled = [drawn for drawn in made.drawn() if made.recycles(drawn) is not None]
    filtered = [one for one in seen if one.candidates["dropped"].nunique() == 2]
    return [
        *(shown for drawn, n in _dealt(recycled) for shown in _recycled(made, drawn, n)),
        *(shown for one, n in _dealt(filtered) for shown in _compared(made, one, n)),
    ]


def repeats(steps: Sequence[str]) -> list[bool]:
    """Return which steps repeat an earlier one: those that Div drops with word counts."""
    return [not kept for kept in kept_steps(words(steps, Words().dimensions))]


def _dealt(groups: Sequence[T]) -> list[tuple[T, int]]:
    """Distribute the examples of a page over the groups; if there are too many groups, sample them."""
    if len(groups) > MOST:
        chosen = sorted(random.Random(0).sample(range(len(groups)), MOST))
        return [(groups[place], 1) for place in chosen]
    return [(group, MOST // len(groups)) for group in groups]


def _recycled(made: Made, drawn: Drawn, most: int) -> list[Exhibit]:
    """Show failed solutions of a recycled pool: mostly recovered ones, and some that could not be recovered."""
    source = made.recycles(drawn)
    if source is None:
        return []
    failed = tables.arrow("veriexit", made.table(drawn, "veriexit"), CUTS).to_pandas().set_index("parent_id")
    answers = pools.solutions(made, drawn).sort_values("right", ascending=False, kind="stable")
    best = answers.drop_duplicates("parent_id").set_index("parent_id")[["sample_id", "right"]]
    failed = failed.astype({"cut_step": "Int32"}).join(best)
    uncut, recovered = failed["cut_step"].isna(), failed["right"].eq(True)
    failed["fate"] = np.select([uncut, recovered], ["nothing to recycle", "recovered"], "cut, no correct answer")
    chosen = failed.loc[_chosen(failed, most, f"{drawn.cell.seed}/{drawn.cell.policy}/{drawn.pool}")]
    parents = pools.texts(made, source, set(chosen.index))
    after = pools.texts(made, drawn, set(chosen["sample_id"].dropna()))
    asked = pools.asked(made, drawn)
    place = f"{_place(made, drawn.cell)}, {drawn.pool}"
    layout = _layout(made, drawn.cell)
    return [
        _exhibit(
            "VeriExit",
            place,
            asked[row["question_id"]],
            row["fate"],
            _cut(row, traces.steps(parents[row["parent_id"]], layout), parents[row["parent_id"]], after),
        )
        for row in chosen.reset_index().to_dict("records")
    ]


def _chosen(failed: pd.DataFrame, most: int, seed: str) -> list[str]:
    """Pick failed solutions, one per question, taking turns between the outcomes while there are any left."""
    shuffler = random.Random(seed)
    left = {fate: sorted(found.index) for fate, found in failed.groupby("fate", sort=False)}
    for names in left.values():
        shuffler.shuffle(names)
    questions, chosen = dict(failed["question_id"]), dict[str, str]()
    for fate in islice(cycle(ORDER), len(ORDER) * len(failed)):
        while len(chosen) < most and left.get(fate):
            name = left[fate].pop()
            if chosen.setdefault(questions[name], name) == name:
                break
    return sorted(chosen.values(), key=lambda name: ORDER.index(failed.at[name, "fate"]))


def _cut(row: Mapping[Any, Any], steps: Steps, text: str, after: Mapping[str, str]) -> list[Trace]:
    """Show a failed trace next to the answer sampled after its cut, if there is one."""
    fate, child = row["fate"], row["sample_id"]
    place = len(steps) if fate == "nothing to recycle" else row["cut_step"]
    marks: list[Mark] = ["arrives" if n == place else "behind" if n > place else "" for n in range(len(steps))]
    first = _trace("failed", row["parent_id"], steps, text, marks)
    if fate == "nothing to recycle":
        return [first]
    answer, end = after.get(child, ""), steps[place][1]
    given = answer[end:] if answer.startswith(text[:end]) else answer
    title = "recovered" if fate == "recovered" else "answered again, incorrectly"
    return [first, Trace(title, child if child in after else "never sampled", [], visible(given.strip()))]


def _compared(made: Made, one: indiv_view.Seen, most: int) -> list[Exhibit]:
    """Show a random dropped and a random kept solution of the same question, with their scores."""
    groups: Any = one.candidates.groupby(["question_id", "dropped"]).indices
    both = sorted(question for question, dropped in groups if dropped and (question, False) in groups)
    shuffler = random.Random(f"{one.cell.seed}/{one.cell.policy}/{one.number}")
    chosen = {
        question: one.candidates.iloc[[shuffler.choice(groups[question, dropped]) for dropped in (True, False)]]
        for question in shuffler.sample(both, min(most, len(both)))
    }
    wanted = {name for pair in chosen.values() for name in pair["sample_id"]}
    texts = {
        before + name: text
        for drawn in made.pools(one.cell)
        for before in [prefix(made.other(one.cell, drawn))]
        for name, text in pools.texts(made, drawn, {name.removeprefix(before) for name in wanted}).items()
    }
    asked = pools.asked(made, made.pools(one.cell)[0])
    place, fate, layout = _place(made, one.cell), f"tau = {one.tau:.4g}", _layout(made, one.cell)
    shown = {name: [_scored(row, texts, layout) for row in pair.to_dict("records")] for name, pair in chosen.items()}
    return [_exhibit("InDiv", place, asked[question], fate, pair) for question, pair in shown.items()]


def _scored(row: Mapping[Any, Any], texts: Mapping[str, str], layout: Layout) -> Trace:
    name, text = row["sample_id"], texts[row["sample_id"]]
    steps = traces.steps(text, layout)
    marks: list[Mark] = ["repeats" if twice else "" for twice in repeats([step for step, _ in steps])]
    said = f"InDiv {row['score']:+.2f}, {row['tokens']:,} tokens, {marks.count('repeats')} steps repeated"
    return _trace("dropped" if row["dropped"] else "kept", f"{name}: {said}", steps, text, marks)


def _exhibit(
    kind: Literal["VeriExit", "InDiv"], place: str, asked: tables.Row, fate: str, pair: list[Trace]
) -> Exhibit:
    question, gold = (visible(_short(asked[name], LONG_STEP)) for name in ("question", "gold"))
    return Exhibit(kind, place, asked["question_id"], asked["difficulty"], question, gold, fate, pair)


def _trace(title: str, said: str, steps: Steps, text: str, marks: Iterable[Mark]) -> Trace:
    shown = [Step(visible(_short(step, LONG_STEP)), mark) for (step, _), mark in zip(steps, marks, strict=True)]
    rest = traces.final_part(text)
    return Trace(title, said, _fitting(shown), visible(_short((rest or "").strip(), LONG_STEP)))


def _layout(made: Made, cell: Cell) -> Layout:
    return made.plan.settings(cell.model, cell.task).traces.steps


def _fitting(steps: list[Step]) -> list[Step]:
    """Omit steps from a trace that is too long to show, but not the step that reaches the answer."""
    room, kept = LONG_TRACE, set()
    for number in sorted(range(len(steps)), key=lambda n: (steps[n].mark != "arrives", n)):
        room -= len(steps[number].text)
        kept |= {number} if room >= 0 else set()
    shown: list[Step] = []
    for number, step in enumerate(steps):
        if number in kept:
            shown.append(step)
        elif not shown or shown[-1].mark != "left out":
            gap = next((n for n in range(number, len(steps)) if n in kept), len(steps)) - number
            shown.append(Step(f"{gap} more", "left out"))
    return shown


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} ... ({len(text) - most:,} characters more)"


def _place(made: Made, cell: Cell) -> str:
    where = made.where(cell.model, cell.task)
    seed = f"seed {cell.seed}" if len(made.run.seeds) > 1 else ""
    return ", ".join(part for part in (cell.policy, where, seed) if part)
