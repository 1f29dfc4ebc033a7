"""The figures of a run: the Pareto front, curves over iterations and steps, quartiles of the questions; limits."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hsir.config import Plan
from hsir.config.training import Dpo
from hsir.report import (
    curves,
    indiv_view,
    iterations,
    limits,
    page,
    provenance,
    quartiles,
    recycled,
    style,
    training_view,
)
from hsir.report.accuracy import accuracy_spent, accuracy_tokens, front
from hsir.report.results import Result
from hsir.report.run import Made
from hsir.report.sheets import Entry, Sheet
from hsir.storage import tables
from hsir.storage.ledger import COUNTS
from tests.unit.test_compared import result
from tests.unit.test_exhibits import made_in


def point(tokens: float, accuracy: float) -> dict[str, float]:
    return {"tokens": tokens, "accuracy": accuracy}


@pytest.mark.parametrize(
    ("points", "best"),
    [
        ([(50, 60.0), (40, 70.0)], [(40, 70.0)]),
        ([(40, 50.0), (60, 70.0), (50, 50.0), (70, 69.0)], [(40, 50.0), (60, 70.0)]),
        ([(40, 50.0), (40, 55.0), (45, 55.0)], [(40, 55.0)]),
        ([(40, 50.0)], [(40, 50.0)]),
    ],
)
def test_the_front_holds_what_none_other_beats(
    points: list[tuple[float, float]], best: list[tuple[float, float]]
) -> None:
    assert front([point(*one) for one in points]) == [point(*one) for one in best]


def drawn(chart: Any) -> str:
    """Return the SVG of a chart."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(style.configured(chart).to_dict()))


def test_a_course_begins_with_the_policy_that_the_method_begins_with(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=1, policies=2)
    results = [result("start", 0.4), result("m0.1", 0.6), result("m1.1", 0.5)]
    rows = iterations._courses(made, {one.policy: [one] for one in results})
    assert [(row["method"], row["iteration"], row["accuracy"]) for row in rows] == [
        ("m0", 0, 40.0), ("m0", 1, 60.0), ("m1", 0, 40.0), ("m1", 1, 50.0)
    ]  # fmt: skip


def test_one_iteration_on_one_test_set_has_no_course(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=1)
    here = [result("start", 0.4), result("m0.1", 0.6)]
    there = [result(one.policy, one.accuracy, benchmark="other") for one in here]
    assert "no curve" in drawn(iterations.draw(made, here))
    both = drawn(iterations.draw(made, [*here, *there]))
    assert "out of distribution" in both and "in distribution" in both


def test_a_policy_alone_is_drawn_without_a_front() -> None:
    alone: list[Result] = [result("start", 0.4)]
    assert "stroke-dasharray" not in drawn(accuracy_tokens(alone))
    assert "stroke-dasharray" in drawn(accuracy_tokens([*alone, result("m0.1", 0.6)]))


def test_the_cost_of_a_policy_includes_its_ancestors() -> None:
    counts = dict.fromkeys(COUNTS, 0.0)
    costs = pd.DataFrame(
        [
            {"model": "tiny", "task": "sums", "policy": "m0.1", "what": what, **counts, "generated_tokens": tokens,
             "training_tokens": 500_000.0}
            for what, tokens in (("own", 1e6), ("cumulative", 2e6), ("cumulative", 4e6))
        ]
    )  # fmt: skip
    chart = accuracy_spent([result("start", 0.4), result("m0.1", 0.6)], costs)
    spent = {row["policy"]: row["tokens"] for rows in chart.to_dict()["datasets"].values() for row in rows
             if "policy" in row}  # fmt: skip
    assert spent == {"start": 0.0, "m0.1": 3.5}


