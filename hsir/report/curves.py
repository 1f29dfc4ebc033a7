"""Figures: training curves by step: losses, rewards, lengths and KL, and the margins of preference learning."""

from typing import Any

import altair as alt
import pandas as pd

from hsir.report import style
from hsir.report.run import Cell, Made
from hsir.storage.files import read_json

POINTS = 60
"""Maximum number of points per line; each is a mean over consecutive steps."""
MEASURES = {
    "reward": ("reward", "total reward"), "length": ("length of rollouts", "tokens"),
    "without_spread": ("questions without reward spread", "share"), "clipped": ("truncated rollouts", "share of"
    " rollouts"),
    "kl": ("KL to the initial policy", "nats per token"), "indiv": ("InDiv of rollouts", "raw InDiv"),
    "ratio_clipped": ("rollouts or tokens that vLLM's correction clips", "share"),
    "margin": ("margin of pairs", "nats"), "preferred": ("pairs with a positive margin", "share"),
    "winner": ("log-probability of winners", "nats per solution"),
    "loser": ("log-probability of losers", "nats per solution"), "nll": ("NLL of winners", "nats per token"),
}  # fmt: skip
PART = "rewards."


def told(made: Made) -> list[tuple[Cell, Any]]:
    """Read the record of each training run."""
    return [(cell, read_json(made.folder(cell) / "train.json")) for cell in made.cells()]


def losses(made: Made, trained: list[tuple[Cell, Any]]) -> style.Chart:
    """Draw the loss by step: one panel per model, task and training type, because losses of different types are not
    comparable."""
    if not trained:
        return style.sentence("No policy of this run was trained.")
    rows = pd.concat(
        pd.DataFrame(found["losses"]).assign(
            model=cell.model, task=cell.task, policy=cell.policy, seed=cell.seed, kind=made.method(cell).train.kind
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
    """Draw what reinforcement learning and preference learning changed, by step."""
    learnt = [
        pd.json_normalize(found["course"]).assign(model=cell.model, task=cell.task, policy=cell.policy, seed=cell.seed)
        for cell, found in trained
        if found.get("course")
    ]
    if not learnt:
        return style.sentence("No policy of this run was trained by reinforcement or preference learning.")
    rows = pd.concat(learnt)
    names = list(rows["policy"].unique())
    charts = [
        _panel(style.heading(title, made.where(*map(str, place))), unit, here, measure, names)
        for place, here in rows.groupby(["model", "task"], sort=False)
        for measure, (title, unit) in _measures(here).items()
    ]
    return style.panels(charts, "Rewards and preferences, by step", columns=3)


def _measures(here: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return title and unit of each measure that the policies of one model and task have: the total, then its parts."""
    parts = here.columns[here.columns.str.startswith(PART)]
    told = {name: (f"reward: {name.removeprefix(PART)}", "mean, unweighted") for name in parts}
    known = {"reward": MEASURES["reward"], **told, **MEASURES}
    return {name: titles for name, titles in known.items() if name in here and here[name].notna().any()}


def binned(rows: pd.DataFrame, measure: str, points: int = POINTS) -> pd.DataFrame:
    """Return each policy's curve as a mean over seeds, with the lowest and highest seed, reduced to the maximum number
    of points by averaging neighbouring steps."""
    rows = rows[["policy", "seed", "step", measure]].dropna()
    width = -(-rows.groupby("policy")["step"].transform("max") // points)
    middle = (rows["step"] - 1) // width * width + (width + 1) / 2
    each = rows.groupby(["policy", middle, "seed"], sort=False)[measure].mean()
    over_seeds = each.groupby(["policy", "step"], sort=False).agg(["mean", "min", "max"])
    return over_seeds.set_axis(["value", "low", "high"], axis=1).reset_index()


def _panel(title: alt.TitleParams, unit: str, rows: pd.DataFrame, measure: str, names: list[str]) -> alt.Chart:
    found = binned(rows, measure)
    base = alt.Chart(style.data(found), width=230, height=150, title=title).encode(
        x=alt.X("step:Q", title="optimizer step", axis=alt.Axis(tickCount=5, grid=False)),
        **style.lines("policy:N", names),
    )
    line = base.mark_line(strokeWidth=1.6).encode(
        y=alt.Y("value:Q", title=unit, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)),
        tooltip=["policy:N", alt.Tooltip("step:Q", format=".0f"), alt.Tooltip("value:Q", format=".4g")],
    )
    if rows["seed"].nunique() == 1:
        return line
    band = base.mark_area(opacity=0.15, strokeWidth=0).encode(
        y=alt.Y("low:Q", title=unit, scale=alt.Scale(zero=False)), y2="high:Q", strokeDash=alt.Undefined
    )
    return alt.layer(band, line)
