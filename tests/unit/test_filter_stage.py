"""Stage filter: what is trained on, how many solutions each filter left, and what stops it."""

from pathlib import Path
from typing import Any

import pytest

from hsir.config.questions import PassRate
from hsir.config.training import Limits, Loser
from hsir.errors import InputError
from hsir.selection.filters import Selection
from hsir.stages import filter as stage
from hsir.storage import tables
from hsir.storage.files import read_json


def question(name: str, level: int | None, trace_ids: list[int] | None = None) -> tables.Row:
    """Make a question."""
    return {
        "question_id": name, "question": "?", "gold": "1", "difficulty": level, "prompt_ids": [1, 2],
        "trace": None, "trace_ids": trace_ids,
    }  # fmt: skip


def solution(name: str, pool: str, tokens: int) -> tables.Row:
    """Make a solution whose name is `question-number`."""
    return {
        "sample_id": name.replace("-", f"-{pool}-"), "question_id": name.split("-")[0], "prompt_ids": [1, 2],
        "completion": "c", "completion_ids": list(range(tokens)), "n_tokens": tokens, "n_generated": tokens,
        "finish": "stop", "seed": 1, "parent_id": "a-k2-0001" if pool.endswith("veriexit") else None,
    }  # fmt: skip


SOLUTIONS = {
    "k2": [("a-0", "right", 4, 1.0), ("a-1", "wrong", 9, None), ("b-0", "right", 6, 3.0), ("b-1", "right", 30, 2.0)],
    "k2-veriexit": [("a-0", "right", 5, 4.0), ("a-1", "no_answer", 7, None), ("c-0", "undecided", 7, None)],
}
GIVEN = ("seed=", [question("s0", 2, [7, 8, 9]), question("s1", None, [7])])


class Files:
    """The tables that the stage reads, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tables.write("questions", [question("a", 2), question("b", 10), question("c", 3)], folder / "q.parquet", {})
        tables.write("questions", GIVEN[1], folder / "s.parquet", {})
        for pool, rows in SOLUTIONS.items():
            known = [(solution(name, pool, tokens), verdict, indiv) for name, verdict, tokens, indiv in rows]
            for shard in (0, 1):
                tables.write("samples", [s for s, *_ in known[shard::2]], folder / f"{pool}-{shard}.parquet", {})
            verdicts = [{"sample_id": s["sample_id"], "verdict": verdict, "why": "tags"} for s, verdict, _ in known]
            tables.write("verified", verdicts, folder / f"{pool}-v.parquet", {})
            scores = [
                {"sample_id": s["sample_id"], "m": 1, "d": 2, "logdet": 0.0, "sum_log_attention": 0.0,
                 "variance": 0.0, "n_tokens": 1, "indiv": indiv}
                for s, _, indiv in known if indiv is not None
            ]  # fmt: skip
            tables.write("indiv-scores", scores, folder / f"{pool}-s.parquet", {})

    def run(
        self, select: list[dict[str, Any]], limits: Limits = Limits(), pools: tuple[str, ...] = tuple(SOLUTIONS),
        given: bool = True, seed: int = 0, pairs: Loser | None = None, asked: PassRate | None = None,
    ) -> tuple[list[tables.Row], dict[str, Any]]:  # fmt: skip
        """Run the stage and give its rows and its funnel."""
        stage.main(
            output=self.folder / "filtered.parquet", funnel=self.folder / "funnel.json",
            select=Selection.model_validate(select), limits=limits,
            given=[f"questions={self.folder / 'q.parquet'}" if asked else f"seed={self.folder / 's.parquet'}"] * given,
            asked=asked,
            questions=self.folder / "q.parquet" if pools else None,
            pool=[f"{pool}={self.folder / f'{pool}-{shard}.parquet'}" for pool in pools for shard in (0, 1)],
            verified=[self.folder / f"{pool}-v.parquet" for pool in pools],
            scores=[self.folder / f"{pool}-s.parquet" for pool in pools], seed=seed, pairs=pairs,
        )  # fmt: skip
        rows = tables.read("filtered", self.folder / "filtered.parquet")
        return rows, read_json(self.folder / "funnel.json")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The tables, fresh."""
    return Files(tmp_path)


RIGHT = {"kind": "right"}


