"""Do InDiv and Div fall if steps are repeated on purpose, and do they agree? Numbers, tables and a figure."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from hsir.diversity.redundancy import CONTROLS, COPIES, KINDS, Kind
from hsir.errors import InputError
from hsir.evaluation.statistics import spearman
from hsir.report import seeds, style
from hsir.report.sheets import Entry, Sheet
from hsir.storage import tables

Row = tables.Row
COLUMNS = ["id", "parent", "kind", "copies", "tokens", "indiv", "steps", "kept", "div"]
SCORES = {"indiv": "InDiv", "div": "Div"}
NAMES = {
    "original": "as sampled", "repeat": "steps repeated", "recheck": "re-checks",
    "other": "others' steps instead of repeats", "aside": "others' steps instead of re-checks",
}  # fmt: skip
PAIRS = (
    ("indiv", "div"), ("indiv", "copies"), ("div", "copies"), ("indiv", "tokens"), ("div", "tokens"),
)  # fmt: skip
PARTIAL = PAIRS[:3]
FALLS = {"from_1": "1 > 2 > 4 copies %", "from_0": "0 > 1 > 2 > 4 copies %"}
GIVEN = {"spearman": "", "given_tokens": ", given length"}
BLIND = " Word counts cannot detect paraphrases; they replace a sentence model where there is none."


def joined(variants: Sequence[Row], scores: Sequence[Row], divs: Sequence[Row]) -> pd.DataFrame:
    """Join scores and Div to the variants; raises InputError if a variant has none."""
    every = pd.DataFrame(variants, columns=COLUMNS[:4])
    scored = pd.DataFrame(scores, columns=["sample_id", "n_tokens", "indiv"]).set_axis(
        ["id", "tokens", "indiv"], axis=1
    )
    found = every.merge(scored, on="id").merge(pd.DataFrame(divs, columns=["id", *COLUMNS[6:]]), on="id")
    absent = every["id"][~every["id"].isin(found["id"])]
    if len(absent):
        raise InputError(f"variant {absent.iloc[0]} (and {len(absent) - 1} more) has no score or no Div; rescore them")
    return found


def summary(rows: pd.DataFrame) -> Row:
    """Return means by copies, the share of solutions whose score falls with each copy, and rank correlations."""
    return {
        "solutions": rows["parent"].nunique(),
        "variants": len(rows),
        "means": [_means(rows, kind, n) for kind in KINDS for n in (0, *COPIES)],
        "below_other": [_below(rows, kind, score, n) for kind in CONTROLS for score in SCORES for n in COPIES],
        "falls": [_falls(rows, kind, score) for kind in KINDS for score in SCORES],
        "correlations": [_correlations(kind, _with(rows, kind)) for kind in ("original", *KINDS)],
    }


def _with(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return the variants of a kind; the originals count as 0 copies of each kind."""
    return rows[rows["kind"].isin([kind, "original"])]


def _means(rows: pd.DataFrame, kind: str, copies: int) -> Row:
    found = _with(rows, kind).query("copies == @copies")
    means = {score: seeds.mean(found[score].tolist())._asdict() for score in ("tokens", *SCORES)}
    return {"kind": kind, "copies": copies, **means}


def _falls(rows: pd.DataFrame, kind: str, score: str) -> Row:
    """Count solutions whose score falls from each number of copies to the next: starting from 1, and from 0."""
    falls = (
        _with(rows, kind).pivot(index="parent", columns="copies", values=score)[[0, *COPIES]].diff(axis="columns") < 0
    )
    from_1, from_0 = (falls[list(copies)].all(axis="columns").mean() for copies in (COPIES[1:], COPIES))
    return {"kind": kind, "score": score, "from_1": from_1, "from_0": from_0}


def _below(rows: pd.DataFrame, kind: Kind, score: str, copies: int) -> Row:
    """Count solutions that score lower with redundant steps than with as many characters of others' steps."""
    of = rows[rows["copies"] == copies].pivot(index="parent", columns="kind")
    lower = of[score, kind] < of[score, CONTROLS[kind]]
    more = of["tokens", kind] - of["tokens", CONTROLS[kind]]
    return {"kind": kind, "score": score, "copies": copies, "share": lower.mean(), "tokens_more": more.mean()}


def _correlations(kind: str, rows: pd.DataFrame) -> Row:
    values = {name: rows[name].astype(float).tolist() for name in ("indiv", "div", "copies", "tokens")}
    return {
        "kind": kind,
        "variants": len(rows),
        "spearman": {f"{a}, {b}": spearman(values[a], values[b]) for a, b in PAIRS},
        "given_tokens": {f"{a}, {b}": spearman(values[a], values[b], values["tokens"]) for a, b in PARTIAL},
    }


