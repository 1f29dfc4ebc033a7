"""Values implied by the published tables, next to those of a run."""

from pathlib import Path

import pandas as pd

from hsir.report import anchors, indiv_view
from hsir.storage import tables
from tests.unit.test_exhibits import made_in


def test_a_runs_figures_are_next_to_the_implied_ones(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=4)
    (sheet,) = anchors.sheets(made, indiv_view.seen(made))
    shown = {str(row[0]): (str(row[1]), str(row[2])) for row in sheet.rows}
    start, trained = "tiny, sums, 0, start", "tiny, sums, 0, m0.1"
    assert shown["correct solutions kept by InDiv"] == (trained, "66.7% (8 of 12)")
    assert shown["correct solutions added by VeriExit (k3-exit)"] == (start, "50.0% (4 of 8)")
    assert shown["kept for questions that are always solved"] == (trained, "-")


def test_of_always_solved_questions_the_kept_are_counted_by_themselves(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=4)
    path = tmp_path / "tiny/sums/seed0/start/k3/verified.parquet"
    verdicts = tables.read("verified", path)
    for row in verdicts:
        row["verdict"] = "right" if row["sample_id"].startswith("q000") else row["verdict"]
    tables.write("verified", verdicts, path, {})
    scored = tmp_path / "tiny/sums/seed0/start/k3/indiv-scores.parquet"
    scores = tables.read("indiv-scores", scored)
    tables.write("indiv-scores", [*scores, {**scores[0], "sample_id": "q000-k3-0"}], scored, {})
    (sheet,) = anchors.sheets(made, indiv_view.seen(made))
    shown = {str(row[0]): str(row[2]) for row in sheet.rows}
    assert shown["kept for questions that are always solved"] == "50.0% (2 of 4)"


def test_always_solved_are_questions_without_a_failed_solution() -> None:
    drawn = pd.DataFrame({"question_id": ["a", "a", "b", "b"], "right": [True, True, True, False]})
    assert anchors.always_solved(drawn) == {"a"}
