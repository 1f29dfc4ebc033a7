"""Picture: training solutions over the paper's four levels of difficulty, before and after VeriExit (figure 2)."""

from collections import Counter, defaultdict
from collections.abc import Iterable

import altair as alt

from hsir.report import pools, style
from hsir.report.run import Cell, Drawn, Made
from hsir.report.training_view import Group, group_of, heading
from hsir.storage import tables

LEVELS = 4
STAGES = {"right when sampled": style.LIGHT, "and recycled": style.MIDDLE, "trained on": style.DARK}


def draw(made: Made) -> style.Chart:
    """Draw for each policy the right solutions of each level: as sampled, with recycled ones, and as trained on."""
    groups: dict[Group, list[Cell]] = defaultdict(list)
    for cell in made.cells():
        if made.pools(cell):
            groups[group_of(cell)].append(cell)
    if not groups:
        return style.sentence("No policy of this run chose its training solutions: there are no levels to count.")
    charts = [_panel(made, group, [counts(made, cell) for cell in cells]) for group, cells in groups.items()]
    return style.panels(charts, "Solutions by quarter of the questions, by right solutions when sampled", columns=3)


def counts(made: Made, cell: Cell) -> dict[str, Counter[int]]:
    """Count the solutions of each stage by the level of their question; level 1 had the most right solutions."""
    plain = [drawn for drawn in made.pools(cell) if made.recycles(drawn) is None]
    right, every = _together(made, plain), _together(made, made.pools(cell))
    names = set(made.method(cell).pools)
    rows = tables.tuples("filtered", made.folder(cell) / "filtered.parquet", ["question_id", "source"])
    chosen = Counter(question for question, source in rows if source in names)
    level = levels({question: right[question] for question in pools.levels(made, cell)})
    found: dict[str, Counter[int]] = {}
    for name, per_question in zip(STAGES, (right, every, chosen), strict=True):
        found[name] = Counter()
        for question, n in per_question.items():
            found[name][level[question]] += n
    return found


def _together(made: Made, several: Iterable[Drawn]) -> Counter[str]:
    """Count the right solutions of several pools by question."""
    return sum((pools.right(made, drawn) for drawn in several), Counter())


def levels(right: dict[str, int]) -> dict[str, int]:
    """Part questions into four equal levels by their number of right solutions, the most first.

    Where equal numbers straddle a border, the question's id decides.
    """
    ordered = sorted(right, key=lambda question: (-right[question], question))
    return {question: 1 + LEVELS * place // len(ordered) for place, question in enumerate(ordered)}


def _panel(made: Made, group: Group, seeds: list[dict[str, Counter[int]]]) -> alt.Chart:
    rows: style.Rows = [
        {"level": level, "stage": stage, "solutions": sum(one[stage][level] for one in seeds) / len(seeds)}
        for stage in STAGES
        for level in range(1, LEVELS + 1)
    ]
    return (
        alt.Chart(style.data(rows), **style.SIZES, title=heading(made, group))
        .mark_bar(stroke=style.DARK, strokeWidth=0.4)
        .encode(
            x=alt.X("level:O", title="quarter of the questions, easy to hard", axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("stage:N", sort=list(STAGES)),
            y=alt.Y("solutions:Q", title="solutions"),
            color=style.by_colour("stage:N", STAGES),
            tooltip=["stage:N", "level:O", alt.Tooltip("solutions:Q", format=",.0f")],
        )
    )
