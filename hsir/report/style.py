"""The style of the report's figures, and how they are written."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import altair as alt
import pandas as pd

from hsir.storage import tables

Chart: TypeAlias = alt.TopLevelMixin
Rows = list[dict[str, Any]]

# Okabe and Ito's colour-blind safe palette, without the light yellow, and with black last.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
# Eight shapes for seven colours: 56 methods before a pair repeats, and shapes alone suffice in greyscale.
SHAPES = (
    "circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left",
)  # fmt: skip
# Four dash patterns for seven colours: 28 lines before a pair repeats.
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3])
DARK, MIDDLE, LIGHT, INK = "#0072B2", "#7FB8DA", "#D5DCE1", "#333333"
SENTENCE = "why there is no figure"
SIZES = {"width": 210, "height": 130}


class Inline(alt.InlineData):  # type: ignore[misc]
    """Rows of a chart, which nothing changes: Altair need not copy them whenever it combines charts."""

    def __deepcopy__(self, memo: object = None) -> Self:
        return self


def data(rows: Rows | pd.DataFrame) -> alt.InlineData:
    """Wrap rows for a chart."""
    return Inline(values=rows if isinstance(rows, list) else rows.to_dict("records"))


def looks(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Assign each name a colour and a shape, by its position."""
    return {name: (COLOURS[n % len(COLOURS)], SHAPES[n % len(SHAPES)]) for n, name in enumerate(names)}


def lines(field: str, names: Sequence[str]) -> dict[str, Any]:
    """Distinguish lines by colour and dash pattern, with one legend, in the given order."""
    legend = alt.Legend(
        orient="top", title=None, columns=6, symbolType="stroke", symbolSize=400, symbolStrokeWidth=2, symbolOpacity=1
    )
    colours = [COLOURS[n % len(COLOURS)] for n in range(len(names))]
    dashes = [DASHES[n % len(DASHES)] for n in range(len(names))]
    return {
        "color": alt.Color(field, scale=alt.Scale(domain=list(names), range=colours), legend=legend),
        "strokeDash": alt.StrokeDash(field, scale=alt.Scale(domain=list(names), range=dashes), legend=legend),
    }


def heading(text: str, below: str = "") -> alt.TitleParams:
    """Return a panel's title, with a line below it."""
    return alt.TitleParams(
        text, subtitle=below or alt.Undefined, anchor="start", fontSize=12, subtitleFontSize=11, subtitleColor=INK
    )


def panels(
    charts: Sequence[Any], title: str, columns: int, legends: Literal["shared", "independent"] = "shared"
) -> Chart:
    """Arrange panels side by side under one title, each with its own axes, with one legend or one per panel."""
    # Options at once: each method of a chart would copy all panels.
    return alt.concat(
        *charts, columns=columns, spacing=28, title=alt.TitleParams(title, anchor="start", fontSize=15, offset=14),
        resolve=alt.Resolve(
            scale=alt.ScaleResolveMap(color=legends, x="independent", y="independent"),
        ),
    )  # fmt: skip


def sentence(text: str) -> Chart:
    """Return a text in place of a figure that says why there is none."""
    chart = alt.Chart(data([{"text": text}]), width=620, height=60, usermeta={SENTENCE: text})
    return chart.mark_text(fontSize=14, color=INK).encode(text="text:N")


def is_drawn(chart: Chart) -> bool:
    """Return whether a chart shows data, not just the reason why there is none."""
    told = getattr(chart, "usermeta", alt.Undefined)
    return told is alt.Undefined or SENTENCE not in told


def configured(chart: Any) -> Chart:
    """Apply the common style to a chart."""
    words = {"labelColor": INK, "titleColor": INK, "titleFontWeight": "normal"}
    looked: Chart = chart.configure(
        background="white", font="Helvetica, Arial, sans-serif", padding=12, view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(**words, gridColor="#E8E8E8", domainColor=INK),
        legend=alt.LegendConfig(**words, labelLimit=300),
    )  # fmt: skip
    return looked


def save(chart: Chart, path: Path, watermark: str = "") -> None:
    """Write a figure as SVG, with an optional watermark."""
    with tables.atomic(path) as temporary:
        configured(chart).save(str(temporary), format="svg")
        if watermark:
            body, _, end = temporary.read_text(encoding="utf-8").rpartition("</svg>")
            across = (
                '<text x="50%" y="50%" text-anchor="middle" font-family="sans-serif" font-size="60" fill="#C00000"'
                f' fill-opacity="0.25">{html.escape(watermark)}</text>'
            )
            temporary.write_text(f"{body}{across}</svg>{end}", encoding="utf-8")


def by_colour(
    field: str, colours: Mapping[str, str], title: str | None = None, at: Literal["top", "bottom"] = "top"
) -> alt.Color:
    """Colour by a field, in the given order, with a legend at the top or bottom."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(
        field, scale=scale, legend=alt.Legend(orient=at, title=title, symbolType="square", symbolOpacity=1)
    )


def counted(**options: Any) -> alt.Axis:
    """Return an axis of counts, which labels integers only: between 0 and 1, Vega would also label fractions."""
    return alt.Axis(tickMinStep=1, format=",~f", labelExpr="datum.value % 1 ? '' : datum.label", **options)
