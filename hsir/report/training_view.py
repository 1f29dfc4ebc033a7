"""Pictures: where right solutions are, and what of them the next policy is trained on."""

from collections import Counter, defaultdict
from typing import Any

import altair as alt

from hsir.report import pools, style
from hsir.report.run import Cell, Drawn, Made
from hsir.selection.filters import Filter
from hsir.storage import tables
from hsir.storage.files import read_json

Group = tuple[str, str, str]
"""Model, task, policy: what the seeds of a run have in common."""


def right_per_question(made: Made) -> style.Chart:
    """Draw for each plain pool how many questions have how many right solutions (means over seeds)."""
    groups: dict[tuple[Group, str], list[Drawn]] = defaultdict(list)
    for drawn in made.drawn():
        if made.recycles(drawn) is None:
            groups[group_of(drawn.cell), drawn.pool].append(drawn)
    charts = [_histogram(made, group, pool, drawn) for (group, pool), drawn in groups.items()]
    if not charts:
        return style.sentence("No policy of this run was sampled from: there are no right solutions to count.")
    return style.panels(charts, "Right solutions a question, before any is recycled or dropped", columns=3)


def _histogram(made: Made, group: Group, pool: str, seeds: list[Drawn]) -> alt.Chart:
    questions: Counter[int] = Counter()
    for drawn in seeds:
        right = dict.fromkeys(pools.levels(made, drawn.cell), 0)
        right.update(pools.right(made, drawn))
        questions.update(right.values())
    most = getattr(made.plan.config.pools[pool], "samples", max(questions, default=0))
    rows: style.Rows = [{"right": n, "questions": questions[n] / len(seeds)} for n in range(most + 1)]
    none = questions[0] / max(1, questions.total())
    below = f"{pool}: {none:.0%} of the questions have none"
    return (
        alt.Chart(style.data(rows), **style.SIZES, title=heading(made, group, below))
        .mark_bar(color=style.DARK)
        .encode(
            x=alt.X("right:O", title="right solutions", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("questions:Q", title="questions"),
        )
    )


def samples_by_difficulty(made: Made) -> style.Chart:
    """Draw each policy's own training solutions by difficulty, against what plain sampling had found right."""
    scale = _Scale()
    groups = _funnels(made)
    drawn = {group: _by_difficulty(made, cells, scale, group) for group, cells in groups.items()}
    charts = [_levels_panel(rows, heading(made, group), scale.domain(group)) for group, rows in drawn.items() if rows]
    if not charts:
        return style.sentence("No policy of this run has training solutions of its own with a level of difficulty.")
    return style.panels(charts, "Training solutions chosen from pools, by difficulty", columns=3)


class _Scale:
    """The largest value of each model and task, for panels that are to be compared."""

    def __init__(self) -> None:
        self._most: dict[tuple[str, str], float] = defaultdict(float)

    def see(self, group: Group, value: float) -> None:
        self._most[group[:2]] = max(self._most[group[:2]], value)

    def domain(self, group: Group, room: float = 1.05) -> alt.Scale:
        return alt.Scale(domain=[0, room * self._most[group[:2]] or 1.0], nice=False)


def _by_difficulty(made: Made, seeds: list[tuple[Cell, tables.Row]], scale: _Scale, group: Group) -> style.Rows:
    kept: Counter[str] = Counter()
    before: Counter[str] = Counter()
    for cell, funnel in seeds:
        kept.update(funnel["steps"][-1]["by_difficulty"])
        for drawn in made.pools(cell):
            if made.recycles(drawn) is None:
                known = pools.levels(made, drawn.cell)
                for question, n in pools.right(made, drawn).items():
                    if known[question] is not None:
                        before[str(known[question])] += n
    levels = sorted(kept.keys() | before.keys(), key=int)
    for level in levels:
        scale.see(group, max(kept[level], before[level]) / len(seeds))
    return [
        {"level": level, "kept": kept[level] / len(seeds), "before": before[level] / len(seeds)} for level in levels
    ]


def _levels_panel(rows: style.Rows, title: alt.TitleParams, scale: alt.Scale) -> alt.LayerChart:
    kept, before = "trained on", "right in the plain pool"
    x = alt.X("level:O", title="difficulty", axis=alt.Axis(labelAngle=0), sort=None)
    base = alt.Chart(style.data(rows), **style.SIZES, title=title)
    bars = base.transform_calculate(what=f"'{kept}'").mark_bar(opacity=1)
    ticks = base.transform_calculate(what=f"'{before}'").mark_tick(thickness=2.5, bandSize=24, opacity=1)
    colours = style.by_colour("what:N", {kept: style.MIDDLE, before: style.INK})
    return alt.layer(
        bars.encode(x=x, y=alt.Y("kept:Q", title="solutions", scale=scale), color=colours),
        ticks.encode(x=x, y=alt.Y("before:Q", scale=scale), color=colours),
    )


def funnel(made: Made) -> style.Chart:
    """Draw how many solutions each filter left, a panel a policy, by the pool they come from."""
    groups = _funnels(made)
    names = {name for cells in groups.values() for _, told in cells for name in told["steps"][0]["by_pool"]}
    order = [name for name in made.plan.config.pools if name in names]
    most = _Scale()
    for group, cells in groups.items():
        most.see(group, sum(told["steps"][0]["total"] for _, told in cells) / len(cells))
    charts = [_funnel_panel(made, group, cells, order, most) for group, cells in groups.items()]
    if not charts:
        return style.sentence("No policy of this run chose its training solutions: nothing was filtered.")
    return style.panels(charts, "Solutions left by each filter", columns=2)


def _funnel_panel(
    made: Made, group: Group, seeds: list[tuple[Cell, tables.Row]], order: list[str], most: _Scale
) -> alt.LayerChart:
    names = ["drawn", *filter_names(made.method(seeds[0][0]).select)]
    rows, totals = [], []
    for number, name in enumerate(names):
        steps = [told["steps"][number] for _, told in seeds]
        totals.append({"filter": name, "total": sum(step["total"] for step in steps) / len(steps)})
        for place, pool in enumerate(order):
            count = sum(step["by_pool"].get(pool, 0) for step in steps) / len(steps)
            rows.append({"filter": name, "pool": pool, "solutions": count, "place": place})
    y = alt.Y("filter:N", sort=names, title=None, axis=alt.Axis(labelLimit=200, ticks=False, domain=False))
    greys = (style.DARK, style.MIDDLE, style.LIGHT, style.COLOURS[1], style.COLOURS[2])
    colours = {pool: greys[place % len(greys)] for place, pool in enumerate(order)}
    x = alt.X(
        "solutions:Q", title="solutions", scale=most.domain(group, 1.16), stack="zero", axis=alt.Axis(tickCount=5)
    )
    sizes: dict[str, Any] = {"width": 300, "height": 26 * len(names)}
    bars = alt.Chart(style.data(rows), **sizes, title=heading(made, group)).mark_bar(height=17)
    text = alt.Chart(style.data(totals)).mark_text(align="left", dx=4, fontSize=11, color=style.INK)
    return alt.layer(
        bars.encode(x=x, y=y, color=style.by_colour("pool:N", colours), order="place:Q"),
        text.encode(x=alt.X("total:Q", scale=most.domain(group, 1.16)), y=y, text=alt.Text("total:Q", format=",.0f")),
    )


def filter_names(select: tuple[Filter, ...]) -> list[str]:
    """Name filters by kind, and by number where a kind comes twice."""
    kinds = [chosen.kind for chosen in select]
    seen: Counter[str] = Counter()
    names = []
    for kind in kinds:
        seen[kind] += 1
        names.append(kind if seen[kind] == 1 else f"{kind} {seen[kind]}")
    return names


def group_of(cell: Cell) -> Group:
    """Give what a cell shares with its like of other seeds."""
    return cell.model, cell.task, cell.policy


def heading(made: Made, group: Group, below: str = "") -> alt.TitleParams:
    """Name the policy above its panel, with its place in the grid where the grid has several."""
    model, task, policy = group
    where = made.where(model, task)
    return style.heading(f"{policy} ({where})" if where else policy, below)


def _funnels(made: Made) -> dict[Group, list[tuple[Cell, tables.Row]]]:
    """Read the funnels of the policies that chose among solutions, seeds together."""
    groups: dict[Group, list[tuple[Cell, tables.Row]]] = defaultdict(list)
    for cell in made.cells():
        if made.pools(cell):
            groups[group_of(cell)].append((cell, read_json(made.folder(cell) / "funnel.json")))
    return dict(groups)
