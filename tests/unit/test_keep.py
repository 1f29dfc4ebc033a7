"""Training on the pools of all iterations: which pools a plan reads, and which methods are rejected."""

from pathlib import Path
from typing import Any

import pytest

from hsir.browse.places import of_run
from hsir.config import Plan, load
from hsir.config.schema import Method
from hsir.errors import ConfigError
from hsir.planning.budget.assumptions import Assumptions
from hsir.planning.budget.estimate import Estimator
from hsir.planning.budget.measured import gather
from hsir.planning.budget.work import Training, work
from hsir.report.run import Made

RIGHT = {"kind": "right"}
INDIV = {"kind": "indiv", "threshold": -0.5}
KEPT: dict[str, Any] = {"initial": "start", "pools": ["k2"], "select": [RIGHT], "keep": "all", "iterations": 3}


def raw(method: dict[str, Any], results: str = "results") -> dict[str, Any]:
    """Return the config of a run of one method."""
    return {
        "run": "r", "results": results, "runs": {"r": {"models": ["tiny"], "tasks": ["sums"], "methods": ["m"]}},
        "models": {"tiny": {"path": "x"}}, "tasks": {"sums": {"task": {"kind": "chains", "unlabelled": 20}}},
        "methods": {"start": {"iterations": 0}, "m": method},
        "pools": {"k2": {"kind": "sample", "samples": 2}, "k2-majority": {"kind": "majority", "of": "k2"}},
    }  # fmt: skip


def planned(method: dict[str, Any] = KEPT, results: str = "results") -> Plan:
    """Make the plan of a method."""
    return Plan(load(raw(method, results), Path("nowhere")))


@pytest.mark.parametrize(
    ("policy", "others"), [("m.1", []), ("m.2", ["start"]), ("m.3", ["m.1", "start"]), ("start", [])]
)
def test_a_policy_is_trained_on_the_pools_of_all_iterations_up_to_its_own(policy: str, others: list[str]) -> None:
    assert planned().others(policy) == others
    assert planned(KEPT | {"keep": "last"}).others(policy) == []


def test_a_method_that_begins_with_the_base_model_keeps_its_pool() -> None:
    assert planned(KEPT | {"initial": "base"}).others("m.3") == ["m.1", "base"]


ANCESTORS: dict[str, Any] = {
    "initial": "m.2", "pools": ["k2"], "select": [RIGHT], "keep": "ancestors", "iterations": 2
}  # fmt: skip


def descended(method: dict[str, Any] = ANCESTORS, before: dict[str, Any] = KEPT) -> Plan:
    """Make the plan of a method that starts from the second iteration of another."""
    given = raw(before | {"keep": "last"})
    given["methods"]["late"] = method
    return Plan(load(given | {"runs": {"r": given["runs"]["r"] | {"methods": ["late"]}}}, Path("nowhere")))


def test_a_policy_may_be_trained_on_the_pools_of_all_policies_before_it() -> None:
    assert [descended().others(f"late.{n}") for n in (1, 2)] == [["m.1", "start"], ["m.2", "m.1", "start"]]
    assert [descended(ANCESTORS | {"keep": "all"}).others(f"late.{n}") for n in (1, 2)] == [[], ["m.2"]]
    todo = work(descended(), ["r"])
    drawn = [one.policy for one in todo.draws if one.pool == "k2"]
    assert drawn == ["start", "m.1", "m.2", "late.1"], "each pool is sampled once, in the order of the policies"


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ({"pools": ["k2", "k10"]}, "methods.late.keep: ancestors reads 'k10' of 'm' as well, which does not have it"),
        ({"score": "indiv"}, "methods.late.keep: ancestors reads 'indiv' of 'm' as well, which does not have it"),
    ],
)
def test_what_an_ancestor_does_not_have_is_reported(method: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        descended(ANCESTORS | method)


def test_a_method_of_no_run_may_have_ancestors_without_its_pools() -> None:
    given = raw(KEPT)
    given["methods"]["late"] = ANCESTORS | {"pools": ["k10"]}
    assert Plan(load(given, Path("nowhere"))).method("late.1").keep == "ancestors"


def test_what_every_ancestor_has_is_accepted() -> None:
    scored = {"score": "indiv", "select": [RIGHT, INDIV]}
    assert descended(ANCESTORS | scored, KEPT | scored).method("late.1").score == "indiv"


def test_the_report_and_the_browser_have_the_pools_of_ancestors_that_a_run_does_not_name() -> None:
    plan = descended()
    run = Made(Plan(plan.alone("r")))
    assert {drawn.cell.policy for drawn in run.drawn()} == {"m.2", "m.1", "start", "late.1"}
    (training, *_) = of_run(run)
    assert {pool.title for pool in training.pools} == {f"{one}/k2" for one in ("m.2", "m.1", "start", "late.1")}


def test_the_default_is_left_out_of_a_methods_json() -> None:
    given = {"pools": ("k2",), "select": [RIGHT]}
    assert "keep" not in Method.model_validate(given | {"keep": "last"}).model_dump_json()
    assert '"keep":"all"' in Method.model_validate(given | {"keep": "all"}).model_dump_json()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pools": [], "select": [], "train": {"kind": "grpo"}, "given": ["questions"]}, "keep is all, but no pool"),
        (
            {"score": "indiv", "select": [RIGHT, {"kind": "at_most", "per_question": 1, "pick": "highest"}]},
            "methods.m.select: filter 'at_most' compares raw scores, .* or keep: last",
        ),
        ({"score": "indiv", "select": [RIGHT, {"kind": "balanced"}]}, "filter 'balanced' compares raw scores"),
        ({"score": "indiv", "select": [RIGHT, INDIV | {"standardise": "none"}]}, "filter 'indiv' compares raw scores"),
    ],
)
def test_what_cannot_be_kept_is_rejected(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        planned(KEPT | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"select": [RIGHT, INDIV], "score": "indiv"},
        {"select": [RIGHT, {"kind": "at_most", "per_question": 1, "pick": "highest"}], "score": "div"},
        {"select": [RIGHT, {"kind": "balanced"}], "score": "indiv", "keep": "last"},
    ],
)
def test_what_can_be_compared_is_kept(changes: dict[str, Any]) -> None:
    assert planned(KEPT | changes).method("m.1").select


def test_nothing_is_sampled_or_scored_again_for_a_kept_pool() -> None:
    scored = KEPT | {"score": "indiv", "select": [RIGHT, INDIV]}
    todo, last = (work(planned(scored | {"keep": keep}), ["r"]) for keep in ("all", "last"))
    assert todo == last
    drawn = [one.policy for one in todo.draws if one.pool == "k2"]
    assert drawn == [one.policy for one in todo.scorings] == ["start", "m.1", "m.2"]


def test_a_plan_counts_what_is_trained_on_and_samples_once(tmp_path: Path) -> None:
    """Half of 2 * 20 samples are right: 20 solutions per iteration, and the seed set."""

    def examples(keep: str) -> list[float]:
        plan = planned(
            KEPT | {"keep": keep, "train": {"kind": "sft", "batch_size": 1, "device_batch_size": 1, "epochs": 1}}
        )
        estimator = Estimator(plan, gather([tmp_path], plan), Assumptions(failed=0.5))
        return [estimator.item(Training("tiny", "sums", 0, f"m.{n}")).samples for n in (1, 2, 3)]

    first, *_ = examples("last")
    assert examples("last") == [first] * 3
    assert examples("all") == [first, first + 20, first + 40]
