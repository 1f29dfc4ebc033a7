"""Pictures: the courses of trainings: losses, and of reinforcement learning rewards, lengths and KL, by step."""

from typing import Any

import altair as alt
import pandas as pd

from hsir.report import style
from hsir.report.run import Cell, Made
from hsir.storage.files import read_json

POINTS = 60
"""Points of a line, at most; each is a mean over the steps that it stands for."""
MEASURES = {
    "reward": ("reward", "total reward"), "length": ("length of rollouts", "tokens"),
    "without_spread": ("questions without reward spread", "share"), "clipped": ("cut off by the limit", "share of"
    " rollouts"),
    "kl": ("KL to the initial policy", "nats per token"), "indiv": ("InDiv of rollouts", "raw InDiv"),
}  # fmt: skip
PART = "rewards."


def told(made: Made) -> list[tuple[Cell, Any]]:
    """Read what each training told of itself."""
    return [(cell, read_json(made.folder(cell) / "train.json")) for cell in made.cells()]


def losses(made: Made, trained: list[tuple[Cell, Any]]) -> style.Chart:
    """Draw the loss by step: a panel a model, task and kind of training, whose losses are not to be compared."""
    if not trained:
        return style.sentence("No policy of this run was trained.")
    rows = pd.concat(
        pd.DataFrame(found["losses"]).assign(
            model=cell.model, task=cell.task, policy=cell.policy, kind=made.method(cell).train.kind
        )
        for cell, found in trained
    )
    names = list(rows["policy"].unique())
    charts = [
        _panel(style.heading(kind.upper(), made.where(model, task)), "loss", here, "loss", names)
        for place, here in rows.groupby(["model", "task", "kind"], sort=False)
        for model, task, kind in [map(str, place)]
    ]
    return style.panels(charts, "Training loss", columns=3)


def rewards(made: Made, trained: list[tuple[Cell, Any]]) -> style.Chart:
    """Draw what reinforcement learning was rewarded for, and what its rollouts became, by step."""
    learnt = [
        pd.json_normalize(found["course"]).assign(model=cell.model, task=cell.task, policy=cell.policy)
        for cell, found in trained
        if found.get("course")
    ]
    if not learnt:
        return style.sentence("No policy of this run was trained by reinforcement learning.")
    rows = pd.concat(learnt)
    names = list(rows["policy"].unique())
    charts = [
        _panel(style.heading(title, made.where(*map(str, place))), unit, here, measure, names)
        for place, here in rows.groupby(["model", "task"], sort=False)
        for measure, (title, unit) in _measures(here).items()
    ]
    return style.panels(charts, "Reinforcement learning, by step", columns=3)


def _measures(here: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Give title and unit of each measure that a policy of one model and task has: the parts after the sum."""
    parts = here.columns[here.columns.str.startswith(PART)]
    told = {name: (f"reward: {name.removeprefix(PART)}", "mean, unweighted") for name in parts}
    known = {"reward": MEASURES["reward"], **told, **MEASURES}
    return {name: titles for name, titles in known.items() if name in here and here[name].notna().any()}


def binned(rows: pd.DataFrame, measure: str, points: int = POINTS) -> pd.DataFrame:
    """Give each policy's mean course over seeds, in at most so many points: means over neighbouring steps."""
    rows = rows[["policy", "step", measure]].dropna()
    width = -(-rows.groupby("policy")["step"].transform("max") // points)
    middle = (rows["step"] - 1) // width * width + (width + 1) / 2
    return rows.groupby(["policy", middle], sort=False)[measure].mean().rename("value").reset_index()


def _panel(title: alt.TitleParams, unit: str, rows: pd.DataFrame, measure: str, names: list[str]) -> alt.Chart:
    return (
        alt.Chart(style.data(binned(rows, measure)), width=230, height=150, title=title)
        .mark_line(strokeWidth=1.6)
        .encode(
            x=alt.X("step:Q", title="optimizer step", axis=alt.Axis(tickCount=5, grid=False)),
            y=alt.Y("value:Q", title=unit, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)),
            tooltip=["policy:N", alt.Tooltip("step:Q", format=".0f"), alt.Tooltip("value:Q", format=".4g")],
            **style.lines("policy:N", names),
        )
    )
