"""Traces to look at: a seeded sample of what VeriExit cut and recovered, and of what InDiv dropped and kept."""

import random
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal, NamedTuple, TypeVar

from hsir import traces
from hsir.config.settings import Words
from hsir.diversity.div import kept_steps
from hsir.diversity.wordcounts import words
from hsir.report import indiv_view, pools
from hsir.report.run import Cell, Drawn, Made
from hsir.storage import tables

T = TypeVar("T")
MOST = 24
"""Exhibits of a kind that a page holds, at most: at the paper's scale all traces of a run would be gigabytes."""
LONG_STEP, LONG_TRACE = 4_000, 20_000
"""Characters of a step, and of a trace, that are shown."""

ACTING = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Unicode's controls, formats, surrogates, private characters, and separators of lines and paragraphs."""
CUTS = ["parent_id", "question_id", "cut_step"]

Mark = Literal["", "arrives", "behind", "repeats", "left out"]
Fate = Literal["recovered", "cut, no right answer", "nothing to recycle"]
ORDER: tuple[Fate, ...] = ("recovered", "recovered", "cut, no right answer", "nothing to recycle")


class Step(NamedTuple):
    """A step of a trace, and what is to be seen of it."""

    text: str
    mark: Mark = ""


@dataclass(frozen=True)
class Trace:
    """One solution: what is said above it, its steps, and what stands behind its reasoning."""

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
    """Choose what to show of a run, and of what its InDiv filters saw: the same of the same run."""
    recycled = [drawn for drawn in made.drawn() if made.recycles(drawn) is not None]
    filtered = [one for one in seen if not all(one.kept) and any(one.kept)]
    return [
        *(shown for drawn, n in _dealt(recycled) for shown in _recycled(made, drawn, n)),
        *(shown for one, n in _dealt(filtered) for shown in _compared(made, one, n)),
    ]


def visible(text: str) -> str:
    """Write characters that would act on the page in place of standing on it, such as U+202E, by their names."""
    acting = {sign: f"<U+{ord(sign):04X}>" for sign in set(text) - {"\n", "\t"} if unicodedata.category(sign) in ACTING}
    return "".join(acting.get(sign, sign) for sign in text)


def repeats(steps: Sequence[str]) -> list[bool]:
    """Tell which steps say what an earlier one said: those that Div drops where words are counted."""
    return [not kept for kept in kept_steps(words(steps, Words().dimensions))]