@pytest.mark.parametrize(
    ("courses", "expected"),
    [
        ([[(1, 4.0), (2, 2.0)]], [(1.0, 4.0), (2.0, 2.0)]),
        ([[(1, 4.0), (2, 2.0)], [(1, 0.0), (2, 4.0)]], [(1.0, 2.0), (2.0, 3.0)]),
        ([[(step, float(step)) for step in range(1, 13)]], [(2.5, 2.5), (6.5, 6.5), (10.5, 10.5)]),
    ],
)
def test_a_course_is_a_mean_over_seeds_and_neighbouring_steps(
    courses: list[list[tuple[int, float]]], expected: list[tuple[float, float]]
) -> None:
    each = [pd.DataFrame(course, columns=["step", "loss"]).assign(seed=seed) for seed, course in enumerate(courses)]
    found = curves.binned(pd.concat(each).assign(policy="p"), "loss", points=3)
    assert list(found[["step", "value"]].itertuples(index=False, name=None)) == expected
    if len(courses) == 2:
        assert list(found[["low", "high"]].itertuples(index=False, name=None)) == [(0.0, 4.0), (2.0, 4.0)]


def test_rewards_are_drawn_where_something_learnt_from_them(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=1)
    losses = [{"step": step, "loss": 1.0 / step} for step in (1, 2)]
    told: dict[str, Any] = {"losses": losses}
    for cell in made.cells():
        tables.write_json(told, made.folder(cell) / "train.json")
    trained = curves.told(made)
    assert "No policy" in drawn(curves.rewards(made, trained)) and "SFT" in drawn(curves.losses(made, trained))
    course = [{"step": step, "reward": 1.0, "kl": 0.1, "rewards": {"accuracy": 0.5}} for step in (1, 2)]
    for cell in made.cells():
        tables.write_json(told | {"course": course}, made.folder(cell) / "train.json")
    picture = drawn(curves.rewards(made, curves.told(made)))
    assert "reward: accuracy" in picture and "KL to the initial policy" in picture and "InDiv" not in picture
    pairs = [{"step": step, "margin": 0.1, "winner": -9.0, "loser": -12.0} for step in (1, 2)]
    for cell in made.cells():
        tables.write_json(told | {"course": pairs}, made.folder(cell) / "train.json")
    picture = drawn(curves.rewards(made, curves.told(made)))
    assert "log-probability of winners" in picture and "margin of pairs" in picture and "reward:" not in picture


def test_questions_are_parted_into_equal_quarters_by_their_right_solutions() -> None:
    right = pd.Series({"h": 0, "a": 9, "b": 8, "d": 3, "c": 3, "e": 0, "f": 0, "g": 0})
    assert quartiles.levels(right).to_dict() == {"a": 1, "b": 1, "c": 2, "d": 2, "e": 3, "f": 3, "g": 4, "h": 4}


def test_a_quarters_solutions_are_counted_as_sampled_recycled_and_trained_on(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=4)
    (cell,) = made.cells()
    names = {"sample_id": "s", "difficulty": 2, "score": 1.0, "prompt_ids": [1], "completion_ids": [1]}
    losers = {"loser_id": None, "loser_ids": None}
    rows = [names | losers | {"question_id": "q000", "source": source} for source in ("k3", "k3-exit", "seed")]
    tables.write("filtered", rows, made.folder(cell) / "filtered.parquet", {})
    assert quartiles.counts(made, cell).to_dict("list") == {
        "correct when sampled": [2, 2, 2, 2], "and recycled": [3, 3, 3, 3], "trained on": [2, 0, 0, 0]
    }  # fmt: skip


def test_the_limits_are_said_in_figures(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=4)
    veriexit, dropped = limits.told(indiv_view.tally(indiv_view.seen(made)), recycled.tally(made))
    assert veriexit == (
        "VeriExit could not help 0 of 4 (0%) questions with a failed solution: none of their steps states the answer."
    )
    assert dropped == "InDiv dropped 4 of 12 (33%) correct solutions; by difficulty 2: 33%."
    assert limits.told(indiv_view.tally([]), pd.DataFrame(columns=recycled.COLUMNS)) == []


