"""Training on the pools of all iterations: the training set, and what the report and the browser show of it."""

from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from hsir.browse.chosen import chosen
from hsir.browse.library import Library
from hsir.browse.listing import Query
from hsir.browse.pages import Pages
from hsir.browse.places import TRAINING, on_disk
from hsir.browse.samples import load as load_samples
from hsir.config.training import Limits
from hsir.errors import InputError
from hsir.report import exhibits, indiv_view, labels, quartiles, training_view
from hsir.report.run import Cell, Drawn, Made
from hsir.selection.filters import InDiv, Selection
from hsir.selection.filters.base import Candidate
from hsir.stages import contamination
from hsir.stages import filter as stage
from hsir.storage import tables
from hsir.storage.files import read_json
from tests.unit.test_keep import INDIV, KEPT, RIGHT, planned


def question(name: str) -> tables.Row:
    """Make a question."""
    return {
        "question_id": name, "question": f"What is {name}?", "gold": "7", "difficulty": 1, "prompt_ids": [1, 2],
        "trace": None, "trace_ids": None,
    }  # fmt: skip


def sampled(root: Path, policy: str, verdicts: dict[str, str], indiv: list[float], length: int = 3) -> None:
    """Write the pool of a policy: its verdicts by `question-number`, and the scores of the right ones."""
    names = {name: name.replace("-", "-k2-") for name in verdicts}
    rows = [
        {"sample_id": full, "question_id": name[0], "prompt_ids": [1, 2], "completion": f"{policy} says {full}",
         "completion_ids": [*range(length)], "n_tokens": length, "n_generated": length, "finish": "stop", "seed": 1,
         "parent_id": None}
        for name, full in names.items()
    ]  # fmt: skip
    judged = [
        {"sample_id": names[name], "extracted": "7", "verdict": said, "why": "tags"} for name, said in verdicts.items()
    ]
    parts = {"m": 1, "d": 2, "logdet": 0.0, "sum_log_attention": 0.0, "variance": 0.0, "n_tokens": 1}
    right = [names[name] for name, said in verdicts.items() if said == "right"]
    scores = [{"sample_id": name, **parts, "indiv": value} for name, value in zip(right, indiv, strict=True)]
    folder = root / policy / "k2"
    pool = {"options": {"pool": {"kind": "sample", "samples": 2}}}
    tables.write("samples", rows, folder / "samples/0-of-1.parquet", pool)
    tables.write("verified", judged, folder / "verified.parquet", {})
    tables.write("indiv-scores", scores, folder / "indiv-scores.parquet", {})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a seed with two iterations: the samples of `start` and of `m.1` have the same names."""
    root = tmp_path / "tiny/sums/seed0"
    tables.write("questions", [question(name) for name in "ab"], root / "data/unlabelled.parquet", {})
    old = {"a-0": "right", "a-1": "wrong", "b-0": "wrong", "b-1": "right"}
    sampled(root, "start", old, [-30.0, -10.0])
    sampled(root, "m.1", {"a-0": "right", "a-1": "right", "b-0": "right", "b-1": "wrong"}, [1.0, 2.0, 3.0], 4)
    return root


def selected(root: Path, select: list[dict[str, Any]], **options: Any) -> list[tables.Row]:
    """Select the training set of `m.2` by the stage itself."""
    new, old, asked = root / "m.1/k2", root / "start/k2", root / "data/unlabelled.parquet"
    given = {
        "questions": asked, "pool": [f"k2={new / 'samples/0-of-1.parquet'}"], "verified": [new / "verified.parquet"],
        "scores": [new / "indiv-scores.parquet"], "other_pool": [f"start/k2={old / 'samples/0-of-1.parquet'}"],
        "other_verified": [f"start={old / 'verified.parquet'}"],
        "other_scores": [f"start={old / 'indiv-scores.parquet'}"], "other_questions": [f"start={asked}"],
    }  # fmt: skip
    out, funnel = root / "m.2/filtered.parquet", root / "m.2/funnel.json"
    stage.main(out, funnel, Selection.model_validate(select), Limits(), **given | options)
    return tables.read("filtered", out)


def test_solutions_of_another_policy_have_its_name_before_their_own(root: Path) -> None:
    rows = selected(root, [RIGHT])
    assert [(row["sample_id"], row["source"], len(row["completion_ids"])) for row in rows] == [
        ("a-k2-0", "k2", 4), ("a-k2-1", "k2", 4), ("b-k2-0", "k2", 4), ("start/a-k2-0", "start/k2", 3),
        ("start/b-k2-1", "start/k2", 3),
    ]  # fmt: skip
    first = read_json(root / "m.2/funnel.json")["steps"][0]
    assert (first["total"], first["by_pool"]) == (8, {"k2": 4, "start/k2": 4})
    assert tables.metadata(root / "m.2/filtered.parquet")["options"]["others"] == ["start"]


def test_a_cap_is_for_all_iterations_together(root: Path) -> None:
    rows = selected(root, [RIGHT, {"kind": "at_most", "per_question": 2, "pick": "shortest"}])
    assert [row["sample_id"] for row in rows if row["question_id"] == "a"][-1] == "start/a-k2-0"
    assert [row["question_id"] for row in rows] == ["a", "b", "a", "b"]


def test_scores_are_standardized_policy_by_policy(root: Path) -> None:
    """Over both policies together, each score of `start` would be below the mean."""
    rows = selected(root, [RIGHT, INDIV | {"threshold": 0.5}])
    assert {row["sample_id"]: pytest.approx(row["score"]) for row in rows} == {"b-k2-0": 1.2247449, "start/b-k2-1": 1.0}


@pytest.mark.parametrize("standardise", ["zscore", "per_question", "length_residual"])
def test_candidates_of_two_policies_have_the_scores_that_they_have_apart(standardise: Any) -> None:
    chosen = InDiv(standardise=standardise)
    old, new = (
        [Candidate(f"{n}", f"q{n // 3}", 5 + n * n, True, raw=scale * (n % 4) ** 2, policy=policy) for n in range(7)]
        for policy, scale in (("start", 10.0), ("", 1.0))
    )
    mixed = [one for pair in zip(old, new, strict=True) for one in pair]
    together = chosen.standardised(mixed)
    assert together[::2] == chosen.standardised(old) and together[1::2] == chosen.standardised(new)
    assert abs(fmean(together)) < 1e-9


def test_too_few_scores_of_one_policy_are_reported() -> None:
    many = [Candidate(f"{n}", "q", 5, True, raw=1.0) for n in range(40)]
    few = [Candidate(f"{n}", "q", 5, True, raw=1.0, policy="start") for n in range(3)]
    assert InDiv().doubt(many) is None
    assert "standardized over 3 correct solutions" in (InDiv().doubt(many + few) or "")


def test_a_pair_is_of_one_policy(root: Path) -> None:
    rows = selected(root, [RIGHT], pairs="random")
    assert [(row["sample_id"], row["loser_id"]) for row in rows] == [
        ("b-k2-0", "b-k2-1"), ("start/a-k2-0", "start/a-k2-1"), ("start/b-k2-1", "start/b-k2-0")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"other_pool": ["k2=x.parquet"]}, "--other-pool k2=x.parquet: must be POLICY/POOL=SHARD"),
        ({"other_verified": []}, "a pool needs --other-questions and --other-verified; give both"),
        ({"other_questions": []}, "a pool needs --other-questions and --other-verified; give both"),
    ],
)
def test_missing_tables_of_another_policy_are_named(options: dict[str, Any], said: str, root: Path) -> None:
    with pytest.raises(InputError, match=said):
        selected(root, [RIGHT], **options)


def test_tables_of_another_policy_must_belong_together(root: Path) -> None:
    wrong = [f"start={root / 'm.1/k2/indiv-scores.parquet'}"]
    with pytest.raises(InputError, match="no score of sample 'b-k2-1'"):
        selected(root, [RIGHT, INDIV], other_scores=wrong)


def test_texts_of_another_policy_are_compared_with_test_sets(root: Path) -> None:
    selected(root, [RIGHT])
    shards = [root / policy / "k2/samples/0-of-1.parquet" for policy in ("m.1", "start")]
    filtered, asked = root / "m.2/filtered.parquet", root / "data/unlabelled.parquet"
    texts = contamination.training_texts(filtered, {}, asked, [("", shards[0]), ("start", shards[1])])
    said = {text.row: text.text for text in texts if text.part == "trace"}
    assert said["a-k2-0"] == "m.1 says a-k2-0" and said["start/a-k2-0"] == "start says a-k2-0" and len(said) == 5
    with pytest.raises(InputError, match="start/a-k2-0 is in none of the given tables"):
        list(contamination.training_texts(filtered, {}, asked, [("", shards[0])]))


def made(root: Path) -> Made:
    """Return the run whose second iteration is selected here."""
    scored = KEPT | {"score": "indiv", "select": [RIGHT, INDIV], "iterations": 2}
    return Made(planned(scored, str(root.parents[2])))


def test_the_report_finds_the_solutions_of_all_iterations(root: Path) -> None:
    selected(root, [RIGHT, INDIV])
    run, cell = made(root), Cell("tiny", "sums", 0, "m.2")
    policies = [drawn.cell.policy for drawn in run.pools(cell)]
    assert policies == ["m.1", "start"] and [drawn.cell.policy for drawn in run.last_pools(cell)] == ["m.1"]
    found = indiv_view.candidates(run, cell)
    assert {one.sample_id: one.raw for one in found} == {
        "a-k2-0": 1.0, "a-k2-1": 2.0, "b-k2-0": 3.0, "start/a-k2-0": -30.0, "start/b-k2-1": -10.0
    }  # fmt: skip
    left = InDiv().standardised(found)
    rows = {row["sample_id"]: row["score"] for row in tables.read("filtered", run.folder(cell) / "filtered.parquet")}
    assert rows == {one.sample_id: score for one, score in zip(found, left, strict=True) if score >= -0.5}
    assert quartiles.counts(run, cell)["trained on"].sum() == len(rows) == 3
    seen = indiv_view._seen(cell, 2, InDiv(), found)
    seen.candidates["dropped"] = seen.candidates["sample_id"] == "start/b-k2-1"  # next to it, b has one other
    (shown,) = exhibits._compared(run, seen, most=9)
    assert [trace.said.partition(":")[0] for trace in shown.traces] == ["start/b-k2-1", "b-k2-0"]
    assert [trace.rest for trace in shown.traces] == ["start says b-k2-1", "m.1 says b-k2-0"]


def test_the_report_counts_labels_and_the_funnel_by_policy_and_pool(root: Path) -> None:
    selected(root, [RIGHT, INDIV])
    run = made(root)
    found = labels._chosen(run, Cell("tiny", "sums", 0, "m.2"))
    assert {source: len(names) for source, names in found.items()} == {"k2": 2, "start/k2": 1}
    cell = Cell("tiny", "sums", 0, "m.2")
    assert [run.source(cell, drawn) for drawn in run.pools(cell)] == ["k2", "start/k2"]
    counts = training_view._left(run, [cell])
    assert counts.loc["drawn"].to_dict() == {"k2": 4, "start/k2": 4}
    assert run.source(cell, Drawn(Cell("tiny", "sums", 0, "start"), "k2")) == "start/k2"


def test_the_browser_shows_the_fate_of_an_old_solution(root: Path) -> None:
    selected(root, [RIGHT, INDIV])
    pages = Pages(on_disk(root.parents[2]))
    view = pages.question(pages.places["tiny/sums/seed0/pools"], "a", Query())
    assert view is not None and not view.chosen[0].faults
    fates = {
        (group.samples.pool.title, answer.sample_id): [fate.why for fate in answer.fates]
        for group in view.groups
        for answer in group.answers
    }
    assert fates == {
        ("m.1/k2", "a-k2-0"): ["dropped by filter 2, indiv: -1.22 is below -0.5"],
        ("m.1/k2", "a-k2-1"): ["trained on (InDiv +0.00)"],
        ("start/k2", "a-k2-0"): ["dropped by filter 2, indiv: -1.00 is below -0.5"],
        ("start/k2", "a-k2-1"): ["dropped by filter 1, right"],
    }


def test_the_browser_reads_the_pools_of_all_iterations_where_it_shows_some(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hsir.browse.places.MOST", 1)
    selected(root, [RIGHT, INDIV])
    pages = Pages(on_disk(root.parents[2]))
    view = pages.question(pages.places["tiny/sums/seed0/pools"], "a", Query(pool="m.1/k2"))
    assert view is not None and [one.samples.pool.title for one in view.groups] == ["m.1/k2"]
    assert not view.chosen[0].faults and view.chosen[0].others == {"start"}
    assert view.groups[0].answers[1].fates[0].why == "trained on (InDiv +0.00)"


def test_the_browser_says_that_filters_need_the_pools_of_all_iterations(root: Path) -> None:
    selected(root, [RIGHT, INDIV])
    place = next(one for one in on_disk(root.parents[2]) if one.name == TRAINING)
    alone = [load_samples(library := Library(), pool) for pool in place.pools if pool.policy == "m.1"]
    found = chosen(library, root / "m.2", alone, {"a": 1, "b": 1})
    assert found is not None
    assert found.faults == ("the filters cannot be applied again: the pools of start are not shown here",)
    assert found.fate("m.1", "a-k2-0", "right").why == "not trained on"
    assert found.fate("m.1", "a-k2-1", "right").trained