def test_given_data_comes_first_and_selected_solutions_last(files: Files) -> None:
    rows, _ = files.run([RIGHT])
    assert [(row["sample_id"], row["source"], row["difficulty"]) for row in rows] == [
        ("s0-seed", "seed", 2), ("s1-seed", "seed", None), ("a-k2-0", "k2", 2), ("a-k2-veriexit-0", "k2-veriexit", 2),
        ("b-k2-0", "k2", 10), ("b-k2-1", "k2", 10),
    ]  # fmt: skip
    assert [len(row["completion_ids"]) for row in rows] == [3, 1, 4, 5, 6, 30]
    assert all(row["score"] is None for row in rows)


def test_the_funnel_counts_what_each_filter_left(files: Files) -> None:
    _, funnel = files.run([RIGHT, {"kind": "at_most", "per_question": 1, "pick": "shortest"}])
    assert funnel == {
        "given": 2,
        "too_long": 0,
        "doubts": [],
        "steps": [
            {"filter": "samples", "total": 7, "questions": 3, "by_pool": {"k2": 4, "k2-veriexit": 3},
             "by_difficulty": {"2": 4, "3": 1, "10": 2}},
            {"filter": "right", "total": 4, "questions": 2, "by_pool": {"k2": 3, "k2-veriexit": 1},
             "by_difficulty": {"2": 2, "3": 0, "10": 2}},
            {"filter": "at_most", "total": 2, "questions": 2, "by_pool": {"k2": 2},
             "by_difficulty": {"2": 1, "3": 0, "10": 1}},
        ],
    }  # fmt: skip


def test_scores_are_joined_across_pools_and_written(files: Files) -> None:
    """The raw scores 1, 2, 3, 4 have z-scores of -1.34, -0.45, 0.45, 1.34."""
    rows, _ = files.run([RIGHT, {"kind": "indiv", "threshold": 0.0}], given=False)
    scores = {row["sample_id"]: row["score"] for row in rows}
    assert scores == {"a-k2-veriexit-0": pytest.approx(1.3416407865), "b-k2-0": pytest.approx(0.4472135955)}


def test_solutions_that_are_too_long_are_dropped_completely_and_counted(files: Files) -> None:
    """The prompt counts: 2 + 6 tokens are within 8, 2 + 30 are not."""
    rows, funnel = files.run([RIGHT], Limits(max_length=8))
    assert [row["sample_id"] for row in rows][-1] == "b-k2-0"
    assert [len(row["completion_ids"]) for row in rows] == [3, 1, 4, 5, 6]
    assert (funnel["given"], funnel["too_long"]) == (2, 1)


def test_solutions_that_are_too_long_stop_it_if_asked(files: Files) -> None:
    with pytest.raises(InputError, match=r"filtered.parquet: 1 of 6 training rows exceed max_length 8"):
        files.run([RIGHT], Limits(max_length=8, too_long="fail"))
    assert not (files.folder / "filtered.parquet").exists()


def test_solutions_that_are_too_long_are_cut_if_asked(files: Files) -> None:
    rows, funnel = files.run([RIGHT], Limits(max_length=5, too_long="cut"))
    assert [len(row["completion_ids"]) for row in rows] == [3, 1, 3, 3, 3, 3]
    assert funnel["too_long"] == 0


def test_a_loser_that_is_too_long_is_cut_and_still_a_loser(files: Files) -> None:
    whole, _ = files.run([RIGHT], Limits(max_length=2048), pairs="random")
    longest = max(len(row["loser_ids"]) for row in whole if row["loser_ids"])
    rows, _ = files.run([RIGHT], Limits(max_length=longest + 1, too_long="cut"), pairs="random")
    assert [row["loser_id"] for row in rows] == [row["loser_id"] for row in whole]
    assert max(len(row["loser_ids"]) for row in rows if row["loser_ids"]) == longest - 1


def test_no_solution_that_fits_stops_it(files: Files) -> None:
    with pytest.raises(InputError, match="6 of 6 training rows exceed max_length 2"):
        files.run([RIGHT], Limits(max_length=2))


NONE_LEFT = [RIGHT, {"kind": "indiv", "threshold": 99.0}]


def test_nothing_left_stops_it_with_the_counts_and_a_fix(files: Files) -> None:
    told = (
        r"no solution is left for training \(verdicts: no_answer 1, right 4, undecided 1, wrong 1;"
        r" left by each filter: samples 7, right 4, indiv 0\).*when_empty: given_only"
    )
    with pytest.raises(InputError, match=told):
        files.run(NONE_LEFT)
    assert not (files.folder / "filtered.parquet").exists()