def emptied(root: Path, right: bool) -> None:
    """Leave a run's pools without failed solutions, levels of difficulty and, unless they are wanted, right ones."""
    asked = tables.read("questions", root / "data/unlabelled.parquet")
    judged = tables.read("verified", root / "start/k3/verified.parquet")
    given = {"questions": [row | {"difficulty": None} for row in asked], "verified": judged}
    if not right:
        given["verified"] = [row | {"verdict": "wrong", "extracted": None} for row in judged]
    tables.write("questions", given["questions"], root / "data/unlabelled.parquet", {})
    tables.write("verified", given["verified"], root / "start/k3/verified.parquet", {})
    for kind, name in (
        ("samples", "samples/0-of-1"),
        *((kind, kind) for kind in ("verified", "indiv-scores", "veriexit")),
    ):
        tables.write(kind, [], root / f"start/k3-exit/{name}.parquet", {})
    tables.write("filtered", [], root / "m0.1/filtered.parquet", {})
    steps = [{"by_pool": {"k3": 12}, "by_difficulty": {}}, *({"by_pool": {}, "by_difficulty": {}} for _ in range(2))]
    tables.write_json({"steps": steps}, root / "m0.1/funnel.json")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("right", "said"), [(True, ["InDiv dropped 4 of 8 (50%) correct solutions."]), (False, [])])
def test_pools_without_failed_or_right_solutions_or_levels_are_drawn(
    tmp_path: Path, right: bool, said: list[str]
) -> None:
    made = made_in(tmp_path, questions=4)
    emptied(tmp_path / "tiny/sums/seed0", right)
    seen, counts = indiv_view.seen(made), recycled.tally(made)
    assert counts[["questions", "failed", "questions_unsolved"]].to_numpy().tolist() == [[4, 0, 0 if right else 4]]
    assert limits.told(indiv_view.tally(seen), counts) == said
    assert "none failed" in drawn(recycled.draw(made, counts))
    for chart in (indiv_view.draw(made, seen), indiv_view.lengths(made, seen)):
        assert ("No policy" in drawn(chart)) is not right
    assert "no level" in drawn(training_view.samples_by_difficulty(made)) or "No policy" in drawn(
        training_view.samples_by_difficulty(made)
    )
    none = f"{0 if right else 100}% of the questions have none"
    assert none in drawn(training_view.right_per_question(made))
    assert "correct when sampled" in drawn(quartiles.draw(made)) and "indiv" in drawn(training_view.funnel(made))


def test_the_funnel_of_pairs_has_a_step_more_than_filters(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=4)
    method = made.plan.config.methods["m0"].model_copy(update={"train": Dpo(), "given": ()})
    config = made.plan.config.model_copy(update={"methods": {**made.plan.config.methods, "m0": method}})
    steps = [{"filter": name, "total": 9 - n, "by_pool": {"k3": 9 - n}, "by_difficulty": {"2": 9 - n}}
             for n, name in enumerate(("samples", "right", "indiv", "pairs"))]  # fmt: skip
    tables.write_json({"steps": steps}, tmp_path / "tiny/sums/seed0/m0.1/funnel.json")
    assert ">pairs<" in drawn(training_view.funnel(Made(Plan(config))))


def test_questions_without_difficulty_are_drawn_as_one_bar_that_says_why(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=4)
    emptied(tmp_path / "tiny/sums/seed0", right=True)
    picture = drawn(recycled.draw(made, recycled.tally(made)))
    assert "(no difficulty levels)" in picture
    picture = drawn(indiv_view.draw(made, indiv_view.seen(made)))
    assert "no difficulty levels" in picture and "share of correct solutions" not in picture


def test_a_filter_that_several_methods_share_is_drawn_and_counted_once(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=4, policies=3)
    seen = indiv_view.seen(made)
    assert len(seen) == 3 and len(indiv_view.tally(seen)) == 3
    (said,) = [
        one for one in limits.told(indiv_view.tally(indiv_view.once(seen)), recycled.tally(made)) if "InDiv" in one
    ]
    assert said == "InDiv dropped 4 of 12 (33%) correct solutions; by difficulty 2: 33%."
    for chart in (indiv_view.draw(made, seen), indiv_view.lengths(made, seen)):
        assert drawn(chart).count(">m0.1, m1.1, m2.1<") == 1


