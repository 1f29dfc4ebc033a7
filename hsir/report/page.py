"""A run as HTML pages that need no other file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hsir.report import style
from hsir.report.exhibits import MOST, Exhibit
from hsir.report.sheets import Sheet

TEMPLATES = Path(__file__).with_name("templates")
NOTE = (
    f"A seeded sample, at most {MOST} examples each of VeriExit and InDiv. VeriExit: a failed solution, cut"
    " after the first step that states the gold answer. The removed steps are grey; the answers from the cut are"
    " next to it. InDiv: a random dropped and a random kept solution of a question that has both. Marked steps"
    " repeat an earlier one, by Div's rule with word counts, which cannot detect paraphrases. All text is as the"
    " model wrote it; unprintable characters are shown as code points, such as <U+202E>."
)


def page(title: str, sheets: Sequence[Sheet], said: Sequence[str] = (), picture: str = "") -> str:
    """Write tables as a page; `picture`, an SVG of our own making, stands before them."""
    return render("sheets.html", title=title, sheets=sheets, said=said, picture=picture)


def front(said: str, sheets: Sequence[Sheet], limits: Sequence[str], picture: str) -> str:
    """Write what the front page of Snakemake's report shows of a run: a part of a page."""
    return render("front.html", said=said, sheets=sheets, limits=limits, picture=picture)


def browser(title: str, exhibits: Sequence[Exhibit]) -> str:
    """Write traces to look at as a page; one that says so where there are none."""
    nothing = (
        "No policy of this run recycled failed solutions or dropped correct ones by InDiv: there are no traces to show."
    )
    return render("traces.html", title=title, exhibits=exhibits, note=NOTE if exhibits else nothing)


def interactive(title: str, charts: Sequence[style.Chart]) -> str:
    """Write charts as a page that draws them in the browser, with all that this takes."""
    figures = [style.configured(chart).to_dict() for chart in charts]
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return render("figures.html", title=title, figures=figures, bundle=bundle)


def render(template: str, **values: Any) -> str:
    """Fill a template of this folder's; every text is escaped, for models wrote some, but what is marked safe there."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template(template).render(values)