def sheets(told: Row) -> list[Sheet]:
    """Return the numbers as sheets."""
    return [_means_sheet(told), _falls_sheet(told), _below_sheet(told), _correlations_sheet(told)]


def _means_sheet(told: Row) -> Sheet:
    rows = [
        [
            Entry(NAMES[row["kind"]]), Entry(str(row["copies"])), Entry(f"{row['tokens']['value']:.1f}"),
            *(_entry(row[score]) for score in SCORES),
        ]
        for row in told["means"]
    ]  # fmt: skip
    embedder = told["embedder"].get("model", told["embedder"]["kind"])
    note = (
        f"Means of {told['solutions']} correct solutions ({told['of']}) with 95 % t intervals; 0 copies: as"
        f" sampled. InDiv is raw. Div's steps are embedded by {embedder}, and dropped at a similarity of"
        f" {told['threshold']} or more." + BLIND * (embedder == "words")
    )
    return Sheet("Mean scores by copies", ["variant", "copies", "tokens", *SCORES.values()], rows, note)


def _falls_sheet(told: Row) -> Sheet:
    rows = [
        [Entry(NAMES[row["kind"]]), Entry(SCORES[row["score"]]), *(Entry(f"{100 * row[k]:.1f}") for k in FALLS)]
        for row in told["falls"]
    ]
    note = "Share of solutions whose score falls with each increase in copies; by chance, one in 6 or one in 24."
    return Sheet("Solutions whose score falls", ["variant", "score", *FALLS.values()], rows, note)


def _below_sheet(told: Row) -> Sheet:
    rows = [
        [
            Entry(NAMES[row["kind"]]), Entry(SCORES[row["score"]]), Entry(str(row["copies"])),
            Entry(f"{100 * row['share']:.1f}"), Entry(f"{row['tokens_more']:+.1f}"),
        ]
        for row in told["below_other"]
    ]  # fmt: skip
    note = (
        "Share of solutions that score lower with redundant steps than with as many characters of other solutions'"
        " steps in the same places. By chance, one in 2."
    )
    columns = ["variant", "score", "copies", "share lower %", "extra tokens"]
    return Sheet("Redundant steps compared with others' steps", columns, rows, note)


def _correlations_sheet(told: Row) -> Sheet:
    names = {"indiv": "InDiv", "div": "Div", "copies": "copies", "tokens": "length"}
    rows = [
        [
            Entry(" and ".join(names[name] for name in pair)),
            *(Entry(_number(of[given].get(", ".join(pair)))) for of in told["correlations"] for given in GIVEN),
        ]
        for pair in PAIRS
    ]
    columns = [f"{NAMES[of['kind']]}{said}" for of in told["correlations"] for said in GIVEN.values()]
    note = (
        "Spearman's rank correlation; `given length`: partial, with the rank of the length removed from both."
        " Over all variants of a kind, including those with 0 copies; variants of one solution are not independent."
    )
    return Sheet("Rank correlations", ["of", *columns], rows, note)


def _entry(estimate: Row) -> Entry:
    if estimate["low"] is None:
        return Entry(f"{estimate['value']:.3f}")
    return Entry(f"{estimate['value']:.3f}", f"[{estimate['low']:.3f}, {estimate['high']:.3f}]")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"


def draw(told: Row) -> style.Chart:
    """Draw mean InDiv and mean Div against copies, one line per kind of redundancy."""
    charts = [_panel(told["means"], score) for score in SCORES]
    title = f"Scores of {told['solutions']} correct solutions, as steps are added"
    return style.panels(charts, title, columns=2)


def _panel(means: list[Row], score: str) -> alt.LayerChart:
    rows: style.Rows = [
        {"kind": NAMES[row["kind"]], "copies": row["copies"], **row[score]} for row in means
    ]  # fmt: skip
    looks = {NAMES[kind]: colour for kind, colour in zip(KINDS, style.COLOURS, strict=False)}
    base = alt.Chart(style.data(rows), width=300, height=220, title=style.heading(f"mean {SCORES[score]}"))
    x = alt.X("copies:Q", title="copies added", axis=alt.Axis(values=[0, *COPIES], format="d"))
    y = alt.Y("value:Q", title=SCORES[score], scale=alt.Scale(zero=False))
    colour = style.by_colour("kind:N", looks)
    return alt.layer(
        base.mark_line(strokeWidth=1.5).encode(x=x, y=y, color=colour),
        base.mark_rule(strokeWidth=1.2).encode(x=x, y="low:Q", y2="high:Q", color=colour),
        base.mark_point(filled=True, size=55, opacity=1).encode(x=x, y=y, color=colour),
    )
