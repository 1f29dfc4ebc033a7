"""Figures: accuracy against the tokens of an answer, and against those spent; with the Pareto front."""

from collections.abc import Callable, Sequence

import altair as alt
import pandas as pd
from scipy.optimize import isotonic_regression

from hsir.report import seeds, style
from hsir.report.results import Result

HEIGHT, WIDTH, LINE = 300, 330, 15
SPENT = ["generated_tokens", "prefill_tokens", "scored_tokens", "training_tokens"]
"""Counts of the ledger that are tokens that a model computed."""
MILLION = 1e6
Measure = Callable[[Sequence[Result]], seeds.Estimate]
"""The tokens of a policy, from its results, one per seed."""


def accuracy_tokens(results: Sequence[Result]) -> style.Chart:
    """Draw one panel per model, task and benchmark; a line joins the iterations of a method."""
    return _draw(results, seeds.tokens, "mean tokens per answer", "Accuracy and length of answers")


def accuracy_spent(results: Sequence[Result], costs: pd.DataFrame) -> style.Chart:
    """Draw accuracy against the tokens that a policy and its ancestors cost, as panels like those of accuracy_tokens.

    `costs` are the ledgers of `ledger_view.gather`. Tokens generated, read, scored and trained on count alike.
    """
    whole = costs[costs["what"] == "cumulative"].groupby(["model", "task", "policy"])[SPENT].mean().sum(axis="columns")

    def spent(group: Sequence[Result]) -> seeds.Estimate:
        cost = whole.get((group[0].model, group[0].task, group[0].policy), 0.0)
        return seeds.Estimate(float(cost) / MILLION, None, None)

    return _draw(results, spent, "tokens spent, with all ancestors (millions)", "Accuracy and cost")


def _draw(results: Sequence[Result], measure: Measure, unit: str, title: str) -> style.Chart:
    methods = dict.fromkeys(result.policy.split(".")[0] for result in results)
    looks = style.looks(list(methods))
    charts = [_panel(_heading(place), _points(policies, looks, measure), unit) for place, policies in
              seeds.by_place(results).items()]  # fmt: skip
    return style.panels(charts, title, columns=2)


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Move values as little as possible so that neighbours are at least `gap` apart; their order is kept.

    Of equal values, the first ends up highest.
    """
    order = sorted(range(len(values)), key=lambda n: (values[n], -n))
    steps = [n * gap for n in range(len(values))]
    fitted = isotonic_regression([values[n] - step for n, step in zip(order, steps, strict=True)]).x
    moved = dict(zip(order, (float(x) + step for x, step in zip(fitted, steps, strict=True)), strict=True))
    return [moved[n] for n in range(len(values))]


def front(rows: style.Rows) -> style.Rows:
    """Return the rows on the Pareto front (no other is at least as accurate with no more tokens), by tokens."""
    best: style.Rows = []
    for row in sorted(rows, key=lambda row: (row["tokens"], -row["accuracy"])):
        if not best or row["accuracy"] > best[-1]["accuracy"]:
            best.append(row)
    return best


def _panel(title: alt.TitleParams, rows: style.Rows, unit: str) -> alt.LayerChart:
    height = max(HEIGHT, (LINE + 2) * len(rows))
    y_domain = label(rows, height)
    x_domain = _span(min(row["left"] for row in rows), max(row["right"] for row in rows))
    beyond = 0.02 * (x_domain[1] - x_domain[0])
    for row in rows:
        row |= {"aside": x_domain[1] + 1.6 * beyond, "text_at": x_domain[1] + 3 * beyond}
    x = alt.X("tokens:Q", title=unit, scale=alt.Scale(domain=x_domain, nice=False))
    y = alt.Y("accuracy:Q", title="accuracy (%)", scale=alt.Scale(domain=y_domain, nice=False))
    colour = alt.Color("colour:N", scale=None)
    base = alt.Chart(style.data(rows), width=WIDTH, height=height, title=title)
    points = base.encode(color=colour, shape=alt.Shape("shape:N", scale=None))
    faint = base.mark_rule(color="#BBBBBB", strokeWidth=0.7)
    edge = alt.Chart(style.data(_edge(rows, x_domain[1], y_domain[0])))
    tooltip = [alt.Tooltip(name, format=".1f") for name in ("accuracy:Q", "low:Q", "high:Q", "tokens:Q")]
    return alt.layer(
        edge.mark_line(interpolate="step-after", strokeDash=[4, 3], strokeWidth=1, color=style.INK, opacity=0.7).encode(
            x=x, y=y
        ),
        faint.encode(x=x, y=y, x2="aside:Q", y2="label_at:Q"),
        base.mark_line(strokeWidth=1.2, opacity=0.6).encode(x=x, y=y, color=colour, detail="method:N", order="round:Q"),
        base.mark_rule(strokeWidth=1.5).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour),
        base.mark_rule(strokeWidth=1.5).encode(x=alt.X("left:Q"), x2="right:Q", y=y, color=colour),
        points.mark_point(filled=True, size=80, opacity=1, stroke="white", strokeWidth=0.6).encode(
            x=x, y=y, tooltip=["policy:N", *tooltip]
        ),
        points.mark_point(filled=True, size=45, opacity=1).encode(x="aside:Q", y="label_at:Q"),
        base.mark_text(align="left", fontSize=11, color=style.INK).encode(
            x="text_at:Q", y="label_at:Q", text="policy:N"
        ),
    )


def _edge(rows: style.Rows, most: float, least: float) -> style.Rows:
    """Extend the front to the ends of the axes; a single policy has no front."""
    best = front(rows)
    if len(rows) < 2:
        return []
    start, end = best[0] | {"accuracy": least}, best[-1] | {"tokens": most}
    return [{"tokens": row["tokens"], "accuracy": row["accuracy"]} for row in (start, *best, end)]


def _span(low: float, high: float) -> list[float]:
    """Return the limits of the token axis: with margins, and wide enough not to magnify noise."""
    room = max(0.06 * (high - low), 0.05 * high) or 1.0
    return [low - room, high + room]


def _points(policies: dict[str, list[Result]], looks: dict[str, tuple[str, str]], measure: Measure) -> style.Rows:
    rows = []
    for number, (policy, group) in enumerate(policies.items()):
        accuracy, tokens = seeds.accuracy(group), measure(group)
        method = policy.split(".")[0]
        colour, shape = looks[method]
        rows.append(
            {
                "policy": policy, "method": method, "round": number, "colour": colour, "shape": shape,
                "accuracy": accuracy.value, "low": accuracy.low, "high": accuracy.high, "tokens": tokens.value,
                "left": tokens.value if tokens.low is None else tokens.low,
                "right": tokens.value if tokens.high is None else tokens.high,
            }
        )  # fmt: skip
    return rows


def label(rows: style.Rows, height: int) -> list[float]:
    """Place each row's label next to its point without overlaps; return the limits of the accuracy axis."""
    low, high = min(row["low"] for row in rows), max(row["high"] for row in rows)
    domain = [low, high]
    for _ in range(8):  # labels may extend the axis, and a longer axis increases the required distance
        gap = LINE * (domain[1] - domain[0]) / height or 1.0
        at = spread([row["accuracy"] for row in rows], gap)
        domain = [min(low, min(at)) - gap / 2, max(high, max(at)) + gap / 2]
    for row, label_at in zip(rows, at, strict=True):
        row["label_at"] = label_at
    return domain


def _heading(place: seeds.Place) -> alt.TitleParams:
    model, task, benchmark = place
    return style.heading(f"{model}, trained on {task}", f"evaluated on {benchmark}")
