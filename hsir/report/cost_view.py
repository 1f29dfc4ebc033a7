"""Figure: the cost of each policy, in seconds by stage and in tokens by use."""

import altair as alt
import pandas as pd

from hsir.report import style
from hsir.report.run import Made

SECONDS = {"sample_seconds": "sample", "score_seconds": "score", "train_seconds": "train"}
TOKENS = {
    "generated_tokens": "generated", "prefill_tokens": "read (prefill)", "scored_tokens": "scored",
    "training_tokens": "trained on",
}  # fmt: skip
FORMATS = {"seconds": ",d", "tokens": ".2~s"}
COLOURS = {
    "sample": style.DARK, "score": style.COLOURS[1], "train": style.LIGHT, "generated": style.DARK,
    "read (prefill)": style.MIDDLE, "scored": style.COLOURS[1], "trained on": style.LIGHT,
}  # fmt: skip


def draw(made: Made, costs: pd.DataFrame) -> style.Chart:
    """Draw for each model and task the seconds and tokens of each policy, without its ancestors (means over seeds)."""
    charts = []
    for place, here in costs[costs["what"] == "own"].groupby(["model", "task"], sort=False):
        means, where = here.groupby("policy", sort=False).mean(numeric_only=True), made.where(*map(str, place))
        charts += [_panel(means, SECONDS, "seconds", where), _panel(means, TOKENS, "tokens", where)]
    return style.panels(charts, "Cost of each policy, without its ancestors", columns=2, legends="independent")


def _panel(means: pd.DataFrame, parts: dict[str, str], unit: str, where: str) -> alt.Chart:
    rows = means[list(parts)].rename(columns=parts).reset_index().melt("policy", var_name="part")
    rows["place"] = rows["part"].map(list(parts.values()).index)
    colours = {part: COLOURS[part] for part in parts.values()}
    return (
        alt.Chart(style.data(rows), width=270, height=20 * len(means), title=style.heading(unit, where))
        .mark_bar(height=13, stroke=style.DARK, strokeWidth=0.4)
        .encode(
            x=alt.X(
                "value:Q",
                title=unit,
                stack="zero",
                axis=alt.Axis(tickCount=5, format=FORMATS[unit]),
            ),
            y=alt.Y(
                "policy:N", sort=list(means.index), title=None, axis=alt.Axis(labelLimit=200, ticks=False, domain=False)
            ),
            color=style.by_colour("part:N", colours),
            order="place:Q",
            tooltip=["policy:N", "part:N", alt.Tooltip("value:Q", format=",.0f")],
        )
    )