def _dealt(groups: Sequence[T]) -> list[tuple[T, int]]:
    """Give each group its share of what a page holds; where there are more groups than that, a sample of them."""
    if len(groups) > MOST:
        chosen = sorted(random.Random(0).sample(range(len(groups)), MOST))
        return [(groups[place], 1) for place in chosen]
    return [(group, MOST // len(groups)) for group in groups]


def _recycled(made: Made, drawn: Drawn, most: int) -> list[Exhibit]:
    """Show failed solutions of a recycled pool: mostly recovered ones, some that could not be helped."""
    source = made.recycles(drawn)
    if source is None:
        return []
    failed = {row["parent_id"]: row for row in tables.read("veriexit", made.table(drawn, "veriexit"), CUTS)}
    answers: dict[str | None, list[pools.Solution]] = defaultdict(list)
    for solution in pools.solutions(made, drawn):
        answers[solution.parent_id].append(solution)
    fates: dict[Fate, list[str]] = defaultdict(list)
    for name, row in failed.items():
        fates[_fate(row, answers[name])].append(name)
    chosen = _chosen(fates, failed, most, f"{drawn.cell.seed}/{drawn.cell.policy}/{drawn.pool}")
    children = {name: min(answers[name], key=lambda one: not one.right, default=None) for _, name in chosen}
    parents = pools.texts(made, source, set(children))
    after = pools.texts(made, drawn, {child.sample_id for child in children.values() if child})
    asked = pools.asked(made, drawn.cell)
    exhibits = []
    for fate, name in chosen:
        child = children[name]
        pair = _cut(name, parents[name], failed[name]["cut_step"], child, after[child.sample_id] if child else "")
        place = f"{_place(made, drawn.cell)}, {drawn.pool}"
        exhibits.append(_exhibit("VeriExit", place, asked[failed[name]["question_id"]], fate, pair))
    return exhibits


def _fate(failed: tables.Row, answers: list[pools.Solution]) -> Fate:
    if failed["cut_step"] is None:
        return "nothing to recycle"
    return "recovered" if any(one.right for one in answers) else "cut, no right answer"


def _chosen(
    fates: dict[Fate, list[str]], failed: dict[str, tables.Row], most: int, seed: str
) -> list[tuple[Fate, str]]:
    """Draw failed solutions, one a question; the fates in turn, as long as there are any of each."""
    shuffler, left = random.Random(seed), {fate: sorted(names) for fate, names in fates.items()}
    for names in left.values():
        shuffler.shuffle(names)
    chosen: dict[str, tuple[Fate, str]] = {}
    for fate in islice(cycle(ORDER), len(ORDER) * len(failed)):
        while len(chosen) < most and left.get(fate):
            name = left[fate].pop()
            if chosen.setdefault(failed[name]["question_id"], (fate, name)) == (fate, name):
                break
    return sorted(chosen.values(), key=lambda pair: ORDER.index(pair[0]))


def _cut(name: str, text: str, cut_step: int | None, child: pools.Solution | None, answer: str) -> list[Trace]:
    """Set a failed trace beside the answer that was drawn behind its cut, if there is one."""
    steps = traces.steps(text)
    place = len(steps) if cut_step is None else cut_step
    marks: list[Mark] = ["arrives" if n == place else "behind" if n > place else "" for n in range(len(steps))]
    first = _trace("failed", name, text, marks)
    if cut_step is None:
        return [first]
    given = answer[steps[cut_step][1] :] if answer.startswith(text[: steps[cut_step][1]]) else answer
    verdict = "recovered" if child and child.right else "answered again, not right"
    return [first, Trace(verdict, child.sample_id if child else "never sampled", [], visible(given.strip()))]


def _compared(made: Made, one: indiv_view.Seen, most: int) -> list[Exhibit]:
    """Show a dropped and a kept solution of the same question, drawn at random, with their scores."""
    groups: dict[str, dict[bool, list[int]]] = defaultdict(lambda: {True: [], False: []})
    for number, (candidate, kept) in enumerate(zip(one.candidates, one.kept, strict=True)):
        groups[candidate.question_id][kept].append(number)
    both = sorted(question for question, found in groups.items() if all(found.values()))
    shuffler = random.Random(f"{one.cell.seed}/{one.cell.policy}/{one.number}")
    chosen = [
        (question, [shuffler.choice(groups[question][kept]) for kept in (False, True)])
        for question in shuffler.sample(both, min(most, len(both)))
    ]
    wanted = {one.candidates[number].sample_id for _, pair in chosen for number in pair}
    found = {name: text for drawn in made.pools(one.cell) for name, text in pools.texts(made, drawn, wanted).items()}
    asked = pools.asked(made, one.cell)
    fate = f"tau = {one.tau:.4g}"
    return [
        _exhibit("InDiv", _place(made, one.cell), asked[question], fate, [_scored(one, n, found) for n in pair])
        for question, pair in chosen
    ]


def _scored(one: indiv_view.Seen, number: int, found: dict[str, str]) -> Trace:
    candidate = one.candidates[number]
    text = found[candidate.sample_id]
    marks: list[Mark] = ["repeats" if twice else "" for twice in repeats([step for step, _ in traces.steps(text)])]
    score = f"InDiv {one.scores[number]:+.2f}, {candidate.n_tokens:,} tokens, {marks.count('repeats')} steps repeated"
    return _trace("kept" if one.kept[number] else "dropped", f"{candidate.sample_id}: {score}", text, marks)


def _exhibit(
    kind: Literal["VeriExit", "InDiv"], place: str, asked: tables.Row, fate: str, pair: list[Trace]
) -> Exhibit:
    question, gold = (visible(_short(asked[name], LONG_STEP)) for name in ("question", "gold"))
    return Exhibit(kind, place, asked["question_id"], asked["difficulty"], question, gold, fate, pair)


def _trace(title: str, said: str, text: str, marks: Iterable[Mark]) -> Trace:
    steps = [
        Step(visible(_short(step, LONG_STEP)), mark) for (step, _), mark in zip(traces.steps(text), marks, strict=True)
    ]
    rest = traces.final_part(text)
    return Trace(title, said, _fitting(steps), visible(_short((rest or "").strip(), LONG_STEP)))


def _fitting(steps: list[Step]) -> list[Step]:
    """Leave steps out of a trace that is too long to be shown, but the one that arrives."""
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
