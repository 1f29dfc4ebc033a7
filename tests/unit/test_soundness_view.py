"""The report shows how sound recovered traces are, next to ordinary correct solutions."""

from pathlib import Path

from hsir import traces
from hsir.report import soundness_view
from hsir.report.soundness_view import Count, counted
from hsir.selection.filters.sound import checked_equations
from hsir.storage import tables
from tests.unit.test_exhibits import made_in, sample


def test_equations_that_can_be_checked_are_counted() -> None:
    assert checked_equations("12+8=20. Then 12 + 8 = 19, and x+2=5, and 5/0=1.") == (2, 1)


def test_only_the_reasoning_counts() -> None:
    texts = [traces.compose(["3+4=7."], "3+4=8"), traces.compose(["3+4=8."], "7"), traces.compose(["So 7."], "7")]
    assert counted(texts) == Count(checked=2, false=1)


def test_recovered_traces_are_set_next_to_ordinary_right_ones(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=4)
    path = tmp_path / "tiny/sums/seed0/start/k3-exit/samples/0-of-1.parquet"
    rows = tables.read("samples", path)
    wrong = traces.compose(["3+4=9.", "So the answer is 7."], "7")
    rows[0] |= {"completion": wrong}
    tables.write("samples", rows, path, {})
    (line,) = soundness_view.told(made)
    assert "with an equation recovered by the matcher explicit, 1 of 4 (25.0%, 95 % interval 4.6% to 69.9%)" in line
    assert line.endswith("of ordinary correct solutions, 0 of 8 (0.0%, 95 % interval 0.0% to 32.4%).")


def test_where_nothing_can_be_checked_that_is_said(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=1)
    path = tmp_path / "tiny/sums/seed0/start/k3-exit/samples/0-of-1.parquet"
    tables.write("samples", [sample("q000-exit", "q000", "words alone", "q000-k3-0")], path, {})
    assert soundness_view.told(made) == [
        "The soundness of traces recovered by the matcher explicit is unknown: none contains an equation to check."
    ]
