"""Sheets as LaTeX tables (booktabs), to be put into a paper."""

from collections.abc import Sequence

from hsir.report.sheets import Entry, Sheet

HEAD = "% Needs \\usepackage{booktabs} and \\usepackage{xcolor}.\n"
SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip


def latex(sheets: Sequence[Sheet]) -> str:
    """Write sheets as tables, one after another; differences that could be chance are grey (`\\color{gray}`)."""
    return HEAD + "\n".join(_table(sheet) for sheet in sheets)


def escaped(text: str) -> str:
    """Write a text so that LaTeX sets it as it is."""
    return "".join(SPECIAL.get(sign, sign) for sign in text)


def _table(sheet: Sheet) -> str:
    lines = [
        r"\begin{table}", r"\centering", rf"\caption{{{escaped(f'{sheet.title}. {sheet.note}')}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(sheet.columns) - 1)}}}", r"\toprule",
        _line([escaped(column) for column in sheet.columns]), r"\midrule",
        *(_line([_entry(entry) for entry in row]) for row in sheet.rows),
        r"\bottomrule", r"\end{tabular}", r"\end{table}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _entry(entry: Entry) -> str:
    text = escaped(entry.value) + (rf" {{\scriptsize {escaped(entry.interval)}}}" if entry.interval else "")
    return rf"{{\color{{gray}}{text}}}" if entry.noise else text


def _line(texts: Sequence[str]) -> str:
    return " & ".join(texts) + r" \\"
