"""The candidates of InDiv filters: the standardized score of each one, kept or dropped; table and figure."""

import math
import random
from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean

import altair as alt
import numpy as np
import pandas as pd

from hsir.evaluation.statistics import spearman
from hsir.report import pools, style
from hsir.report.run import Cell, Drawn, Made
from hsir.report.training_view import Group, group_of, heading
from hsir.selection.filters import Distinct, InDiv
from hsir.selection.filters.base import Candidate
from hsir.selection.filters.sound import Sound
from hsir.selection.training_set import prefix
from hsir.storage import tables

COLUMNS = ["model", "task", "seed", "policy", "filter", "difficulty", "candidates", "dropped", "share_dropped"]
BARS = 40
DOTS = 1_000
"""Maximum number of solutions in a figure, over all its panels."""
KEPT, DROPPED = "kept", "dropped"


@dataclass(frozen=True)
class Seen:
    """The candidates that reached one InDiv filter of one policy."""

    cell: Cell
    number: int
    chosen: InDiv
    tau: float
    """The lowest score that is kept."""
    candidates: pd.DataFrame
    """sample_id, question_id, tokens, difficulty, score, dropped."""

    def same(self, other: "Seen") -> bool:
        """Return whether another is the same filter on the same candidates, usually of another method."""
        mine, its = self.cell, other.cell
        return (
            (mine.model, mine.task, mine.seed, self.chosen) == (its.model, its.task, its.seed, other.chosen)
            and len(self.candidates) == len(other.candidates)
            and self.candidates.reset_index(drop=True).equals(other.candidates.reset_index(drop=True))
        )

    def by_level(self) -> pd.DataFrame:
        """Count the candidates, and the dropped ones, by difficulty."""
        by_level = self.candidates.groupby("difficulty", dropna=False)
        return by_level.agg(candidates=("dropped", "size"), dropped=("dropped", "sum"))


def seen(made: Made) -> list[Seen]:
    """Rerun each policy's filters up to its InDiv filters, because the stage filter does not store the scores of
    dropped solutions."""
    found = []
    for cell in made.cells():
        select = made.method(cell).select
        if not any(isinstance(chosen, InDiv) for chosen in select):
            continue
        left = candidates(made, cell)
        for number, chosen in enumerate(select, start=1):
            if isinstance(chosen, InDiv):
                found.append(_seen(cell, number, chosen, left))
            left = chosen(left, cell.seed)
    return found


def _seen(cell: Cell, number: int, chosen: InDiv, left: list[Candidate]) -> Seen:
    scores = chosen.standardised(left)
    tau = chosen.least(scores)
    rows = [(one.sample_id, one.question_id, one.n_tokens, one.difficulty) for one in left]
    frame = pd.DataFrame(rows, columns=["sample_id", "question_id", "tokens", "difficulty"])
    frame = frame.astype({"difficulty": "Int64"}).assign(score=scores, dropped=[score < tau for score in scores])
    return Seen(cell, number, chosen, tau, frame.astype({"dropped": bool}))


def candidates(made: Made, cell: Cell) -> list[Candidate]:
    """Return the correct solutions of a policy's pools, which are what the first filter keeps."""
    drawn, method = made.pools(cell), made.method(cell)
    every = pd.concat(named(made, cell, pool) for pool in drawn)
    rows = every[every["right"]].sort_values("sample_id")
    raw = {
        prefix(made.other(cell, pool)) + name: value
        for pool in drawn
        for name, value in tables.scores(made.table(pool, f"{method.score}-scores"))
    }
    texts: dict[str, tuple[tuple[int, ...], str]] = {}
    if any(isinstance(chosen, Distinct | Sound) for chosen in method.select):
        columns = ["sample_id", "completion_ids", "completion"]
        for pool in drawn:
            before = prefix(made.other(cell, pool))
            wanted = {name.removeprefix(before) for name in rows["sample_id"]}
            found = tables.tuples("samples", made.shards(pool), columns, wanted)
            texts |= {before + name: (tuple(ids), text) for name, ids, text in found}
    levels = rows["difficulty"].astype(object).where(rows["difficulty"].notna(), None)
    return [
        Candidate(name, question, length, True, *texts.get(name, ((), "")), level, raw.get(name), policy=policy)
        for name, question, length, level, policy in zip(
            rows["sample_id"], rows["question_id"], rows["n_tokens"].tolist(), levels, rows["policy"], strict=True
        )
    ]


