"""The report of a run: tables, figures and pages.

- `run.py`: where the files of a run are. `results.py`, `pools.py`: what is read from them. `rows.py`: CSV.
- `*_view.py`: the view of what another room computes (costs, contamination, InDiv, redundancy, training).
- `compared.py`, `seeds.py`, `grid.py`, `published.py`, `sampled.py`: comparisons, and the paper's own numbers.
- `sheets.py`: tables for Markdown, HTML, LaTeX and the terminal. `page.py`, `style.py`: pages and figures.

What there are millions of is counted in data frames (pandas), made of Arrow columns. The stage `report` calls these.
"""
