"""Filters: each against values computed by hand, and the order of candidates is kept."""

import random
from typing import Any

import pytest

from hsir.selection.filters import AtMost, Distinct, Filter, InDiv, Length, Right, Selection, needs_scores
from hsir.selection.filters.base import Candidate


def solution(
    name: str, question: str = "q", tokens: int = 10, right: bool = True, indiv: float | None = None,
    ids: tuple[int, ...] = (),
) -> Candidate:  # fmt: skip
    """Make a candidate."""
    return Candidate(name, question, tokens, right, ids, raw=indiv)


def named(candidates: list[Candidate]) -> str:
    """Join the names of candidates that are single letters."""
    return "".join(c.sample_id for c in candidates)


RAW = [solution("a", indiv=1.0), solution("b", "r", indiv=2.0), solution("c", "r", indiv=3.0), solution("d", indiv=4.0)]


@pytest.mark.parametrize(
    ("standardise", "wanted"),
    [
        ("zscore", [-1.3416407865, -0.4472135955, 0.4472135955, 1.3416407865]),
        ("per_question", [-1.0, -1.0, 1.0, 1.0]),
        ("none", [1.0, 2.0, 3.0, 4.0]),
    ],
)
def test_scores_are_standardised(standardise: Any, wanted: list[float]) -> None:
    assert InDiv(standardise=standardise).standardised(RAW) == pytest.approx(wanted)


def test_length_residuals_are_what_a_line_in_log_tokens_leaves() -> None:
    """Over log n = 0, 0, log 4, log 4 the line runs through the means 2 and 4; the deviation is sqrt(2.5)."""
    candidates = [
        solution("a", tokens=1, indiv=1.0), solution("b", tokens=1, indiv=3.0),
        solution("c", tokens=4, indiv=2.0), solution("d", tokens=4, indiv=6.0),
    ]  # fmt: skip
    wanted = [-0.6324555320, 0.6324555320, -1.2649110641, 1.2649110641]
    assert InDiv(standardise="length_residual").standardised(candidates) == pytest.approx(wanted)


def test_what_grows_as_the_logarithm_of_length_is_all_length() -> None:
    candidates = [solution(f"s{n}", tokens=2**n, indiv=5.0 - 0.5 * n) for n in range(6)]
    assert InDiv(standardise="length_residual").standardised(candidates) == [0.0] * 6


def test_length_residuals_of_equal_lengths_are_plain_z_scores() -> None:
    assert InDiv(standardise="length_residual").standardised(RAW) == InDiv().standardised(RAW)


@pytest.mark.parametrize("standardise", ["zscore", "per_question", "length_residual"])
@pytest.mark.parametrize("values", [[7.3], [0.1, 0.1, 0.1], [-1e6 / 3] * 5])
def test_one_score_or_equal_scores_are_zero(standardise: Any, values: list[float]) -> None:
    candidates = [solution(f"s{n}", indiv=value) for n, value in enumerate(values)]
    assert InDiv(standardise=standardise).standardised(candidates) == [0.0] * len(values)
    assert InDiv(standardise=standardise)(candidates, 0) != []


@pytest.mark.parametrize("standardise", ["zscore", "per_question", "length_residual", "none"])
def test_no_candidates_stay_none(standardise: Any) -> None:
    assert InDiv(standardise=standardise)([], 0) == []


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, "bcd"),
        ({"threshold": 0.0}, "cd"),
        ({"threshold": -1.35}, "abcd"),
        ({"threshold": 2.0}, ""),
        ({"standardise": "none", "threshold": 3.0}, "cd"),
        ({"standardise": "none", "threshold": 3.0, "log_base": "10"}, ""),
        ({"standardise": "none", "threshold": 1.3, "log_base": "10"}, "cd"),
        ({"standardise": "per_question", "threshold": 0.0}, "cd"),
        ({"threshold_is": "quantile", "threshold": 0.0}, "abcd"),
        ({"threshold_is": "quantile", "threshold": 0.5}, "cd"),
        ({"threshold_is": "quantile", "threshold": 0.74}, "cd"),
        ({"threshold_is": "quantile", "threshold": 0.75}, "d"),
        ({"threshold_is": "quantile", "threshold": 0.99, "standardise": "none"}, "d"),
    ],
)
def test_scores_below_the_threshold_are_dropped(options: dict[str, Any], wanted: str) -> None:
    assert named(InDiv(**options)(RAW, 0)) == wanted


@pytest.mark.parametrize("threshold", [-0.5, 1.0])
def test_a_quantile_is_a_share(threshold: float) -> None:
    with pytest.raises(ValueError, match="must be at least 0"):
        InDiv(threshold_is="quantile", threshold=threshold)


def test_the_compared_score_is_kept_next_to_the_raw_one() -> None:
    kept = InDiv()(RAW, 0)
    assert [c.raw for c in kept] == [2.0, 3.0, 4.0]
    assert [c.score for c in kept] == pytest.approx([-0.4472135955, 0.4472135955, 1.3416407865])


