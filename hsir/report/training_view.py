"""Figures: the distribution of correct solutions, and which of them the next policy is trained on."""

from collections import defaultdict
from itertools import cycle
from typing import Any

import altair as alt
import pandas as pd

from hsir.report import pools, style
from hsir.report.run import Cell, Drawn, Made
from hsir.selection.filters import Filter
from hsir.storage import tables
from hsir.storage.files import read_json

Group = tuple[str, str, str]
"""Model, task, policy: the key shared by the seeds of a run."""


def right_per_question(made: Made) -> style.Chart:
    """Draw for each plain pool the histogram of correct solutions per question (means over seeds)."""
    groups: dict[tuple[Group, str], list[Drawn]] = defaultdict(list)
    for drawn in made.drawn():
        if made.recycles(drawn) is None:
            groups[group_of(drawn.cell), drawn.pool].append(drawn)
    charts = [_histogram(made, group, pool, drawn) for (group, pool), drawn in groups.items()]
    if not charts:
        return style.sentence("No policy of this run was sampled from: there are no correct solutions to count.")
    return style.panels(charts, "Correct solutions per question, before recycling and filtering", columns=3)


def _histogram(made: Made, group: Group, pool: str, seeds: list[Drawn]) -> alt.Chart:
    right = pd.concat(
        pools.right(made, drawn).reindex(pools.sampled_levels(made, drawn).index, fill_value=0) for drawn in seeds
    )
    most = getattr(made.plan.config.pools[pool], "samples", right.max())
    questions = right.value_counts().reindex(range(most + 1), fill_value=0) / len(seeds)
    rows = questions.rename_axis("right").rename("questions").reset_index()
    below = f"{pool}: {(right == 0).mean():.0%} of the questions have none"
    return (
        alt.Chart(style.data(rows), **style.SIZES, title=heading(made, group, below))
        .mark_bar(color=style.DARK)
        .encode(
            x=alt.X("right:O", title="correct solutions", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("questions:Q", title="questions", axis=style.counted()),
        )
    )


def samples_by_difficulty(made: Made) -> style.Chart:
    """Draw each policy's own training solutions by difficulty, next to the correct ones of plain sampling."""
    drawn = merged({group: _by_difficulty(made, seeds) for group, seeds in choosing(made).items()})
    found = {group: counts for group, counts in drawn.items() if not counts.empty}
    if not found:
        return style.sentence("No policy of this run has its own training solutions with a difficulty level.")
    most = _most({group: counts.to_numpy().max() for group, counts in found.items()})
    charts = [_levels_panel(counts, heading(made, group), _scale(most[group[:2]])) for group, counts in found.items()]
    return style.panels(charts, "Training solutions selected from pools, by difficulty", columns=3)


def _most(values: dict[Group, float]) -> pd.Series:
    """Return the largest value per model and task, because their panels are compared."""
    return pd.Series(values).groupby(level=[0, 1]).max()


def _scale(most: float, room: float = 1.05) -> alt.Scale:
    return alt.Scale(domain=[0, room * most or 1.0], nice=False)


def _by_difficulty(made: Made, seeds: list[Cell]) -> pd.DataFrame:
    """Count by level (means over seeds) the kept solutions, and the correct ones in the plain pools."""
    plain = [drawn for cell in seeds for drawn in made.pools(cell) if made.recycles(drawn) is None]
    before = [pools.right(made, drawn).groupby(pools.levels(made, drawn.cell)).sum().rename(int) for drawn in plain]
    kept = [pd.Series(_steps(made, cell)[-1]["by_difficulty"], dtype=int).rename(int) for cell in seeds]
    rows = pd.concat({"kept": pd.concat(kept), "before": pd.concat(before or [pd.Series(dtype=int)])})
    counts: pd.DataFrame = rows.groupby(level=[1, 0]).sum().unstack(fill_value=0).rename_axis("level")
    return counts / len(seeds)


def _levels_panel(counts: pd.DataFrame, title: alt.TitleParams, scale: alt.Scale) -> alt.LayerChart:
    kept, before = "trained on", "correct in the plain pool"
    x = alt.X("level:O", title="difficulty", axis=alt.Axis(labelAngle=0), sort=None)
    base = alt.Chart(style.data(counts.reset_index()), **style.SIZES, title=title)
    bars = base.transform_calculate(what=f"'{kept}'").mark_bar(opacity=1)
    ticks = base.transform_calculate(what=f"'{before}'").mark_tick(thickness=2.5, bandSize=24, opacity=1)
    colours = style.by_colour("what:N", {kept: style.MIDDLE, before: style.INK})
    return alt.layer(
        bars.encode(x=x, y=alt.Y("kept:Q", title="solutions", scale=scale, axis=style.counted()), color=colours),
        ticks.encode(x=x, y=alt.Y("before:Q", scale=scale), color=colours),
    )


def funnel(made: Made) -> style.Chart:
    """Draw how many solutions each filter left, one panel per policy, by source pool."""
    left = merged({group: _left(made, seeds) for group, seeds in choosing(made).items()})
    if not left:
        return style.sentence("No policy of this run selected its training solutions: nothing was filtered.")
    most = _most({group: counts.iloc[0].sum() for group, counts in left.items()})
    every = dict.fromkeys(pool for counts in left.values() for pool in counts)
    order = sorted(every, key=[*made.plan.config.pools, *every].index)
    charts = [
        _funnel_panel(counts.reindex(columns=order, fill_value=0), heading(made, group), _scale(most[group[:2]], 1.16))
        for group, counts in left.items()
    ]
    return style.panels(charts, "Solutions left by each filter", columns=2)


def _left(made: Made, seeds: list[Cell]) -> pd.DataFrame:
    """Return the number of solutions left by each filter and pool, one row each (means over seeds)."""
    method = made.method(seeds[0])
    names = ["drawn", *filter_names(method.select), *(["pairs"] if method.train.learns_from == "pairs" else [])]
    steps = [pd.DataFrame([step["by_pool"] for step in _steps(made, cell)], names) for cell in seeds]
    return pd.concat(steps).fillna(0).groupby(level=0, sort=False).mean()


def _funnel_panel(counts: pd.DataFrame, title: alt.TitleParams, scale: alt.Scale) -> alt.LayerChart:
    rows = counts.rename_axis("filter").reset_index().melt("filter", var_name="pool", value_name="solutions")
    rows["place"] = rows["pool"].map(list(counts).index)
    totals = counts.sum(axis="columns").rename_axis("filter").rename("total").reset_index()
    y = alt.Y("filter:N", sort=list(counts.index), title=None, axis=alt.Axis(labelLimit=200, ticks=False, domain=False))
    greys = (style.DARK, style.MIDDLE, style.LIGHT, style.COLOURS[1], style.COLOURS[2])
    colours = dict(zip(map(str, counts), cycle(greys), strict=False))
    x = alt.X("solutions:Q", title="solutions", scale=scale, stack="zero", axis=style.counted(tickCount=5))
    sizes: dict[str, Any] = {"width": 300, "height": 26 * len(counts)}
    bars = alt.Chart(style.data(rows), **sizes, title=title).mark_bar(height=17)
    text = alt.Chart(style.data(totals)).mark_text(align="left", dx=4, fontSize=11, color=style.INK)
    return alt.layer(
        bars.encode(x=x, y=y, color=style.by_colour("pool:N", colours), order="place:Q"),
        text.encode(x=alt.X("total:Q", scale=scale), y=y, text=alt.Text("total:Q", format=",.0f")),
    )


def filter_names(select: tuple[Filter, ...]) -> list[str]:
    """Name filters by kind, and by number if a kind occurs twice."""
    kinds = pd.Series([chosen.kind for chosen in select])
    numbers = kinds.groupby(kinds).cumcount() + 1
    return [kind if number == 1 else f"{kind} {number}" for kind, number in zip(kinds, numbers, strict=True)]


def group_of(cell: Cell) -> Group:
    """Return the key that a cell shares with those of other seeds."""
    return cell.model, cell.task, cell.policy


def heading(made: Made, group: Group, below: str = "") -> alt.TitleParams:
    """Return a panel's heading: the policy, with its place in the grid if there are several."""
    model, task, policy = group
    where = made.where(model, task)
    return style.heading(f"{policy} ({where})" if where else policy, below)


def choosing(made: Made) -> dict[Group, list[Cell]]:
    """Return the policies whose training set was selected from pools, grouped over seeds."""
    groups: dict[Group, list[Cell]] = defaultdict(list)
    for cell in made.cells():
        if made.pools(cell):
            groups[group_of(cell)].append(cell)
    return groups


def merged(counts: dict[Group, pd.DataFrame]) -> dict[Group, pd.DataFrame]:
    """Merge policies of a model and task with identical counts into one panel."""
    found: list[tuple[Group, pd.DataFrame]] = []
    for (model, task, policy), here in counts.items():
        alike = next((n for n, (group, at) in enumerate(found) if group[:2] == (model, task) and at.equals(here)), None)
        if alike is None:
            found.append(((model, task, policy), here))
        else:
            found[alike] = ((model, task, f"{found[alike][0][2]}, {policy}"), found[alike][1])
    return dict(found)


def _steps(made: Made, cell: Cell) -> list[tables.Row]:
    steps: list[tables.Row] = read_json(made.folder(cell) / "funnel.json")["steps"]
    return steps
