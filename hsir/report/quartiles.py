"""Figure: training solutions over the paper's four levels of difficulty, before and after VeriExit (figure 2)."""

import altair as alt
import numpy as np
import pandas as pd

from hsir.report import pools, style
from hsir.report.run import Cell, Made
from hsir.report.training_view import Group, choosing, heading, merged
from hsir.storage import tables

LEVELS = 4
STAGES = {"correct when sampled": style.LIGHT, "and recycled": style.MIDDLE, "trained on": style.DARK}


def draw(made: Made) -> style.Chart:
    """Draw for each policy the correct solutions of each level: as sampled, with recycled ones, and as trained on."""
    groups = choosing(made)
    if not groups:
        return style.sentence("No policy of this run selected its training solutions: there are no levels to count.")
    means = merged({group: _means([counts(made, cell) for cell in cells]) for group, cells in groups.items()})
    charts = [_panel(made, group, found) for group, found in means.items()]
    return style.panels(charts, "Solutions by quartile of the questions, by correct solutions when sampled", columns=3)


def counts(made: Made, cell: Cell) -> pd.DataFrame:
    """Count the solutions of each stage, one column each, by the level of their question; level 1 had the most correct
    ones."""
    drawn_from = {drawn: pools.sampled_levels(made, drawn).index for drawn in made.pools(cell)}
    questions = pools.levels(made, cell).index
    questions = questions[questions.isin([name for names in drawn_from.values() for name in names])]
    every = {drawn: pools.right(made, drawn).reindex(questions, fill_value=0) for drawn in drawn_from}
    none = pd.Series(0, questions)
    plain = sum((right for drawn, right in every.items() if made.recycles(drawn) is None), none)
    rows = tables.arrow("filtered", made.folder(cell) / "filtered.parquet", ["question_id", "source"]).to_pandas()
    chosen = rows["question_id"][rows["source"].isin([made.source(cell, drawn) for drawn in every])].value_counts()
    stages = pd.DataFrame(dict(zip(STAGES, (plain, sum(every.values(), none), chosen), strict=True)), index=questions)
    return stages.fillna(0).groupby(levels(plain)).sum()


def levels(right: pd.Series) -> pd.Series:
    """Split questions into four equal levels by their number of correct solutions, highest first.

    Ties at a boundary are broken by the question's id.
    """
    ordered = right.sort_index().sort_values(ascending=False, kind="stable").index
    return pd.Series(1 + LEVELS * np.arange(len(ordered)) // len(ordered), ordered)


def _means(seeds: list[pd.DataFrame]) -> pd.DataFrame:
    means = pd.concat(seeds).groupby(level=0).sum() / len(seeds)
    return means.reindex(range(1, LEVELS + 1), fill_value=0.0).rename_axis("level")


def _panel(made: Made, group: Group, means: pd.DataFrame) -> alt.Chart:
    rows = style.data(means.reset_index().melt("level", var_name="stage", value_name="solutions"))
    return (
        alt.Chart(rows, **style.SIZES, title=heading(made, group))
        .mark_bar(stroke=style.DARK, strokeWidth=0.4)
        .encode(
            x=alt.X("level:O", title="quartile of the questions, easy to hard", axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("stage:N", sort=list(STAGES)),
            y=alt.Y("solutions:Q", title="solutions", axis=style.counted()),
            color=style.by_colour("stage:N", STAGES),
            tooltip=["stage:N", "level:O", alt.Tooltip("solutions:Q", format=",.0f")],
        )
    )
