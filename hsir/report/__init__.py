"""The report of a run: tables, figures and pages.

- `run.py`: the locations of a run's files. `results.py`, `pools.py`: readers for them. `rows.py`: CSV.
- `*_view.py`: views of what other packages compute (costs, contamination, InDiv, redundancy, training).
- `compared.py`, `seeds.py`, `grid.py`, `published.py`, `sampled.py`: comparisons, and the paper's own numbers.
- `sheets.py`: tables for Markdown, HTML, LaTeX and the terminal. `page.py`, `style.py`: pages and figures.
  `visible.py`: text that others wrote, harmless on a page.

Large tables are aggregated in pandas data frames, built from Arrow columns. The stage `report` calls these.
"""
