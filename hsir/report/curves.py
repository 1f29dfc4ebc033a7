"""Pictures: the courses of trainings: losses, and of reinforcement learning rewards, lengths and KL, by step."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import altair as alt

from hsir.report import style
from hsir.report.run import Cell, Made
from hsir.report.training_view import Group, group_of
from hsir.storage.files import read_json

POINTS = 60
"""Points of a line, at most; each is a mean over the steps that it stands for."""
MEASURES = {
    "reward": ("reward", "sum of rewards"), "length": ("length of rollouts", "tokens"),
    "without_spread": ("questions without spread", "share"), "clipped": ("cut off by the limit", "share of rollouts"),
    "kl": ("KL to the policy begun with", "nats a token"), "indiv": ("InDiv of rollouts", "raw InDiv"),
}  # fmt: skip
Course = list[tuple[int, float]]
"""(step, value), as it was trained."""


def told(made: Made) -> dict[Group, list[tuple[Cell, Any]]]:
    """Read what each training told of itself, seeds together."""
    groups: dict[Group, list[tuple[Cell, Any]]] = defaultdict(list)
    for cell in made.cells():
        groups[group_of(cell)].append((cell, read_json(made.folder(cell) / "train.json")))
    return dict(groups)


def losses(made: Made, trained: Mapping[Group, list[tuple[Cell, Any]]]) -> style.Chart:
    """Draw the loss by step: a panel a model, task and kind of training, whose losses are not to be compared."""
    panels: dict[tuple[str, str, str], dict[str, list[Course]]] = defaultdict(dict)
    for (model, task, policy), seeds in trained.items():
        courses = [[(one["step"], one["loss"]) for one in found["losses"]] for _, found in seeds]
        panels[model, task, made.method(seeds[0][0]).train.kind][policy] = courses
    names = list(dict.fromkeys(policy for _, _, policy in trained))
    charts = [
        _panel(_title(made, model, task, kind.upper()), "loss", lines, names)
        for (model, task, kind), lines in panels.items()
    ]
    return style.panels(charts, "Training loss", columns=3)


def rewards(made: Made, trained: Mapping[Group, list[tuple[Cell, Any]]]) -> style.Chart:
    """Draw what reinforcement learning was rewarded for, and what its rollouts became, by step."""
    courses = {group: [found["course"] for _, found in seeds if "course" in found] for group, seeds in trained.items()}
    learnt = {group: found for group, found in courses.items() if found}
    if not learnt:
        return style.sentence("No policy of this run was trained by reinforcement learning.")
    names = list(dict.fromkeys(policy for _, _, policy in learnt))
    charts = []
    for model, task in dict.fromkeys((model, task) for model, task, _ in learnt):
        here = {policy: found for (m, t, policy), found in learnt.items() if (m, t) == (model, task)}
        for title, unit, lines in _measures(here):
            charts.append(_panel(_title(made, model, task, title), unit, lines, names))
    return style.panels(charts, "Reinforcement learning, by step", columns=3)


def _measures(here: Mapping[str, list[list[Any]]]) -> list[tuple[str, str, dict[str, list[Course]]]]:
    """Give (title, unit, lines) of each measure that a policy of one model and task has: the parts behind the sum."""
    parts = dict.fromkeys(name for found in here.values() for course in found for name in course[0]["rewards"])
    kinds = [name for name in MEASURES if any(name in course[0] for found in here.values() for course in found)]
    made = [(*MEASURES[name], _lines(here, lambda entry, name=name: entry.get(name))) for name in kinds]
    told = [
        (f"reward: {name}", "mean, unweighted", _lines(here, lambda entry, name=name: entry["rewards"].get(name)))
        for name in parts
    ]
    return [*made[:1], *told, *made[1:]]


def _lines(here: Mapping[str, list[list[Any]]], value: Any) -> dict[str, list[Course]]:
    lines = {
        policy: [[(entry["step"], value(entry)) for entry in course if value(entry) is not None] for course in found]
        for policy, found in here.items()
    }
    return {policy: courses for policy, courses in lines.items() if any(courses)}


def binned(courses: Sequence[Course], points: int = POINTS) -> list[tuple[float, float]]:
    """Give the mean course of several seeds, in at most so many points: means over neighbouring steps."""
    values: dict[int, list[float]] = defaultdict(list)
    last = max(step for course in courses for step, _ in course)
    width = -(-last // points)
    for course in courses:
        for step, value in course:
            values[(step - 1) // width].append(value)
    return [(place * width + (width + 1) / 2, fmean(found)) for place, found in sorted(values.items())]


def _panel(title: alt.TitleParams, unit: str, lines: dict[str, list[Course]], names: list[str]) -> alt.Chart:
    rows: style.Rows = [
        {"policy": policy, "step": step, "value": value}
        for policy, courses in lines.items()
        for step, value in binned(courses)
    ]
    return (
        alt.Chart(style.data(rows), width=230, height=150, title=title)
        .mark_line(strokeWidth=1.6)
        .encode(
            x=alt.X("step:Q", title="optimizer step", axis=alt.Axis(tickCount=5, grid=False)),
            y=alt.Y("value:Q", title=unit, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)),
            tooltip=["policy:N", alt.Tooltip("step:Q", format=".0f"), alt.Tooltip("value:Q", format=".4g")],
            **style.lines("policy:N", names),
        )
    )


def _title(made: Made, model: str, task: str, text: str) -> alt.TitleParams:
    return style.heading(text, made.where(model, task))
