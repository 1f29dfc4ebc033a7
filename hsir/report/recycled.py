"""What VeriExit recycled, and what it could not: table and picture, by difficulty."""

from collections import Counter, defaultdict
from pathlib import Path

import altair as alt

from hsir.report import pools, style
from hsir.report.rows import write_csv
from hsir.report.run import Drawn, Made
from hsir.report.training_view import Group, heading
from hsir.storage import tables

COUNTS = [
    "questions", "failed", "recyclable", "recovered", "new_right", "questions_failed", "questions_skipped",
    "questions_unsolved", "questions_unsolved_skipped",
]  # fmt: skip
COLUMNS = ["model", "task", "seed", "policy", "pool", "difficulty", *COUNTS]
"""failed, recyclable, recovered count failed solutions: all, those cut, those with a right new answer; new_right counts
the right new answers. questions_failed have a failed solution, questions_skipped of them none that can be cut;
questions_unsolved have no right solution, questions_unsolved_skipped of them none that can be cut either."""

Row = tables.Row


def tally(made: Made) -> list[Row]:
    """Count for each recycled pool of a run, by difficulty; a row a level."""
    rows = []
    for drawn in made.drawn():
        source = made.recycles(drawn)
        if source is not None:
            place = {key: getattr(drawn.cell, key) for key in ("model", "task", "seed", "policy")}
            counts = _counts(made, drawn, source)
            for level in sorted(counts, key=lambda level: (level is None, level)):
                found = {name: counts[level][name] for name in COUNTS}
                rows.append({**place, "pool": drawn.pool, "difficulty": level, **found})
    return rows


def write(rows: list[Row], path: Path) -> None:
    """Write the counts as CSV."""
    write_csv(rows, COLUMNS, path)


def draw(made: Made, rows: list[Row]) -> style.Chart:
    """Draw for each recycled pool the fate of failed solutions, and the share of questions left aside."""
    groups: dict[tuple[Group, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[(row["model"], row["task"], row["policy"]), row["pool"]].append(row)
    if not groups:
        return style.sentence("No policy of this run recycled failed solutions.")
    charts = [
        panel
        for (group, pool), found in groups.items()
        for panel in (_failed_panel(made, group, pool, found), _questions_panel(found))
    ]
    return style.panels(charts, "Failed solutions that VeriExit could recycle", columns=2)


def _counts(made: Made, drawn: Drawn, source: Drawn) -> dict[int | None, Counter[str]]:
    known = pools.levels(made, drawn.cell)
    failed = tables.read("veriexit", made.table(drawn, "veriexit"), ["parent_id", "question_id", "cut_step"])
    new = [row for row in pools.solutions(made, drawn) if row.right]
    recovered = {row.parent_id for row in new}
    solved = pools.right(made, source)
    cut = {row["question_id"] for row in failed if row["cut_step"] is not None}
    failing = {row["question_id"] for row in failed}
    counts: dict[int | None, Counter[str]] = defaultdict(Counter)
    for row in failed:
        counts[known[row["question_id"]]].update(
            failed=1, recyclable=row["cut_step"] is not None, recovered=row["parent_id"] in recovered
        )
    for solution in new:
        counts[solution.difficulty]["new_right"] += 1
    for question, level in known.items():
        unsolved = question not in solved
        counts[level].update(
            questions=1, questions_failed=question in failing,
            questions_skipped=question in failing and question not in cut,
            questions_unsolved=unsolved, questions_unsolved_skipped=unsolved and question not in cut,
        )  # fmt: skip
    return counts


def _failed_panel(made: Made, group: Group, pool: str, found: list[Row]) -> alt.Chart:
    fates = {
        "recovered": style.DARK, "recyclable, no right answer": style.MIDDLE, "nothing to recycle": style.LIGHT
    }  # fmt: skip
    n = len({row["seed"] for row in found})
    rows: style.Rows = []
    for name, level, total in _levels(found):
        parts = (total["recovered"], total["recyclable"] - total["recovered"], total["failed"] - total["recyclable"])
        rows += [
            {"level": name, "at": level, "fate": fate, "place": place, "solutions": count / n}
            for place, (fate, count) in enumerate(zip(fates, parts, strict=True))
        ]
    failed, recyclable = (sum(row[key] for row in found) for key in ("failed", "recyclable"))
    share = f"{recyclable / failed:.0%} of {failed / n:,.0f} failed solutions" if failed else "none failed"
    title = heading(made, group, f"{pool}: {share} recyclable")
    return (
        alt.Chart(style.data(rows), width=290, height=170, title=title)
        .mark_bar()
        .encode(
            x=alt.X("level:O", title="difficulty", axis=alt.Axis(labelAngle=0), sort=None),
            y=alt.Y("solutions:Q", title="failed solutions", stack="zero"),
            color=style.by_colour("fate:N", fates),
            order="place:Q",
        )
    )


def _questions_panel(found: list[Row]) -> alt.LayerChart:
    rows: style.Rows = []
    for name, _, total in _levels(found):
        every = total["questions_failed"]
        share = total["questions_skipped"] / every if every else 0.0
        rows.append({"level": name, "share": share, "said": f"{share:.0%}" if every else "none failed"})
    title = style.heading("questions left aside", "of those with a failed solution")
    base = alt.Chart(style.data(rows), width=250, height=170, title=title)
    x = alt.X("level:O", title="difficulty", axis=alt.Axis(labelAngle=0), sort=None)
    scale = alt.Scale(domain=[0, 1])
    y = alt.Y("share:Q", title="share of questions", scale=scale, axis=alt.Axis(format="%", tickCount=5))
    return alt.layer(
        base.mark_bar(color=style.LIGHT, stroke=style.DARK, strokeWidth=0.4).encode(x=x, y=y),
        base.mark_text(dy=-7, fontSize=10, color=style.INK).encode(x=x, y=y, text="said:N"),
    )


def _levels(found: list[Row]) -> list[tuple[str, int, Counter[str]]]:
    """Sum seeds; give (name, place, counts) of each level, questions without one last."""
    sums: dict[int | None, Counter[str]] = defaultdict(Counter)
    for row in found:
        sums[row["difficulty"]].update({name: row[name] for name in COUNTS})
    order = sorted(sums, key=lambda level: (level is None, level))
    return [("none" if level is None else str(level), n, sums[level]) for n, level in enumerate(order)]
