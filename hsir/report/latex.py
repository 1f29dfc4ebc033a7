"""Sheets as LaTeX tables (booktabs), for use in a paper."""

from collections.abc import Sequence

import pandas as pd

from hsir.report.sheets import Entry, Sheet

HEAD = "% Needs \\usepackage{booktabs} and \\usepackage{xcolor}.\n"
SPECIAL = str.maketrans({
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "<": r"\textless{}", ">": r"\textgreater{}",
})  # fmt: skip


def latex(sheets: Sequence[Sheet]) -> str:
    """Write sheets as tables, one after another; differences that could be chance are grey (`\\color{gray}`)."""
    return HEAD + "\n".join(_table(sheet) for sheet in sheets)


def escaped(text: str) -> str:
    """Escape a text for LaTeX."""
    return text.translate(SPECIAL)


def _table(sheet: Sheet) -> str:
    table = pd.DataFrame(sheet.rows, columns=sheet.columns).map(_entry).rename(columns=escaped)
    return table.style.hide(axis="index").to_latex(
        hrules=True, position_float="centering", column_format="l" + "r" * (len(sheet.columns) - 1),
        caption=escaped(f"{sheet.title}. {sheet.note}"),
    )  # fmt: skip


def _entry(entry: Entry) -> str:
    text = escaped(entry.value) + (rf" {{\scriptsize {escaped(entry.interval)}}}" if entry.interval else "")
    return rf"{{\color{{gray}}{text}}}" if entry.noise else text
