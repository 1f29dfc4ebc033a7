"""What the InDiv filters saw: the standardised score of every candidate, kept or dropped; table and picture."""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from statistics import fmean

import altair as alt

from hsir.evaluation.statistics import spearman
from hsir.report import pools, style
from hsir.report.rows import write_csv
from hsir.report.run import Cell, Made
from hsir.report.training_view import Group, group_of, heading
from hsir.selection.filters import Distinct, InDiv
from hsir.selection.filters.base import Candidate
from hsir.selection.filters.sound import Sound
from hsir.storage import tables

COLUMNS = ["model", "task", "seed", "policy", "filter", "difficulty", "candidates", "dropped", "share_dropped"]
BARS = 40
DOTS = 1_000
"""Solutions that are drawn in a picture, at most, over all its panels."""
KEPT, DROPPED = "kept", "dropped"


@dataclass(frozen=True)
class Seen:
    """The candidates that reached one InDiv filter of one policy; scores in the same order."""

    cell: Cell
    number: int
    chosen: InDiv
    candidates: list[Candidate]
    scores: list[float]

    @cached_property
    def tau(self) -> float:
        """The lowest score that stays."""
        return self.chosen.least(self.scores)

    @cached_property
    def kept(self) -> list[bool]:
        """Whether each candidate stays."""
        return [score >= self.tau for score in self.scores]

    def by_level(self) -> dict[int | None, tuple[int, int]]:
        """Give for each level of difficulty how many candidates there were, and how many were dropped."""
        levels = [candidate.difficulty for candidate in self.candidates]
        every = Counter(levels)
        dropped = Counter(level for level, kept in zip(levels, self.kept, strict=True) if not kept)
        return {
            level: (every[level], dropped[level]) for level in sorted(every, key=lambda level: (level is None, level))
        }


def seen(made: Made) -> list[Seen]:
    """Repeat each policy's filters up to its InDiv filters; the stage filter stores no score of what it drops."""
    found = []
    for cell in made.cells():
        select = made.method(cell).select
        if not any(isinstance(chosen, InDiv) for chosen in select):
            continue
        left = candidates(made, cell)
        for number, chosen in enumerate(select, start=1):
            if isinstance(chosen, InDiv):
                found.append(Seen(cell, number, chosen, left, chosen.standardised(left)))
            left = chosen(left, cell.seed)
    return found


def candidates(made: Made, cell: Cell) -> list[Candidate]:
    """Give the right solutions of a policy's pools, which is what a selection's first filter leaves."""
    raw: dict[str, float] = {}
    texts: dict[str, tables.Row] = {}
    known = pools.levels(made, cell)
    rows: list[pools.Solution] = []
    for drawn in made.pools(cell):
        raw |= tables.scores(made.table(drawn, f"{made.method(cell).score}-scores"))
        if any(isinstance(chosen, Distinct | Sound) for chosen in made.method(cell).select):
            wanted = ["sample_id", "completion", "completion_ids"]
            texts |= {row["sample_id"]: row for row in tables.read("samples", made.shards(drawn), wanted)}
        rows += [row for row in pools.solutions(made, drawn) if row.right]
    return [
        Candidate(
            sample_id=row.sample_id, question_id=row.question_id, n_tokens=row.n_tokens, right=True,
            completion_ids=tuple(texts.get(row.sample_id, {}).get("completion_ids", ())),
            completion=texts.get(row.sample_id, {}).get("completion", ""),
            difficulty=known[row.question_id], raw=raw.get(row.sample_id),
        )
        for row in sorted(rows, key=itemgetter(0))
    ]  # fmt: skip


def write(found: list[Seen], path: Path) -> None:
    """Write as CSV how many right solutions each InDiv filter dropped, by difficulty."""
    rows = [
        {
            "model": one.cell.model, "task": one.cell.task, "seed": one.cell.seed, "policy": one.cell.policy,
            "filter": one.number, "difficulty": level, "candidates": every, "dropped": dropped,
            "share_dropped": dropped / every,
        }
        for one in found
        for level, (every, dropped) in one.by_level().items()
    ]  # fmt: skip
    write_csv(rows, COLUMNS, path)


def draw(made: Made, found: list[Seen]) -> style.Chart:
    """Draw for each filter the scores with tau, and beside them the share dropped by difficulty."""
    groups = _by_filter(found)
    if not groups:
        return style.sentence("No policy of this run chose its solutions by InDiv.")
    charts = [
        panel
        for (group, _), seeds in groups.items()
        for panel in (_scores_panel(made, group, seeds), _levels_panel(seeds))
    ]
    return style.panels(charts, "Intrinsic diversity of right solutions, and what the threshold drops", columns=2)


def _by_filter(found: list[Seen]) -> dict[tuple[Group, int], list[Seen]]:
    """Put seeds of one filter of one policy together; filters that saw nothing are left out."""
    groups: dict[tuple[Group, int], list[Seen]] = defaultdict(list)
    for one in found:
        if one.scores:
            groups[group_of(one.cell), one.number].append(one)
    return groups