@pytest.mark.parametrize(
    "chosen",
    [
        InDiv(), InDiv(standardise="none"), AtMost(per_question=1, pick="highest"),
        AtMost(per_question=1, pick="lowest"),
    ],
)  # fmt: skip
def test_an_unscored_candidate_is_named_with_a_fix(chosen: Filter) -> None:
    with pytest.raises(ValueError, match=r"solution b has no score; put \{kind: right\} before"):
        chosen([solution("a", indiv=1.0), solution("b")], 0)


def test_right_keeps_right_solutions_in_order() -> None:
    candidates = [solution("c"), solution("a", right=False), solution("b")]
    assert named(Right()(candidates, 0)) == "cb"


def test_distinct_keeps_the_first_of_equal_solutions_to_a_question() -> None:
    candidates = [
        solution("c", ids=(1, 2)), solution("a", ids=(1, 2)), solution("b", "r", ids=(1, 2)), solution("d", ids=(1,)),
    ]  # fmt: skip
    assert named(Distinct()(candidates, 0)) == "cbd"


@pytest.mark.parametrize(("threshold", "wanted"), [(0.0, "cx"), (0.25, "cdx"), (0.5, "bcdx"), (1.0, "abcdx")])
def test_length_keeps_the_shorter_part_of_a_questions_range(threshold: float, wanted: str) -> None:
    lengths = {"a": 30, "b": 20, "c": 10, "d": 15}
    candidates = [*(solution(name, tokens=n) for name, n in lengths.items()), solution("x", "r", tokens=500)]
    assert named(Length(threshold=threshold)(candidates, 0)) == wanted


MANY = [
    solution(f"{question}-{n}", f"q{question}", tokens=(7 * n + question) % 10, indiv=float((3 * n) % 10))
    for question in range(20)
    for n in range(10)
]


@pytest.mark.parametrize("pick", ["random", "shortest", "highest", "lowest"])
def test_picks_do_not_depend_on_the_order_of_candidates(pick: Any) -> None:
    chosen = AtMost(per_question=3, pick=pick)
    kept = chosen(MANY, 5)
    assert len(kept) == 60
    shuffled = random.Random(1).sample(MANY, len(MANY))
    assert {c.sample_id for c in chosen(shuffled, 5)} == {c.sample_id for c in kept}
    assert chosen(shuffled, 5) == [c for c in shuffled if c in kept]


def test_picks_of_a_question_do_not_depend_on_other_questions() -> None:
    chosen = AtMost(per_question=3)
    alone = chosen([c for c in MANY if c.question_id == "q7"], 5)
    assert alone == [c for c in chosen(MANY, 5) if c.question_id == "q7"]


def test_random_picks_depend_on_the_seed_and_reach_every_place() -> None:
    chosen = AtMost(per_question=3)
    picks = [{c.sample_id for c in chosen(MANY, seed)} for seed in (0, 1)]
    assert picks[0] != picks[1]
    assert {name.split("-")[1] for name in picks[0] | picks[1]} == {str(n) for n in range(10)}


@pytest.mark.parametrize(("pick", "wanted"), [("shortest", "cd"), ("highest", "ac"), ("lowest", "bd")])
def test_picks_by_rank(pick: Any, wanted: str) -> None:
    candidates = [
        solution("a", tokens=9, indiv=4.0), solution("b", tokens=8, indiv=1.0),
        solution("c", tokens=2, indiv=3.0), solution("d", tokens=3, indiv=2.0),
    ]  # fmt: skip
    assert named(AtMost(per_question=2, pick=pick)(candidates, 0)) == wanted


@pytest.mark.parametrize("pick", ["shortest", "highest", "lowest"])
def test_ties_are_broken_at_random_not_by_name(pick: Any) -> None:
    tied = [solution(name, tokens=1, indiv=1.0) for name in "abcdef"]
    assert len({named(AtMost(per_question=1, pick=pick)(tied, seed)) for seed in range(20)}) > 2


def test_fewer_than_the_limit_all_stay() -> None:
    assert AtMost(per_question=5)(RAW, 0) == RAW


@pytest.mark.parametrize(
    ("chosen", "wanted"),
    [
        (Right(), False), (Distinct(), False), (Length(), False), (InDiv(), True), (AtMost(per_question=1), False),
        (AtMost(per_question=1, pick="shortest"), False), (AtMost(per_question=1, pick="highest"), True),
        (AtMost(per_question=1, pick="lowest"), True),
    ],
)  # fmt: skip
def test_filters_that_read_scores_say_so(chosen: Filter, wanted: bool) -> None:
    assert needs_scores(chosen) is wanted


def test_a_selection_is_read_from_json_as_the_stage_gets_it() -> None:
    chosen = Selection.model_validate_json('[{"kind":"right"},{"kind":"indiv"},{"kind":"at_most","per_question":2}]')
    assert chosen.root == (Right(), InDiv(), AtMost(per_question=2))