def named(made: Made, cell: Cell, drawn: Drawn) -> pd.DataFrame:
    """Return the solutions of one of a policy's pools, with the names that they have in its training set, and the
    policy that they were sampled from if it is not its parent."""
    policy, solutions = made.other(cell, drawn), pools.solutions(made, drawn)
    return solutions.assign(sample_id=prefix(policy) + solutions["sample_id"], policy=policy)


def tally(found: list[Seen]) -> pd.DataFrame:
    """Count what each InDiv filter dropped, one row per difficulty level; solutions without a level come last."""
    places = [(one.cell.model, one.cell.task, one.cell.seed, one.cell.policy, one.number) for one in found]
    counts = dict(zip(places, (one.by_level() for one in found), strict=True))
    rows = pd.concat(counts, names=COLUMNS[:5]).reset_index() if counts else pd.DataFrame(columns=COLUMNS[:-1])
    return rows.assign(share_dropped=rows["dropped"] / rows["candidates"])


def draw(made: Made, found: list[Seen]) -> style.Chart:
    """Draw for each filter the scores with tau, and next to them the share dropped by difficulty."""
    groups = _by_filter(found)
    if not groups:
        return style.sentence("No policy of this run selected its solutions by InDiv.")
    charts = []
    for (group, _), seeds in groups.items():
        known = any(one.candidates["difficulty"].notna().any() for one in seeds)
        said = "" if known else "; no difficulty levels"
        charts += [_scores_panel(made, group, seeds, said), *([_levels_panel(seeds)] if known else [])]
    return style.panels(charts, "Intrinsic diversity of correct solutions, and the share dropped", columns=2)


def once(found: list[Seen]) -> list[Seen]:
    """Remove duplicates: several methods may share the same filter on the same candidates."""
    kept: list[Seen] = []
    for one in found:
        if not any(one.same(other) for other in kept):
            kept.append(one)
    return kept


def _by_filter(found: list[Seen]) -> dict[tuple[Group, int], list[Seen]]:
    """Group the seeds of a policy's filter; filters without candidates are omitted.

    Policies with the same candidates in all seeds share one entry.
    """
    groups: dict[tuple[Group, int], list[Seen]] = defaultdict(list)
    for one in found:
        if not one.candidates.empty:
            groups[group_of(one.cell), one.number].append(one)
    merged: dict[tuple[Group, int], list[Seen]] = {}
    for (group, number), seeds in groups.items():
        alike = next((key for key, others in merged.items() if _all_same(seeds, others)), None)
        if alike is None:
            merged[group, number] = seeds
        else:
            (model, task, policy), place = alike
            names = dict.fromkeys([*policy.split(", "), group[2]])
            merged[(model, task, ", ".join(names)), place] = merged.pop(alike)
    return merged


def _all_same(seeds: list[Seen], others: list[Seen]) -> bool:
    return len(seeds) == len(others) and all(one.same(other) for one, other in zip(seeds, others, strict=True))


