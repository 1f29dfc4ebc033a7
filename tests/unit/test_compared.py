"""Tables of a run: differences question by question, the paper's layout and figures, pass@k, LaTeX."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hsir.config import Plan, load
from hsir.errors import InputError
from hsir.report import grid, overall, published, replicated, rows, sampled, show
from hsir.report.compared import Answers, Difference, differences
from hsir.report.latex import escaped, latex
from hsir.report.page import page
from hsir.report.results import Result
from hsir.report.run import Cell, Drawn, Made
from hsir.report.sheets import Entry, Sheet, markdown, sheets
from hsir.storage import tables

PLACE = ("tiny", "sums", "sums")
RIGHT = [{"kind": "right"}]


def answers(right: int, questions: int = 100, tokens: int = 50) -> Answers:
    """Make answers of which the first are right."""
    rows = [(f"q{n:03d}", n < right, tokens + n % 7) for n in range(questions)]
    return pd.DataFrame(rows, columns=["question_id", "right", "tokens"]).set_index("question_id")


def test_a_policy_that_is_right_where_the_other_is_not_is_above_it() -> None:
    known = {"restem.1": [answers(50, tokens=90)], "mine.1": [answers(70)], "same.1": [answers(50, tokens=90)]}
    found, same = differences(PLACE, [("mine.1", "restem.1"), ("same.1", "restem.1")], known)
    assert (found.accuracy, found.tokens, found.questions, found.seeds) == (20.0, -40.0, 100, 1)
    assert 11 < found.accuracy_low < 15 and 25 < found.accuracy_high < 29
    assert found.p == pytest.approx(2 * 0.5**20) and found.p_holm == pytest.approx(2 * found.p)
    assert not found.accuracy_is_noise and not found.tokens_are_noise
    assert (same.accuracy, same.accuracy_low, same.accuracy_high, same.p, same.p_holm) == (0.0, 0.0, 0.0, 1.0, 1.0)
    assert same.accuracy_is_noise and same.tokens_are_noise


def test_seeds_are_averaged_question_by_question() -> None:
    known = {"restem.1": [answers(50), answers(52)], "mine.1": [answers(58), answers(52)]}
    (found,) = differences(PLACE, [("mine.1", "restem.1")], known)
    assert (found.accuracy, found.seeds) == (pytest.approx(4.0), 2)
    assert found.accuracy_low > 0, "eight questions are won half of the time, none is lost"
    assert 0.0 < found.p < 0.05


def test_samples_are_averaged_question_by_question_and_have_no_mcnemar() -> None:
    known = {
        "restem.1": [pd.concat([answers(50), answers(52)])], "mine.1": [pd.concat([answers(58), answers(52)])],
    }  # fmt: skip
    place = ("tiny", "sums", "sums@2")
    (found,) = differences(place, [("mine.1", "restem.1")], known)
    of_seeds = {"restem.1": [answers(50), answers(52)], "mine.1": [answers(58), answers(52)]}
    (other,) = differences(place, [("mine.1", "restem.1")], of_seeds)
    assert (found.accuracy, found.questions, found.seeds) == (pytest.approx(4.0), 100, 1)
    assert (found.p, found.accuracy_low) == (other.p, other.accuracy_low), "as with two seeds"
    results = [result("restem.1", 0.51, benchmark="sums@2"), result("mine.1", 0.55, benchmark="sums@2")]
    first, second = sheets(results, [found])
    assert "over 2 samples per question, clustered by question" in first.note
    assert "a paired t test over questions (means over 2 samples)" in second.note


def test_a_runs_tables_are_shown_with_its_sampled_evaluations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [sampled.Sampled("tiny", "sums", 0, "mine.1", "eval/sums@4", measure, 4, 100, 0.5, 0.25, 0.75)
             for measure in ("avg", "pass")]  # fmt: skip
    tokens = sampled.Sampled("tiny", "sums", 0, "mine.1", "eval/sums@4", "shortest correct, tokens", 4, 9, 80, 70, 90)
    plain = sampled.Sampled("tiny", "sums", 0, "mine.1", "k4", "pass", 1, 100, 0.1, 0.0, 0.2)
    rows.write(Result, [result("mine.1", 0.55)], tmp_path / "results.csv")
    rows.write(Difference, [], tmp_path / "differences.csv")
    rows.write(sampled.Sampled, [*found, tokens, plain], tmp_path / "pools.csv")
    show.main(tmp_path)
    shown = " ".join(capsys.readouterr().out.split())
    assert "avg@4 % pass@4 % shortest correct, tokens" in shown and "50.0 [25.0, 75.0] 80.0 [70.0, 90.0]" in shown
    assert "10.0 [0.0, 20.0]" not in shown, "pools for training are in the report"


def test_policies_that_answered_other_questions_are_not_compared() -> None:
    known = {"restem.1": [answers(5)], "mine.1": [answers(5, questions=99)]}
    with pytest.raises(InputError, match=r"tiny, sums, sums: mine.1 did not answer the same questions.*'q099'"):
        differences(PLACE, [("mine.1", "restem.1")], known)


def result(policy: str, accuracy: float, model: str = "tiny", task: str = "sums", **changed: Any) -> Result:
    """Make a row of results."""
    shares = {"truncated": 0.0, "no_answer": 0.0, "undecided": 0.0, "trained_on": 10, "tokens": 60.0}
    spread = {"accuracy": accuracy, "accuracy_low": accuracy - 0.05, "accuracy_high": accuracy + 0.05}
    place = {"model": model, "task": task, "benchmark": task, "seed": 0, "policy": policy, "questions": 100}
    spread |= {"in_format": accuracy, "anywhere": accuracy}
    return Result(**{**place, **spread, **shares, **changed})


def test_the_other_reading_of_an_evaluation_is_shown_where_it_differs() -> None:
    (same,) = sheets([result("restem.1", 0.5)], [])
    assert same.columns[:4] == ["policy", "accuracy %", "tokens", "truncated %"] and "the tags" not in same.note
    for name, title, value in (("anywhere", "anywhere %", 0.625), ("in_format", "in format %", 0.25)):
        (sheet,) = sheets([result("restem.1", 0.5, **{name: value}), result("star.1", 0.5)], [])
        at = sheet.columns.index(title)
        assert [str(row[at]) for row in sheet.rows] == [f"{100 * value:.1f}", "50.0"]
        assert f"`{title[:-2]}`" in sheet.note


def test_noise_looks_like_noise_everywhere() -> None:
    known = {"restem.1": [answers(50)], "near.1": [answers(51)], "far.1": [answers(90)]}
    found = differences(PLACE, [("near.1", "restem.1"), ("far.1", "restem.1")], known)
    results = [result("restem.1", 0.5), result("near.1", 0.51), result("far.1", 0.9)]
    made = sheets(results, found)
    assert [sheet.title.rpartition(": ")[2] for sheet in made][1:] == ["differences, paired by question"]
    near, far = made[1].rows
    assert near[2].noise and not far[2].noise
    assert str(near[2]).startswith("~+1.0 [") and str(far[2]).startswith("+40.0 [")
    assert 'class="noise">~+1.0' in page("x", made) and r"{\color{gray}+1.0" in latex(made)
    assert "~+1.0 [" in markdown(made)


def test_a_difference_between_seeds_is_next_to_that_between_questions() -> None:
    known = {"restem.1": [answers(50), answers(55)], "mine.1": [answers(60), answers(70)]}
    found = differences(PLACE, [("mine.1", "restem.1")], known)
    results = [
        result(policy, share, seed=seed)
        for policy, shares in (("restem.1", (0.5, 0.55)), ("mine.1", (0.6, 0.7)))
        for seed, share in enumerate(shares)
    ]
    by_question, by_seed = sheets(results, found)[1:]
    assert by_question.rows[0][2].value == by_seed.rows[0][2].value == "+12.5"
    assert not by_question.rows[0][2].noise and by_seed.rows[0][2].noise, "two seeds tell nothing of a third"


def test_differences_survive_being_written(tmp_path: Path) -> None:
    found = differences(PLACE, [("a", "b")], {"a": [answers(3)], "b": [answers(2)]})
    rows.write(Difference, found, tmp_path / "d.csv")
    assert rows.read(Difference, tmp_path / "d.csv") == found
    rows.write(Difference, [], tmp_path / "d.csv")
    assert rows.read(Difference, tmp_path / "d.csv") == []
    named = [result("001", 0.25, "a,b"), result("NA", 0.1 + 0.2)]
    rows.write(Result, named, tmp_path / "r.csv")
    assert rows.read(Result, tmp_path / "r.csv") == named
    (tmp_path / "d.csv").write_text("x,y\n1,2\n")
    with pytest.raises(InputError, match="not a table with one difference per row"):
        rows.read(Difference, tmp_path / "d.csv")
    with pytest.raises(InputError, match="no such file"):
        rows.read(Difference, tmp_path / "none.csv")


def test_the_papers_layout_has_a_column_a_model_and_benchmark() -> None:
    results = [
        result("restem.1", 0.5, "small"), result("restem.1", 0.7, "large", tokens=40.0, trained_on=30),
        result("mine.1", 0.6, "small"),
    ]  # fmt: skip
    made = grid.sheet("mine", results)
    assert made.columns == ["policy", "trained on", "small sums", "large sums", "accuracy", "tokens"]
    assert [[str(entry) for entry in row] for row in made.rows] == [
        ["restem.1", "20", "50.00 ± 5.0", "70.00 ± 5.0", "60.00", "50"],
        ["mine.1", "-", "60.00 ± 5.0", "-", "-", "-"],
    ]


COLUMNS = {
    "table1": (("qwen2.5-1.5b", "qwen2.5-3b", "qwen2.5-7b"), ("medqa", "gsm8k")),
    "table2": (("qwen3-1.7b", "phi-3.5-mini", "mistral-7b", "llama3-8b"), ("medqa", "gsm8k")),
    "table4": (("qwen2.5-1.5b",), ("arc", "strategyqa", "commonsenseqa")),
    "table5": (("qwen2.5-1.5b", "qwen2.5-3b", "qwen2.5-7b"), ("medqa", "gsm8k")),
}


@pytest.mark.parametrize(("table", "policy"), overall.published())
def test_published_figures_have_the_published_means(table: str, policy: str) -> None:
    models, tasks = COLUMNS[table]
    one = overall.published()[table, policy]
    columns = [published.published()[model, task, task, policy].accuracy for model in models for task in tasks]
    assert len(columns) == one.columns
    assert sum(columns) / len(columns) == pytest.approx(one.accuracy, abs=0.011)


def whole(table: str, **policies: tuple[float, float]) -> list[Result]:
    """Return results of policies in every column of a table: accuracy and tokens."""
    models, tasks = COLUMNS[table]
    return [
        replace(result(policy.replace("_", "-").replace("X", "."), accuracy, model, task), tokens=tokens)
        for policy, (accuracy, tokens) in policies.items()
        for model in models
        for task in tasks
    ]


def test_the_means_of_a_complete_table_are_next_to_the_published_ones() -> None:
    results = whole("table1", sft_initial=(0.5, 1000.0), hsir_dpoX3=(0.6, 600.0), mine=(0.4, 900.0))
    (sheet,) = overall.sheets("table1", results)
    shown = {str(row[0]): [str(entry) for entry in row[3:]] for row in sheet.rows}
    assert shown["hsir-dpo.3"] == ["60.00", "73.35", "-13.35", "600", "885", "+10.0", "+10.9", "-40.0", "-42.4"]
    assert shown["mine"] == ["40.00", "-", "-", "900", "-", "-10.0", "-", "-10.0", "-"]
    assert overall.headline(results) == ["hsir-dpo.3 compared with sft-initial: accuracy +10.0 points, tokens -40.0 %."]


def test_ours_theirs_and_differences_stand_in_the_papers_layout() -> None:
    results = whole("table1", sft_initial=(0.64, 1000.0), hsir_dpoX3=(0.7436, 600.0), mine=(0.4, 900.0))
    (sheet,) = replicated.sheets("table1", results)
    assert sheet.columns[:4] == ["policy", "whose", "trained on", "qwen2.5-1.5b medqa"]
    assert len(sheet.columns) == 3 + 6 + 2 * 2 - 2 + 2, "two columns have published tokens, of table 3"
    lines = [dict(zip(sheet.columns, map(str, row), strict=True)) for row in sheet.rows]
    assert [(one["policy"], one["whose"]) for one in lines[:3]] == [
        ("sft-initial", "ours"), ("", "published"), ("", "difference")
    ] and len(lines) == 6  # fmt: skip
    at = "qwen2.5-1.5b gsm8k"
    # Of 100 questions each: sqrt(5.0^2 + (1.96 * sqrt(0.6399 * 0.3601 / 100) * 100)^2).
    assert [one[at] for one in lines[:3]] == ["64.00 ± 5.0", "63.99", "~+0.01 ± 10.7"]
    assert [one[f"{at} tokens"] for one in lines[:3]] == ["1,000", "1,666", "-666"]
    assert [one["accuracy"] for one in lines] == ["64.00", "62.45", "~+1.55 ± 4.2", "74.36", "73.35", "~+1.01 ± 3.9"]
    assert [one["tokens"] for one in lines[3:]] == ["600", "885", "-285"]
    assert [one["trained on"] for one in lines[3:]] == ["10", "19,600", "-19,590"]


def test_a_run_of_other_models_has_nothing_in_the_papers_layout() -> None:
    assert replicated.sheets("mine", [result("restem.1", 0.5)]) == []
    some = whole("table1", restemX1=(0.6, 600.0))[:1]
    (sheet,) = replicated.sheets("mine", some)
    assert [str(row[-2]) for row in sheet.rows] == ["60.00", "-", "+18.37 ± 10.9"], "no printed mean, but a difference"


def test_a_run_that_lacks_columns_has_no_overall_means_to_compare() -> None:
    results = whole("table1", sft_initial=(0.5, 1000.0), restemX1=(0.6, 600.0))
    assert overall.sheets("table3", results) == overall.sheets("table1", results[1:6]) == []
    assert overall.headline(results[6:]) == []


def test_ours_are_next_to_the_published_where_they_are_comparable() -> None:
    results = [
        result("restem.1", 0.66, "qwen2.5-1.5b", "gsm8k"), result("mine.1", 0.5, "qwen2.5-1.5b", "gsm8k"),
        result("hsir-sft.1", 0.9, "qwen2.5-1.5b", "gsm8k"), result("restem.1", 0.9),
    ]  # fmt: skip
    there, missing = published.sheets(results)
    assert [[str(entry) for entry in row[1:4]] for row in there.rows] == [
        ["66.0 [61.0, 71.0]", "69.75", "~-3.8"], ["50.0 [45.0, 55.0]", "not comparable", "-"],
        ["90.0 [85.0, 95.0]", "71.72", "+18.3"],
    ]  # fmt: skip
    assert there.rows[0][5].value == "1,382"
    assert missing.rows[0][3].value == "the paper has no such model"


def pool_of(folder: Path, verdicts: dict[str, list[tuple[str | None, bool]]]) -> tuple[Made, Drawn]:
    """Write a pool of two solutions a question."""
    raw = {
        "run": "r", "results": str(folder), "runs": {"r": {"models": ["tiny"], "tasks": ["sums"], "methods": ["m"]}},
        "models": {"tiny": {"path": "x"}}, "tasks": {"sums": {"task": {"kind": "chains"}}},
        "methods": {"m": {"initial": "start", "pools": ["k4"], "select": RIGHT}, "start": {"iterations": 0}},
        "pools": {"k4": {"kind": "sample", "samples": 4}},
    }  # fmt: skip
    made, drawn = Made(Plan(load(raw, folder))), Drawn(Cell("tiny", "sums", 0, "start"), "k4")
    samples, judged = [], []
    for question, given in verdicts.items():
        for n, (answer, right) in enumerate(given):
            name = f"{question}-k4-{n:04d}"
            ids = {"sample_id": name, "question_id": question, "prompt_ids": [1], "completion_ids": [2]}
            samples.append(ids | {"completion": "", "n_tokens": 1, "n_generated": 1, "finish": "stop", "seed": 0})
            verdict = "right" if right else "wrong" if answer else "no_answer"
            judged.append({"sample_id": name, "extracted": answer, "verdict": verdict, "why": "tags"})
    tables.write("samples", samples, made.shards(drawn)[0], {})
    tables.write("verified", judged, made.table(drawn, "verified"), {})
    return made, drawn


def test_pass_and_majority_of_a_pool(tmp_path: Path) -> None:
    made, _ = pool_of(
        tmp_path,
        {
            "a": [("1", True), ("2", False), ("2", False), (None, False)],
            "b": [("3", True), ("3.0", True), ("4", False), ("5", False)],
            "c": [(None, False)] * 4,
        },
    )
    found = {(one.measure, one.k): one for one in sampled.gather(made)}
    assert set(found) == {("pass", 1), ("maj", 4)}
    assert found["pass", 1].value == pytest.approx((1 / 4 + 2 / 4) / 3)
    assert found["maj", 4].value == pytest.approx(1 / 3)
    assert all(one.low <= one.value <= one.high and one.questions == 3 for one in found.values())
    (sheet,) = sampled.sheets(list(found.values()))
    assert sheet.columns == ["policy", "pool", "drawn", "pass@1 %", "maj@drawn %"]


def test_the_reference_is_the_runs_own_choice(tmp_path: Path) -> None:
    made, _ = pool_of(tmp_path, {"a": [("1", True)] * 4})
    assert made.reference == "m", "without restem, the first"


@pytest.mark.parametrize(
    ("text", "wanted"), [("50 % & more_", r"50 \% \& more\_"), ("a\\b{c}", r"a\textbackslash{}b\{c\}"), ("±", r"$\pm$")]
)
def test_latex_sets_texts_as_they_are(text: str, wanted: str) -> None:
    assert escaped(text) == wanted


def test_a_markdown_table_is_one_whatever_its_content() -> None:
    sheet = Sheet("t", ["policy", "a|b"], [[Entry("x"), Entry("1e5")], [Entry("y|z"), Entry("2", "[1, 3]")]], "note")
    rows = [[cell.strip() for cell in line.split(" |")] for line in markdown([sheet]).splitlines()[2:6]]
    assert rows[0] == ["| policy", r"a\|b", ""] and rows[2:] == [["| x", "1e5", ""], [r"| y\|z", "2 [1, 3]", ""]]


def test_a_latex_table_is_complete() -> None:
    sheet = Sheet("a_b", ["policy", "acc %"], [[Entry("x"), Entry("1.0", "[0, 2]")]], "note")
    made = latex([sheet])
    assert made.count(r"\begin{table}") == made.count(r"\end{table}") == 1
    assert r"\begin{tabular}{lr}" in made and r"x & 1.0 {\scriptsize [0, 2]} \\" in made
