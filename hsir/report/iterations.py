"""Figure: accuracy over iterations, on the training task's own test set and on others."""

from collections import defaultdict

import altair as alt

from hsir.config.plan import BASE
from hsir.report import accuracy, seeds, style
from hsir.report.results import Result
from hsir.report.run import Made

HEIGHT, WIDTH = 240, 280


def draw(made: Made, results: list[Result]) -> style.Chart:
    """Draw one panel per model, task and benchmark, and one line per method, from its initial policy."""
    places = seeds.by_place(results)
    courses = {place: _courses(made, policies) for place, policies in places.items()}
    several = any(row["iteration"] > 1 for rows in courses.values() for row in rows)
    if not several and len({place[2] for place in places}) < 2:
        return style.sentence("One iteration and one test set: there is no curve to draw.")
    methods = dict.fromkeys(row["method"] for rows in courses.values() for row in rows)
    looks = style.looks(list(methods))
    charts = [_panel(place, rows, looks) for place, rows in courses.items() if rows]
    return style.panels(charts, "Accuracy over iterations", columns=3)


def _courses(made: Made, policies: dict[str, list[Result]]) -> style.Rows:
    """Return the rows of all lines: accuracy by method and iteration; a method's initial policy is its iteration 0."""
    rounds: dict[str, dict[int, str]] = defaultdict(dict)
    for policy in policies:
        method, _, number = policy.partition(".")
        if number:
            rounds[method][int(number)] = policy
        elif not _is_begun_with(made, policy):
            rounds[method][0] = policy
    rows: style.Rows = []
    for method, course in rounds.items():
        parent = made.plan.parent(f"{method}.1") if max(course) else method
        course |= {0: parent} if parent in policies else {}
        for iteration, policy in sorted(course.items()):
            found = seeds.accuracy(policies[policy])
            low, high = (found.value if bound is None else bound for bound in (found.low, found.high))
            rows.append(
                {
                    "method": method, "policy": policy, "iteration": iteration, "accuracy": found.value,
                    "low": low, "high": high,
                }
            )  # fmt: skip
    return rows


def _is_begun_with(made: Made, policy: str) -> bool:
    return any(
        made.plan.config.methods[name].initial == policy for name in made.run.methods if name not in (policy, BASE)
    )


def _panel(place: seeds.Place, rows: style.Rows, looks: dict[str, tuple[str, str]]) -> alt.LayerChart:
    ends = [max((row for row in rows if row["method"] == method), key=lambda row: row["iteration"])
            for method in dict.fromkeys(row["method"] for row in rows)]  # fmt: skip
    height = max(HEIGHT, (accuracy.LINE + 2) * len(ends))
    domain = accuracy.label(ends, height)
    last = max(row["iteration"] for row in rows)
    low, high = min(row["low"] for row in rows), max(row["high"] for row in rows)
    scale = alt.Scale(domain=[min(domain[0], low), max(domain[1], high)], nice=False)
    for row in rows:
        row["colour"], row["shape"] = looks[row["method"]]
    x = alt.X(
        "iteration:Q", title="iteration", scale=alt.Scale(domain=[-0.05, last * 1.04 + 0.05], nice=False),
        axis=alt.Axis(values=list(range(last + 1)), format="d", grid=False),
    )  # fmt: skip
    y, colour = alt.Y("accuracy:Q", title="accuracy (%)", scale=scale), alt.Color("colour:N", scale=None)
    base = alt.Chart(style.data(rows), width=WIDTH, height=height, title=_title(place))
    labels = alt.Chart(style.data([row | {"aside": last * 1.04 + 0.05} for row in ends]))
    tooltip = ["policy:N", *(alt.Tooltip(name, format=".1f") for name in ("accuracy:Q", "low:Q", "high:Q"))]
    return alt.layer(
        labels.mark_rule(color="#BBBBBB", strokeWidth=0.7).encode(x=x, y=y, x2="aside:Q", y2="label_at:Q"),
        base.mark_line(strokeWidth=1.5).encode(x=x, y=y, color=colour, detail="method:N", order="iteration:Q"),
        base.mark_rule(strokeWidth=1, opacity=0.6).encode(x=x, y="low:Q", y2="high:Q", color=colour),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            x=x, y=y, color=colour, shape=alt.Shape("shape:N", scale=None), tooltip=tooltip
        ),
        labels.mark_text(align="left", dx=4, fontSize=11, color=style.INK).encode(
            x="aside:Q", y="label_at:Q", text="method:N"
        ),
    )


def _title(place: seeds.Place) -> alt.TitleParams:
    model, task, benchmark = place
    where = "in distribution" if task == benchmark else "out of distribution"
    return style.heading(f"{model}, trained on {task}", f"evaluated on {benchmark}: {where}")
