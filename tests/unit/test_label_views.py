"""The report's views of labels: how many are wrong, what is trained on because of them, and whether variety falls."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hsir.config import Plan, load
from hsir.evaluation.variety import GRAM, mean, variety
from hsir.reducers import Answer
from hsir.report import collapse, labels, style
from hsir.report.run import Cell, Drawn, Made
from hsir.storage import tables

START, FIRST = (Cell("tiny", "sums", 0, policy) for policy in ("start", "m.1"))
RIGHT = [{"kind": "right"}]


def run(folder: Path, iterations: int = 2, **changed: Any) -> Made:
    """Return a run of a labelled and a label-free method."""
    methods = {
        "m": {"initial": "start", "pools": ["k4", "k4-veriexit"], "select": RIGHT},
        "free": {"initial": "start", "pools": ["k4-majority"], "select": RIGHT}, "start": {"iterations": 0},
    }  # fmt: skip
    raw = {
        "run": "r", "results": str(folder), "models": {"tiny": {"path": "x"}}, "methods": methods,
        "runs": {"r": {"models": ["tiny"], "tasks": ["sums"], "methods": ["m"], "iterations": iterations}},
        "tasks": {"sums": {"task": {"kind": "chains"}}},
        "pools": {"k4": {"kind": "sample", "samples": 4}, "k4-majority": {"kind": "majority", "of": "k4"},
                  "k4-veriexit": {"kind": "veriexit", "of": "k4", "samples": 1}},
    }  # fmt: skip
    return Made(Plan(load(raw | changed, folder)))


def question(name: str, gold: str | None, true: str | None = None) -> tables.Row:
    """Make a row of the table `questions`."""
    return {"question_id": name, "question": "?", "gold": gold, "true_gold": true, "prompt_ids": [1]}


def trained(name: str, source: str) -> tables.Row:
    """Make a row of the table `filtered`."""
    return {"sample_id": f"{name}-{source}", "question_id": name, "source": source, "prompt_ids": [1]}


def test_wrong_labels_are_counted_by_where_the_solutions_came_from(tmp_path: Path) -> None:
    made = run(tmp_path, iterations=1)
    golds = [question("a", "1"), question("b", "9", "2"), question("c", "8", "3"), question("d", "4.0", "4")]
    tables.write("questions", golds, made.questions(START), {})
    rows = [trained("a", "k4"), trained("a", "k4"), trained("b", "k4"), trained("s", "seed")]
    rows += [trained(name, "k4-veriexit") for name in "bbccd"]
    tables.write("filtered", rows, made.folder(FIRST) / "filtered.parquet", {})
    plain, recycled = labels.gather(made)
    assert (plain.pool, plain.origin, plain.solutions, plain.wrong, plain.taught) == ("k4", "sampled", 3, 1, 1)
    assert (recycled.origin, recycled.solutions, recycled.wrong, recycled.taught) == ("recycled", 5, 4, 2)
    assert (plain.questions, plain.labelled, plain.labelled_right) == (4, 4, 2), "4.0 is 4, whatever the noise"
    assert recycled.wrong_low < 0.8 < recycled.wrong_high
    (sheet,) = labels.sheets([plain, recycled])
    assert [str(entry) for entry in sheet.rows[0][:6]] == ["m.1", "k4", "sampled", "4 of 4", "50.0", "3"]
    assert sheet.rows[1][6].value == "80.0"


def test_without_wrong_labels_there_is_no_table(tmp_path: Path) -> None:
    made = run(tmp_path, iterations=1)
    tables.write("questions", [question("a", "1")], made.questions(START), {})
    tables.write("filtered", [trained("a", "k4")], made.folder(FIRST) / "filtered.parquet", {})
    found = labels.gather(made)
    assert [(one.solutions, one.wrong) for one in found] == [(1, 0), (0, 0)]
    assert labels.sheets(found) == []


def test_a_majority_is_compared_with_the_true_gold_answers(tmp_path: Path) -> None:
    runs = {"r": {"models": ["tiny"], "tasks": ["sums"], "methods": ["free"], "iterations": 1}}
    made = run(tmp_path, runs=runs)
    tables.write(
        "questions", [question("a", "7", "1"), question("b", "2"), question("c", "3")], made.questions(START), {}
    )
    voted = [question("a", "1.0"), question("b", "5"), question("c", None)]
    tables.write("questions", voted, made.labels(Drawn(START, "k4-majority")), {})
    cell = Cell("tiny", "sums", 0, "free.1")
    rows = [trained("a", "k4-majority"), trained("b", "k4-majority")]
    tables.write("filtered", rows, made.folder(cell) / "filtered.parquet", {})
    (found,) = labels.gather(made)
    assert (found.questions, found.labelled, found.labelled_right) == (3, 2, 1), "the flipped gold answer is not used"
    assert (found.solutions, found.wrong, found.origin) == (2, 1, "sampled")
    assert made.shards(Drawn(cell, "k4-majority")) == made.shards(Drawn(cell, "k4")), "nothing is sampled for it"


def answer(said: str | None, right: bool = False) -> Answer:
    return Answer(right, said, 0)


def test_the_variety_of_a_question() -> None:
    answers = [answer("1", True), answer("1.0", True), answer("2"), answer(None)]
    found = variety(answers, [np.arange(10), np.arange(10), np.zeros(7, int), np.arange(GRAM - 1)])
    assert (found.drawn, found.pass_1, found.pass_k, found.answers) == (4, 0.5, 1.0, 2)
    assert found.entropy == pytest.approx(0.9183, abs=1e-4), "of 2/3 and 1/3, in bits"
    assert found.distinct == pytest.approx((7 + 1) / (7 + 7 + 4)), "seven 4-grams twice, and one four times"
    empty = variety([answer(None)], [np.zeros(0, int)])
    assert (empty.answers, empty.entropy, empty.distinct, empty.pass_k) == (0, 0, 0, 0)
    assert mean([found, empty]).pass_1 == 0.25


def drawn(made: Made, cell: Cell, pool: str, given: dict[str, list[tuple[str | None, str]]]) -> None:
    """Write a pool: answers and verdicts by question."""
    samples, judged = [], []
    for name, answers in given.items():
        for n, (said, verdict) in enumerate(answers):
            row = {"sample_id": f"{name}-k4-{n:04d}", "question_id": name, "prompt_ids": [1], "completion": ""}
            samples.append(row | {"completion_ids": [n] * 5, "n_tokens": 5, "n_generated": 5, "finish": "s", "seed": 0})
            judged.append({"sample_id": row["sample_id"], "extracted": said, "verdict": verdict, "why": "tags"})
    place = Drawn(cell, pool)
    tables.write("samples", samples, made.shards(place)[0], {})
    tables.write("verified", judged, made.table(place, "verified"), {})


def test_the_variety_of_a_method_over_iterations(tmp_path: Path) -> None:
    made = run(tmp_path)
    tables.write("questions", [question("a", "9", "2")], made.questions(START), {})
    drawn(made, START, "k4", {"a": [("9", "right"), ("2", "wrong"), ("2.0", "wrong"), (None, "no_answer")]})
    drawn(made, FIRST, "k4", {"a": [("9", "right")] * 4})
    first, second = collapse.gather(made)
    assert [(one.iteration, one.policy, one.place.pool) for one in (first, second)] == [
        (0, "start", "k4"), (1, "m.1", "k4"),
    ]  # fmt: skip
    assert (first.variety.pass_1, first.variety.pass_k) == (0.5, 1.0), "by the true gold answer, 2"
    assert (second.variety.pass_1, second.variety.pass_k, second.variety.answers) == (0.0, 0.0, 1)
    assert first.variety.answers == 2 and first.variety.entropy > second.variety.entropy == 0
    (sheet,) = collapse.sheets([first, second])
    assert [str(entry) for entry in sheet.rows[1]] == ["m", "1", "4", "0.0", "0.0", "1.00", "0.00", "50.0"]
    chart = collapse.draw(made, [first, second])
    assert style.is_drawn(chart) and len(chart.to_dict()["concat"]) == len(collapse.MEASURES)
    assert list(collapse.frame([first])["entropy"]) == [first.variety.entropy]


def test_one_generation_is_no_course(tmp_path: Path) -> None:
    made = run(tmp_path, iterations=1)
    assert collapse.gather(made) == []
    assert collapse.sheets([]) == [] and collapse.frame([]).empty
    assert not style.is_drawn(collapse.draw(made, []))


def test_sampled_evaluations_are_generations_too(tmp_path: Path) -> None:
    runs = {"r": {"models": ["tiny"], "tasks": ["sums"], "methods": ["start", "m"], "iterations": 1}}
    made = run(tmp_path, runs=runs, overrides={"evaluate": {"samples": 4}})
    tables.write("questions", [question("t", "2")], made.labels(Drawn(START, "eval/sums@4")), {})
    assert made.labels(Drawn(START, "eval/sums@4")) == tmp_path / "tiny/benchmarks/sums.parquet"
    drawn(made, START, "eval/sums@4", {"t": [("2", "right"), ("3", "wrong")]})
    drawn(made, FIRST, "eval/sums@4", {"t": [("2", "right"), ("2", "right")]})
    found = collapse.gather(made)
    assert [(one.place.pool, one.iteration, one.variety.pass_1) for one in found] == [
        ("eval/sums@4", 0, 0.5), ("eval/sums@4", 1, 1.0),
    ]  # fmt: skip