def test_a_filter_with_another_threshold_is_counted_by_itself(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=4, policies=2)
    first, second = indiv_view.seen(made)
    other = replace(second, chosen=second.chosen.model_copy(update={"threshold": 0.1}))
    assert len(indiv_view.once([first, second])) == 1 and len(indiv_view.once([first, other])) == 2


def test_policies_with_the_same_counts_are_one_panel() -> None:
    one, other = pd.DataFrame({"kept": [1, 2]}), pd.DataFrame({"kept": [1, 3]})
    counts = {("m", "t", "a"): one, ("m", "t", "b"): other, ("m", "t", "c"): one.copy(), ("n", "t", "a"): one}
    assert list(training_view.merged(counts)) == [("m", "t", "a, c"), ("m", "t", "b"), ("n", "t", "a")]


def test_counts_have_integers_at_their_axes(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=1)
    for chart in (training_view.right_per_question(made), recycled.draw(made, recycled.tally(made))):
        assert "0.5" not in re.findall(r">([\d.]+)</text>", drawn(chart))


@pytest.mark.parametrize(
    ("stating", "warned"), [((0, 284), True), ((14, 284), True), ((15, 284), False), ((0, 0), False)]
)
def test_failed_solutions_that_state_nothing_cause_a_warning(stating: tuple[int, int], warned: bool) -> None:
    nothing = indiv_view.tally([]), pd.DataFrame(columns=recycled.COLUMNS)
    said = limits.told(*nothing, stating)
    assert bool(said) == warned
    assert not warned or said[0].startswith(f"Warning: {stating[0]} of 284 failed solutions state an answer")


@pytest.mark.parametrize(("whole", "warned"), [((97, 100), True), ((90, 100), False), ((0, 0), False)])
def test_traces_of_one_step_cause_a_warning(whole: tuple[int, int], warned: bool) -> None:
    nothing = indiv_view.tally([]), pd.DataFrame(columns=recycled.COLUMNS)
    said = limits.told(*nothing, whole=whole)
    assert bool(said) == warned
    assert not warned or said[0].startswith("Warning: 97% of 100 traces have one step")


def test_a_tables_count_of_statements_is_summed_over_a_run(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=4)
    assert recycled.noted(made, tables.STATING) == (0, 0), "an older table does not say"
    path = tmp_path / "tiny/sums/seed0/start/k3-exit/veriexit.parquet"
    tables.write("veriexit", tables.read("veriexit", path), path, {tables.STATING: 1})
    assert recycled.noted(made, tables.STATING) == (1, 4)


def test_what_a_run_was_made_with_counts_shared_work_once(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=2, policies=2)
    entry = {"sample_seconds": 10.0, "device_seconds": 20.0}
    ledger = {"pools": {"k3": entry}, "scored": {"score_seconds": 5.0}, "training": {"train_seconds": 7.0}}
    for cell in made.cells():
        tables.write_json(ledger, made.folder(cell) / "ledger.json")
        tables.write_json({"provenance": {"inputs": {"x": "abc"}}}, made.folder(cell) / "train.json")
    rows = {row[0].value + row[1].value: row[2].value for row in provenance.sheet(made).rows}
    assert rows["seconds29"] == "sample 10, score 5, train 14; 20 s of GPUs"
    assert rows["model tinyx"] == "hash abc"
    assert rows["questionstiny/sums/seed0/data/unlabelled"].startswith("2, hash ")
    assert provenance.said(made).startswith("tiny trained on sums: 2 methods, 2 policies, 1 seed, evaluated on sums.")


def test_the_front_escapes_what_it_is_given() -> None:
    sheet = Sheet("<b>", ["<i>"], [[Entry("<u>")]], "<s>")
    text = page.front("<em>", [sheet], ["<q>"], "<svg></svg>")
    assert not any(f"<{tag}>" in text for tag in ("b", "i", "u", "s", "em", "q")) and "<svg></svg>" in text