def lengths(made: Made, found: list[Seen]) -> style.Chart:
    """Draw each filter's scores against the solutions' lengths: are the dropped solutions redundant, or only long?"""
    groups = _by_filter(found)
    if not groups:
        return style.sentence("No policy of this run selected its solutions by InDiv.")
    most = max(100, DOTS // len(groups))
    charts = [_lengths_panel(made, group, seeds, most) for (group, _), seeds in groups.items()]
    return style.panels(charts, "Intrinsic diversity against length", columns=2)


def _lengths_panel(made: Made, group: Group, seeds: list[Seen], most: int) -> alt.LayerChart:
    every = pd.concat(one.candidates for one in seeds)
    shown = every.iloc[random.Random(0).sample(range(len(every)), min(most, len(every)))]
    rank = spearman(every["score"].tolist(), every["tokens"].tolist())
    said = "" if rank is None else f"rank correlation {rank:+.2f}; "
    below = f"{said}{len(shown):,} of {len(every):,} correct solutions"
    fates, legend = [DROPPED, KEPT], alt.Legend(orient="top", title=None)
    rows = shown[["sample_id", "tokens", "score"]].assign(fate=np.where(shown["dropped"], DROPPED, KEPT))
    base = alt.Chart(style.data(rows), width=320, height=200, title=heading(made, group, below))
    points = base.mark_point(size=26, strokeWidth=1.1, opacity=0.75, aria=False).encode(
        x=alt.X("tokens:Q", title="tokens of the solution", scale=alt.Scale(zero=False)),
        y=alt.Y("score:Q", title=_named(seeds[0].chosen), scale=alt.Scale(zero=False)),
        color=alt.Color("fate:N", scale=alt.Scale(domain=fates, range=[style.COLOURS[3], style.DARK]), legend=legend),
        shape=alt.Shape("fate:N", scale=alt.Scale(domain=fates, range=["cross", "circle"]), legend=legend),
        tooltip=["sample_id:N", "tokens:Q", alt.Tooltip("score:Q", format=".2f")],
    )
    tau = fmean(one.tau for one in seeds)
    rule = alt.Chart(style.data([{"tau": tau}] if every["score"].min() <= tau else []))
    return alt.layer(points, rule.mark_rule(color=style.INK, strokeDash=[4, 3]).encode(y="tau:Q"))


def _named(chosen: InDiv) -> str:
    return "InDiv" if chosen.standardise == "none" else "InDiv, standardised"


def bins(scores: pd.Series, tau: float) -> pd.DataFrame:
    """Return from, to and count of a histogram with about 40 bars, aligned so that tau is an edge."""
    span = scores.max() - scores.min()
    size = _round(span / BARS) if span else 1.0
    places = np.floor((scores - tau) / size).astype(int)
    counts = places.value_counts().reindex(range(places.min(), places.max() + 1), fill_value=0)
    return pd.DataFrame({"from": tau + counts.index * size, "to": tau + (counts.index + 1) * size, "count": counts})


def _round(value: float) -> float:
    """Round up to 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-9))


def _scores_panel(made: Made, group: Group, seeds: list[Seen], said: str) -> alt.LayerChart:
    chosen, every = seeds[0].chosen, pd.concat(one.candidates for one in seeds)
    scores, dropped = every["score"], every["dropped"].mean()
    tau = fmean(one.tau for one in seeds)  # a quantile differs slightly between seeds
    rows = bins(scores, tau)
    rows["count"] /= len(seeds)
    rows = rows.assign(none=0, fate=np.where(rows["to"] <= tau + 1e-9, DROPPED, KEPT))
    below = f"standardise: {chosen.standardise}; below tau = {tau:.4g}: {dropped:.0%} of the candidates{said}"
    colours = style.by_colour("fate:N", {DROPPED: style.LIGHT, KEPT: style.DARK})
    bars = alt.Chart(style.data(rows), width=330, height=150, title=heading(made, group, below)).mark_bar(
        stroke=style.DARK, strokeWidth=0.4
    )
    low, high = scores.min(), scores.max()
    near = low - (high - low) / 2 <= tau <= high + (high - low) / 2  # otherwise it would compress the scores
    rule = alt.Chart(style.data([{"tau": tau}] if near else [])).mark_rule(color=style.INK, strokeDash=[4, 3])
    x = alt.X(
        "from:Q",
        title=_named(chosen),
        scale=alt.Scale(zero=False),
        axis=alt.Axis(labelFlush=False, tickCount=8),
    )
    counts = alt.Y("count:Q", title="correct solutions", axis=style.counted())
    return alt.layer(
        bars.encode(x=x, x2="to:Q", y=counts, y2="none:Q", color=colours),
        rule.encode(x="tau:Q"),
    )


def _levels_panel(seeds: list[Seen]) -> alt.LayerChart:
    counts = pd.concat(one.by_level() for one in seeds).groupby(level=0).sum()
    share = counts["dropped"] / counts["candidates"]
    rows = pd.DataFrame({"share": share, "said": share.map("{:.0%}".format)}).rename_axis("level").reset_index()
    title = style.heading("dropped, by difficulty")
    base = alt.Chart(style.data(rows), width=210, height=150, title=title)
    x = alt.X("level:O", title="difficulty", axis=alt.Axis(labelAngle=0), sort=None)
    scale = alt.Scale(domain=[0, 1])
    y = alt.Y("share:Q", title="share of correct solutions", scale=scale, axis=alt.Axis(format="%", tickCount=5))
    return alt.layer(
        base.mark_bar(color=style.LIGHT, stroke=style.DARK, strokeWidth=0.4).encode(x=x, y=y),
        base.mark_text(dy=-7, fontSize=10, color=style.INK).encode(x=x, y=y, text="said:N"),
    )