def test_nothing_left_trains_on_the_seed_alone_if_asked(files: Files) -> None:
    rows, funnel = files.run(NONE_LEFT, Limits(when_empty="given_only"))
    assert [row["source"] for row in rows] == ["seed", "seed"]
    assert [step["total"] for step in funnel["steps"]] == [7, 4, 0]


def test_nothing_at_all_is_not_blamed_on_the_length(files: Files) -> None:
    with pytest.raises(InputError) as error:
        files.run(NONE_LEFT, Limits(when_empty="given_only"), given=False)
    assert "max_length" not in str(error.value)


def test_given_data_alone_needs_no_pool(files: Files) -> None:
    rows, funnel = files.run([], pools=())
    assert [row["sample_id"] for row in rows] == ["s0-seed", "s1-seed"]
    assert funnel["given"] == 2


def test_given_data_without_a_trace_is_named(files: Files) -> None:
    tables.write("questions", [question("s0", 2)], files.folder / "s.parquet", {})
    with pytest.raises(InputError, match=r"s\.parquet: question 's0' has no gold trace"):
        files.run([RIGHT])


def test_random_picks_follow_the_seed(files: Files) -> None:
    picks = [{"kind": "at_most", "per_question": 1}]
    found = [tuple(row["sample_id"] for row in files.run([RIGHT, *picks], seed=seed)[0]) for seed in range(8)]
    assert len(set(found)) > 1
    assert found[3] == tuple(row["sample_id"] for row in files.run([RIGHT, *picks], seed=3)[0])


def test_each_kept_solution_gets_a_failed_one_sampled_from_scratch_and_those_without_are_counted(files: Files) -> None:
    """Of the questions with right solutions, b failed none; of a, a recycled solution failed too, and one afresh."""
    rows, funnel = files.run([RIGHT], given=False, pairs="random")
    assert [(row["sample_id"], row["loser_id"], len(row["loser_ids"])) for row in rows] == [
        ("a-k2-0", "a-k2-1", 9), ("a-k2-veriexit-0", "a-k2-1", 9)
    ]  # fmt: skip
    assert [(step["filter"], step["total"], step["questions"]) for step in funnel["steps"]] == [
        ("samples", 7, 3), ("right", 4, 2), ("pairs", 2, 1)
    ]  # fmt: skip


def test_where_nothing_failed_there_is_no_pair_to_learn_from(files: Files) -> None:
    verdicts = [row | {"verdict": "right"} for row in tables.read("verified", files.folder / "k2-v.parquet")]
    tables.write("verified", verdicts, files.folder / "k2-v.parquet", {})
    one = tables.read("indiv-scores", files.folder / "k2-s.parquet")[0]
    scores = [one | {"sample_id": f"{name}-k2-{n}"} for name in "ab" for n in (0, 1)]
    tables.write("indiv-scores", scores, files.folder / "k2-s.parquet", {})
    with pytest.raises(InputError, match=r"no pairs to learn from \(samples 4, right 4, pairs 0\); sample more"):
        files.run([RIGHT], pools=("k2",), given=False, pairs="random")


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [((0.1, 0.9), ["a"]), ((0.5, 0.5), ["a"]), ((0, 1), ["a", "b"]), ((0.51, 1), ["b"]), ((0, 0.5), ["a"])],
)
def test_questions_are_chosen_by_their_share_of_correct_samples(
    bounds: tuple[float, float], kept: list[str], files: Files
) -> None:
    """Of k2, one of two is correct for a, both for b; c has no samples. Solutions are not trained on."""
    rows, funnel = files.run([], pools=("k2",), asked=PassRate(of="k2", pass_rate=bounds))
    assert [row["question_id"] for row in rows] == kept
    assert all(row["completion_ids"] is None and row["source"] == "questions" for row in rows)
    assert (funnel["given"], funnel["steps"][-1]["total"]) == (len(kept), 0)
    stamped = tables.metadata(files.folder / "filtered.parquet")["options"]["asked"]
    assert stamped == {"of": "k2", "pass_rate": list(bounds)}


def test_a_pass_rate_that_no_question_has_is_an_error(files: Files) -> None:
    said = "of 3 questions, none has a share of correct samples in k2 between 0.6 and 0.9; widen questions.pass_rate"
    with pytest.raises(InputError, match=said):
        files.run([], pools=("k2",), asked=PassRate(of="k2", pass_rate=(0.6, 0.9)))
