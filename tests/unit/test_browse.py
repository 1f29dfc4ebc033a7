"""What `hsir browse` shows: lists, filters and orders; a question's samples, cuts, probes, and what became of each."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from hsir.browse import pages
from hsir.browse.browse import found
from hsir.browse.listing import PAGE, Query
from hsir.browse.pages import Pages, Shown
from hsir.browse.places import Place, of_run, on_disk
from hsir.browse.question import WHY, Answer
from hsir.errors import ConfigError, InputError
from hsir.grading.base import Place as AnswerPlace
from hsir.storage import tables
from tests.browsed import CUT, HARD, STEPS, lay_down, question, select
from tests.unit.test_exhibits import made_in

POOLS, EVAL = "tiny/sums/seed0/pools", "tiny/sums/seed0/eval/sums"


def opened(results: Path, key: str = POOLS) -> tuple[Pages, Place]:
    made = Pages(on_disk(results))
    return made, made.places[key]


def listed(results: Path, key: str = POOLS, **query: Any) -> list[str]:
    made, place = opened(results, key)
    return [line.question_id for line in made.listing(place, Query(**query)).lines]


def shown(results: Path, name: str, key: str = POOLS, **query: Any) -> Shown:
    made, place = opened(results, key)
    view = made.question(place, name, Query(**query))
    assert view is not None
    return view


def answers(view: Shown) -> dict[str, Answer]:
    return {answer.sample_id: answer for group in view.groups for answer in group.answers}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browsed")
    lay_down(folder)
    return folder


def test_a_folder_of_results_holds_its_pools_and_benchmarks(results: Path) -> None:
    training, benchmark = on_disk(results)
    assert [pool.title for pool in training.pools] == ["start/k5", "start/k5-exit", "start/k5-probe"]
    assert [pool.title for pool in benchmark.pools] == ["m.1", "start"]
    assert [path.name for path in training.policies] == ["m.1"] and benchmark.policies == ()
    assert (training.key, benchmark.key) == (POOLS, EVAL)


def test_a_run_holds_the_pools_that_it_needs_in_its_order(tmp_path: Path) -> None:
    training, benchmark = of_run(made_in(tmp_path, questions=1, policies=2))
    assert [pool.title for pool in training.pools] == ["start/k3", "start/k3-exit"]
    assert [path.name for path in training.policies] == ["m0.1", "m1.1"]
    assert [pool.title for pool in benchmark.pools] == ["m0.1", "m1.1"]
    assert all(path.is_file() for pool in training.pools for path in pool.shards)


def test_the_list_counts_the_correct_samples_of_each_pool(results: Path) -> None:
    made, place = opened(results)
    view = made.listing(place, Query())
    counts = {line.question_id: [(one.right, one.graded) for one in line.tallies] for line in view.lines}
    assert counts["q000"] == [(4, 5), (0, 0), (0, 0)] and counts[HARD] == [(0, 5), (2, 2), (0, 1)]
    assert (view.found, view.total, view.levels) == (4, 4, ["0", "1", "2", "3"])


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, ["q000", HARD, "q002", "q003"]),
        ({"pool": "start/k5", "solved": "none"}, [HARD]),
        ({"pool": "start/k5", "solved": "over half"}, ["q000", "q002", "q003"]),
        ({"pool": "start/k5-exit", "solved": "all"}, [HARD]),
        ({"solved": "up to half"}, [HARD]),
        ({"pool": "start/k5", "verdict": "right"}, ["q000", "q002", "q003"]),
        ({"verdict": "undecided"}, []),
        ({"level": "2"}, ["q002"]),
        ({"text": "IS Q003"}, ["q003"]),
        ({"text": "7+1=8", "within": "completions"}, ["q000", HARD, "q002", "q003"]),
        ({"text": "7+1=8", "within": "completions", "pool": "start/k5-exit"}, []),
        ({"text": "<think>9", "within": "completions"}, []),
        ({"text": "(", "within": "completions"}, []),
        ({"sort": "solved"}, [HARD, "q000", "q002", "q003"]),
        ({"sort": "-level"}, ["q003", "q002", HARD, "q000"]),
        ({"sort": "tokens", "pool": "start/k5-exit"}, [HARD, "q000", "q002", "q003"]),
        ({"pool": "start/k5-exit", "against": "start/k5", "differs": "better"}, [HARD]),
        ({"pool": "start/k5", "against": "start/k5-exit", "differs": "better"}, []),
        ({"pool": "start/k5", "against": "start/k5-exit", "differs": "worse"}, [HARD]),
        ({"pool": "no/such"}, ["q000", HARD, "q002", "q003"]),
    ],
)
def test_a_list_is_filtered_and_sorted(query: dict[str, Any], wanted: list[str], results: Path) -> None:
    assert listed(results, **query) == wanted


def test_a_long_list_has_pages_and_neighbours_follow_the_filter(tmp_path: Path) -> None:
    lay_down(tmp_path, questions=PAGE + 5)
    made, place = opened(tmp_path)
    last = made.listing(place, Query(page=999))
    assert (last.query.page, last.pages, len(last.lines)) == (2, 2, 5) and last.lines[0].number == PAGE + 1
    view = shown(tmp_path, "q012", level="2", sort="-level")
    assert (view.before, view.after, view.number, view.found) == ("q002", "q022", 2, 6)
    outside = shown(tmp_path, "q013", level="2")
    assert (outside.before, outside.after, outside.number) == (None, None, None)


def test_a_question_that_does_not_exist_has_no_page(results: Path) -> None:
    made, place = opened(results)
    assert made.question(place, "q9", Query()) is None


def test_each_solution_has_its_fate(results: Path) -> None:
    found = answers(shown(results, "q000"))
    fates = {name: [(one.policies, one.trained, one.why) for one in answer.fates] for name, answer in found.items()}
    assert fates == {
        "q000-k5-0": [(("m.1",), False, "dropped by filter 1, right")],
        "q000-k5-1": [(("m.1",), True, "trained on (InDiv +1.00)")],
        "q000-k5-2": [(("m.1",), False, "dropped by filter 2, distinct")],
        "q000-k5-3": [(("m.1",), False, "dropped by filter 3, at_most")],
        "q000-k5-4": [(("m.1",), False, "dropped by filter 4, indiv: -1.00 is below -0.5")],
    }
    assert found["q000-k5-4"].scores == {"indiv": -1.0} and found["q000-k5-0"].scores == {}


def test_what_is_too_long_is_told(tmp_path: Path) -> None:
    select(lay_down(tmp_path), max_length=3)
    assert answers(shown(tmp_path, HARD))
    (fate,) = answers(shown(tmp_path, "q000"))["q000-k5-1"].fates
    assert fate.trained
    select(tmp_path / "tiny/sums/seed0", max_length=3, filters=[{"kind": "right"}])
    assert not shown(tmp_path, "q000").chosen[0].faults


def test_a_solution_that_passed_every_filter_but_is_too_long_was_left_out(tmp_path: Path) -> None:
    root = lay_down(tmp_path)
    shards = sorted((root / "start/k5/samples").iterdir())
    rows = tables.read("samples", shards)
    longer = [row | {"completion_ids": [*range(50)]} if row["sample_id"] == "q000-k5-1" else row for row in rows]
    made = tables.metadata(shards[0])
    for n, shard in enumerate(shards):
        tables.write("samples", longer[n * 10 : n * 10 + 10], shard, made)
    select(root, max_length=20)
    (fate,) = answers(shown(tmp_path, "q000"))["q000-k5-1"].fates
    assert (fate.trained, fate.why) == (False, "left out: it is too long (InDiv +1.00)")


def test_a_rejected_answer_of_a_pair_is_trained_on(tmp_path: Path) -> None:
    lay_down(tmp_path, pairs="random")
    found = answers(shown(tmp_path, "q000"))
    assert found["q000-k5-0"].fates[0].why == "trained on as the rejected answer, next to q000-k5-1"
    assert found["q000-k5-1"].fates[0].trained


def test_a_training_set_of_other_samples_is_reported(tmp_path: Path) -> None:
    root = lay_down(tmp_path)
    verified = root / "start/k5/verified.parquet"
    rows = [row | {"verdict": "right"} for row in tables.read("verified", verified)]
    judged = [row | {"verdict": "wrong"} if row["sample_id"] == "q000-k5-1" else row for row in rows]
    scores = tables.read("indiv-scores", root / "start/k5/indiv-scores.parquet")
    tables.write("verified", judged, verified, {})
    (chosen,) = shown(tmp_path, "q000").chosen
    assert "the filters cannot be applied again: solution q001-k5-1 has no score" in chosen.faults[0]
    every = [scores[0] | {"sample_id": row["sample_id"], "indiv": -9.0} for row in rows]
    tables.write("indiv-scores", every, root / "start/k5/indiv-scores.parquet", {})
    assert "solutions of the training set are dropped by its own filters" in shown(tmp_path, "q000").chosen[0].faults[0]


def test_a_cut_is_shown_with_its_continuations_and_probes(results: Path) -> None:
    view = shown(results, HARD)
    assert [group.samples.pool.name for group in view.groups] == ["k5"], "what continues a sample is shown with it"
    failed = answers(view)[f"{HARD}-k5-0"]
    assert [(step.text, step.mark) for step in failed.steps] == list(zip(STEPS, ["", "cut", "after"], strict=True))
    assert [[one.extracted for one in step.probes] for step in failed.steps] == [[], ["9"], []]
    (cut,) = failed.cuts
    assert (cut.pool, cut.step) == ("k5-exit", CUT)
    assert [(one.verdict, one.final) for one in cut.continuations] == [("right", "<answer>\n7\n</answer>")] * 2
    assert cut.continuations[0].fates[0].trained
    assert failed.final == "<answer>\n8\n</answer>" and failed.why == WHY["tags"]


def test_a_failed_solution_without_a_cut_says_so(results: Path) -> None:
    (cut,) = answers(shown(results, "q000"))["q000-k5-0"].cuts
    assert cut.step is None and not cut.continuations


def test_two_policies_are_side_by_side(results: Path) -> None:
    view = shown(results, "t1", EVAL)
    assert view.pair == ("m.1", "start")
    assert [[answer.verdict for answer in group.answers] for group in view.groups] == [["right"], ["wrong"]]
    assert shown(results, "t1", EVAL, pool="m.1", against="start").pair == ("start", "m.1")
    assert shown(results, "t1", EVAL, left="start", right="no").pair == ("start", "start")
    assert listed(results, EVAL, pool="m.1", against="start", differs="better") == ["t1"]


def test_every_place_of_an_answer_is_worded() -> None:
    assert set(AnswerPlace.__args__) <= WHY.keys()  # type: ignore[attr-defined]


def test_a_run_in_progress_is_shown_as_far_as_it_is(tmp_path: Path) -> None:
    root = lay_down(tmp_path)
    for path in ("start/k5/verified.parquet", "start/k5-exit/samples/1-of-2.parquet", "m.1/filtered.parquet"):
        (root / path).unlink()
    made, place = opened(tmp_path)
    view = made.listing(place, Query())
    assert [note.kind for note in view.notes] == ["missing"] * 2, "the training set is not looked for in a folder"
    assert view.lines[0].tallies[0].share is None and view.lines[0].tallies[0].samples == 5
    found = answers(shown(tmp_path, HARD))
    assert found[f"{HARD}-k5-0"].verdict is None and not found[f"{HARD}-k5-0"].fates
    assert len(found[f"{HARD}-k5-0"].cuts[0].continuations) == 1


def test_of_many_pools_some_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hsir.browse.places.MOST", 2)
    root = lay_down(tmp_path)
    shutil.copytree(root / "start", root / "late")
    shutil.copytree(root / "m.1/eval", root / "late/eval", dirs_exist_ok=True)
    made, place = opened(tmp_path)

    def pools(key: str, **query: Any) -> list[str]:
        return [one.pool.title for one in made.listing(made.places[key], Query(**query)).pools]

    assert pools(POOLS) == ["late/k5", "late/k5-exit", "late/k5-probe"], "those of the first policy"
    assert pools(POOLS, pool="start/k5-exit") == ["start/k5", "start/k5-exit", "start/k5-probe"]
    assert len(pools(POOLS, pool="start/k5", against="late/k5")) == 6
    assert pools(EVAL) == ["late", "m.1"]
    assert pools(EVAL, pool="start") == ["late", "start"]
    assert pools(EVAL, pool="start", left="m.1") == ["m.1", "start"]
    late, start = (made.question(place, "q000", Query(pool=f"{name}/k5")) for name in ("late", "start"))
    assert late is not None and not late.chosen, "no training set is selected from these"
    assert start is not None and [one.policy for one in start.chosen] == ["m.1"]


def test_nothing_but_questions_is_browsed(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=2)
    for path in tmp_path.rglob("*.parquet"):
        if path.name != "unlabelled.parquet":
            path.unlink()
    place = of_run(made)[0]
    view = Pages([place]).listing(place, Query())
    assert len(view.lines) == 2 and {note.kind for note in view.notes} == {"missing"}
    assert Pages([place]).question(place, "q000", Query()) is not None


@pytest.mark.parametrize("name", ["start/k5/samples/0-of-2", "start/k5/verified", "start/k5-exit/veriexit",
                                  "start/k5/indiv-scores", "m.1/filtered", "data/unlabelled"])  # fmt: skip
def test_a_damaged_table_is_named_and_the_others_are_shown(name: str, tmp_path: Path) -> None:
    root = lay_down(tmp_path)
    path = root / f"{name}.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    made, place = opened(tmp_path)
    made.listing(place, Query())
    view = made.question(place, "q003", Query())
    notes = made.listing(place, Query()).notes
    assert [(note.kind, note.path) for note in notes] == [("damaged", path)]
    assert "checksum" in notes[0].why and str(path) not in notes[0].why
    assert (view is None) == (name == "data/unlabelled")
    lay_down(tmp_path)
    assert not made.listing(place, Query()).notes, "once it is recreated, it is read"


def test_a_table_that_is_replaced_is_read_again(tmp_path: Path) -> None:
    root = lay_down(tmp_path)
    made, place = opened(tmp_path)
    before = made.listing(place, Query()).lines[0].tallies[0].right
    path = root / "start/k5/verified.parquet"
    rows = [row | {"verdict": "wrong"} for row in tables.read("verified", path)]
    tables.write("verified", rows, path, {})
    assert before == 4 and made.listing(place, Query()).lines[0].tallies[0].right == 0
    tables.write("questions", [question("q000")], root / "data/unlabelled.parquet", {})
    assert made.listing(place, Query()).total == 1


def test_filters_that_take_long_are_applied_in_the_background(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PATIENCE", 0.0)
    made, place = opened(results)
    view = made.question(place, "q000", Query())
    assert view is not None and [*view.waiting, *(one.policy for one in view.chosen)] == ["m.1"]
    made.close()


def test_the_overview_counts_what_each_filter_left(results: Path) -> None:
    training, benchmark = Pages(on_disk(results)).overview()
    (funnel,) = training.funnels
    steps = [("samples", 22), ("right", 14), ("distinct", 11), ("at_most", 8), ("indiv", 5)]
    assert funnel.steps == steps and not training.missing and not benchmark.funnels


def test_what_cannot_be_browsed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no run, no folder of a run, and no results"):
        found(str(tmp_path), [])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no such config"):
        found("demo", [])
