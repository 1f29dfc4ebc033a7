"""What VeriExit could and could not recycle: table and figure, by difficulty."""

import altair as alt
import numpy as np
import pandas as pd

from hsir.report import pools, style
from hsir.report.run import Drawn, Made
from hsir.report.training_view import heading
from hsir.storage import tables

COUNTS = [
    "questions", "failed", "recyclable", "recovered", "new_right", "questions_failed", "questions_skipped",
    "questions_unsolved", "questions_unsolved_skipped",
]  # fmt: skip
PLACE = ["model", "task", "seed", "policy", "pool"]
COLUMNS = [*PLACE, "difficulty", *COUNTS]
"""failed, recyclable, recovered count failed solutions: all, those cut, those with a correct new answer; new_right
counts the correct new answers. questions_failed have a failed solution, and questions_skipped of them none that can be
cut; questions_unsolved have no correct solution, and questions_unsolved_skipped of them none that can be cut either."""
FATES = {"recovered": style.DARK, "recyclable, no correct answer": style.MIDDLE, "nothing to recycle": style.LIGHT}


def tally(made: Made) -> pd.DataFrame:
    """Count for each recycled pool of a run, one row per difficulty level; questions without a level come last."""
    found = {
        (cell.model, cell.task, cell.seed, cell.policy, drawn.pool): _counts(made, drawn, source)
        for drawn in made.drawn()
        if (cell := drawn.cell) and (source := made.recycles(drawn))
    }
    return pd.concat(found, names=PLACE).reset_index() if found else pd.DataFrame(columns=COLUMNS)


def noted(made: Made, what: str) -> tuple[int, int]:
    """Count the failed solutions of a run with a property recorded by the stage veriexit, and all failed solutions of
    the pools where it was recorded.

    `what` is `tables.STATING`, those that state an answer in a step, or `tables.WHOLE`, those with one step.
    """
    said, failed = 0, 0
    for drawn in made.drawn():
        if made.recycles(drawn) is not None:
            path = made.table(drawn, "veriexit")
            count = tables.metadata(path).get(what)
            if count is not None:
                said, failed = said + count, failed + len(tables.arrow("veriexit", path, ["parent_id"]))
    return said, failed


def draw(made: Made, rows: pd.DataFrame) -> style.Chart:
    """Draw for each recycled pool the outcome of failed solutions, and the share of questions without recyclable
    solutions."""
    if rows.empty:
        return style.sentence("No policy of this run recycled failed solutions.")
    charts = []
    for place, found in rows.groupby(["model", "task", "policy", "pool"], sort=False):
        model, task, policy, pool = map(str, place)
        levels = found.groupby("difficulty", dropna=False)[COUNTS].sum() / found["seed"].nunique()
        x = _levels_axis(levels.index)
        levels.index = levels.index.astype("string").fillna("none").rename("level")
        total = levels.sum()
        share = f"{total.recyclable / (total.failed or 1):.0%} of {total.failed:,.0f} failed solutions"
        below = f"{pool}: {share if total.failed else 'none failed'} recyclable"
        charts += [_failed_panel(levels, x, heading(made, (model, task, policy), below)), _questions_panel(levels, x)]
    title = "Failed solutions that VeriExit could recycle"
    return style.panels(charts, title, columns=2, legends="independent")


def _levels_axis(levels: pd.Index) -> alt.X:
    if levels.notna().any():
        return alt.X("level:O", title="difficulty", axis=alt.Axis(labelAngle=0), sort=None)
    return alt.X("level:O", title="all questions (no difficulty levels)", axis=alt.Axis(labels=False))


def _counts(made: Made, drawn: Drawn, source: Drawn) -> pd.DataFrame:
    columns = ["parent_id", "question_id", "cut_step"]
    failed: pd.DataFrame = tables.arrow("veriexit", made.table(drawn, "veriexit"), columns).to_pandas()
    new = pools.solutions(made, drawn)
    failed["recyclable"] = failed["cut_step"].notna()
    failed["recovered"] = failed["parent_id"].isin(new["parent_id"][new["right"]])
    levels = pools.sampled_levels(made, drawn)
    by_question = failed.groupby("question_id").agg(
        failed=("parent_id", "size"), recyclable=("recyclable", "sum"), recovered=("recovered", "sum")
    )
    counts = by_question.assign(new_right=pools.right(made, drawn)).reindex(levels.index).fillna(0).astype(int)
    unsolved, uncut = ~counts.index.isin(pools.right(made, source).index), counts["recyclable"] == 0
    counts = counts.assign(
        questions=1, questions_failed=counts["failed"] > 0, questions_skipped=(counts["failed"] > 0) & uncut,
        questions_unsolved=unsolved, questions_unsolved_skipped=unsolved & uncut,
    )  # fmt: skip
    return counts[COUNTS].groupby(levels, dropna=False).sum()


def _failed_panel(levels: pd.DataFrame, x: alt.X, title: alt.TitleParams) -> alt.Chart:
    parts = levels["recovered"], levels["recyclable"] - levels["recovered"], levels["failed"] - levels["recyclable"]
    fates = pd.concat(parts, axis="columns", keys=FATES)
    rows = fates.reset_index().melt("level", var_name="fate", value_name="solutions")
    rows["place"] = rows["fate"].map(list(FATES).index)
    return (
        alt.Chart(style.data(rows), width=290, height=170, title=title)
        .mark_bar()
        .encode(
            x=x,
            y=alt.Y("solutions:Q", title="failed solutions", stack="zero", axis=style.counted()),
            color=style.by_colour("fate:N", FATES, at="bottom"),
            order="place:Q",
        )
    )


def _questions_panel(levels: pd.DataFrame, x: alt.X) -> alt.LayerChart:
    share = levels["questions_skipped"] / levels["questions_failed"]
    said = np.where(share.isna(), "none" if len(share) > 1 else "none failed", share.map("{:.0%}".format))
    rows = pd.DataFrame({"share": share.fillna(0.0), "said": said}).reset_index()
    title = style.heading("questions without recyclable solutions", "among those with a failed solution")
    base = alt.Chart(style.data(rows), width=250, height=170, title=title)
    scale = alt.Scale(domain=[0, 1])
    y = alt.Y("share:Q", title="share of questions", scale=scale, axis=alt.Axis(format="%", tickCount=5))
    return alt.layer(
        base.mark_bar(color=style.LIGHT, stroke=style.DARK, strokeWidth=0.4).encode(x=x, y=y),
        base.mark_text(dy=-7, fontSize=10, color=style.INK).encode(x=x, y=y, text="said:N"),
    )