def lengths(made: Made, found: list[Seen]) -> style.Chart:
    """Draw each filter's scores against the solutions' lengths: is what is dropped redundant, or only long?"""
    groups = _by_filter(found)
    if not groups:
        return style.sentence("No policy of this run chose its solutions by InDiv.")
    most = max(100, DOTS // len(groups))
    charts = [_lengths_panel(made, group, seeds, most) for (group, _), seeds in groups.items()]
    return style.panels(charts, "Intrinsic diversity against length", columns=2)


def _lengths_panel(made: Made, group: Group, seeds: list[Seen], most: int) -> alt.LayerChart:
    every: style.Rows = [
        {
            "sample_id": candidate.sample_id,
            "tokens": candidate.n_tokens,
            "score": score,
            "fate": KEPT if kept else DROPPED,
        }
        for one in seeds
        for candidate, score, kept in zip(one.candidates, one.scores, one.kept, strict=True)
    ]
    rank = spearman([row["score"] for row in every], [row["tokens"] for row in every])
    shown = random.Random(0).sample(every, min(most, len(every)))
    told = "" if rank is None else f"rank correlation {rank:+.2f}; "
    below = f"{told}{len(shown):,} of {len(every):,} right solutions"
    fates, legend = [DROPPED, KEPT], alt.Legend(orient="top", title=None)
    base = alt.Chart(style.data(shown), width=320, height=200, title=heading(made, group, below))
    points = base.mark_point(size=26, strokeWidth=1.1, opacity=0.75, aria=False).encode(
        x=alt.X("tokens:Q", title="tokens of the solution", scale=alt.Scale(zero=False)),
        y=alt.Y("score:Q", title=_named(seeds[0].chosen), scale=alt.Scale(zero=False)),
        color=alt.Color("fate:N", scale=alt.Scale(domain=fates, range=[style.COLOURS[3], style.DARK]), legend=legend),
        shape=alt.Shape("fate:N", scale=alt.Scale(domain=fates, range=["cross", "circle"]), legend=legend),
        tooltip=["sample_id:N", "tokens:Q", alt.Tooltip("score:Q", format=".2f")],
    )
    tau = fmean(one.tau for one in seeds)
    rule = alt.Chart(style.data([{"tau": tau}] if min(row["score"] for row in every) <= tau else []))
    return alt.layer(points, rule.mark_rule(color=style.INK, strokeDash=[4, 3]).encode(y="tau:Q"))


def _named(chosen: InDiv) -> str:
    return "InDiv" if chosen.standardise == "none" else "InDiv, standardised"


def bins(scores: list[float], tau: float) -> Iterator[tuple[float, float, int]]:
    """Yield (from, to, count) of a histogram of about 40 bars, whose edges, carried on, meet tau."""
    span = max(scores) - min(scores)
    size = _round(span / BARS) if span else 1.0
    counts = Counter(math.floor((score - tau) / size) for score in scores)
    for place in range(min(counts), max(counts) + 1):
        yield tau + place * size, tau + (place + 1) * size, counts[place]


def _round(value: float) -> float:
    """Round up to 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-9))


def _scores_panel(made: Made, group: Group, seeds: list[Seen]) -> alt.LayerChart:
    chosen, scores = seeds[0].chosen, [score for one in seeds for score in one.scores]
    tau = fmean(one.tau for one in seeds)  # of a quantile, it differs a little from seed to seed
    dropped = sum(not kept for one in seeds for kept in one.kept) / len(scores)
    rows: style.Rows = [
        {"from": low, "to": high, "count": count / len(seeds), "none": 0,
         "fate": DROPPED if high <= tau + 1e-9 else KEPT}
        for low, high, count in bins(scores, tau)
    ]  # fmt: skip
    below = f"standardise: {chosen.standardise}; below tau = {tau:.4g}: {dropped:.0%} of the candidates"
    colours = style.by_colour("fate:N", {DROPPED: style.LIGHT, KEPT: style.DARK})
    bars = alt.Chart(style.data(rows), width=330, height=150, title=heading(made, group, below)).mark_bar(
        stroke=style.DARK, strokeWidth=0.4
    )
    span = max(scores) - min(scores)
    near = min(scores) - span / 2 <= tau <= max(scores) + span / 2  # else it would squeeze the scores
    rule = alt.Chart(style.data([{"tau": tau}] if near else [])).mark_rule(color=style.INK, strokeDash=[4, 3])
    x = alt.X(
        "from:Q",
        title=_named(chosen),
        scale=alt.Scale(zero=False),
        axis=alt.Axis(labelFlush=False, tickCount=8),
    )
    return alt.layer(
        bars.encode(x=x, x2="to:Q", y=alt.Y("count:Q", title="right solutions"), y2="none:Q", color=colours),
        rule.encode(x="tau:Q"),
    )


def _levels_panel(seeds: list[Seen]) -> alt.LayerChart:
    every: Counter[int] = Counter()
    dropped: Counter[int] = Counter()
    for one in seeds:
        for level, (candidates_of, dropped_of) in one.by_level().items():
            if level is not None:
                every[level] += candidates_of
                dropped[level] += dropped_of
    rows: style.Rows = [
        {"level": level, "share": dropped[level] / every[level], "none": f"{dropped[level] / every[level]:.0%}"}
        for level in sorted(every)
    ]
    title = style.heading("dropped, by difficulty" if rows else "the questions have no level of difficulty")
    base = alt.Chart(style.data(rows), width=210, height=150, title=title)
    x = alt.X("level:O", title="difficulty", axis=alt.Axis(labelAngle=0), sort=None)
    scale = alt.Scale(domain=[0, 1])
    y = alt.Y("share:Q", title="share of right solutions", scale=scale, axis=alt.Axis(format="%", tickCount=5))
    return alt.layer(
        base.mark_bar(color=style.LIGHT, stroke=style.DARK, strokeWidth=0.4).encode(x=x, y=y),
        base.mark_text(dy=-7, fontSize=10, color=style.INK).encode(x=x, y=y, text="none:N"),
    )
