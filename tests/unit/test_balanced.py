"""Balanced selection against all subsets; budgets of tokens; equations."""

import random
from itertools import combinations

import pytest

from hsir.errors import InputError
from hsir.selection.filters import Distinct, Tokens, equations
from hsir.selection.filters.balanced import Balanced, floors, levels
from hsir.selection.filters.base import Candidate
from hsir.selection.filters.standard import zscores


def drawn(seed: int, count: int = 9) -> list[Candidate]:
    rng = random.Random(seed)
    return [
        Candidate(f"s{n}", f"q{rng.randint(0, 3)}", rng.randint(5, 40), True, (n,), "", rng.randint(1, 2),
                  rng.gauss(0, 1))
        for n in range(count)
    ]  # fmt: skip


def best(candidates: list[Candidate], options: Balanced) -> float:
    """Return the largest worth of all subsets that keep the rules."""
    worth = zscores([c.raw or 0.0 for c in candidates])
    worth = [value - min(worth) for value in worth]
    budget = options.share * sum(c.n_tokens for c in candidates)
    least, level = floors(candidates, options), levels(candidates)
    found = -1.0
    for size in range(len(candidates) + 1):
        for chosen in combinations(range(len(candidates)), size):
            own = [candidates[n] for n in chosen]
            tokens = {name: sum(c.n_tokens for c in own if level[c.question_id] == name) for name in least}
            if sum(c.n_tokens for c in own) > budget or any(tokens[name] < least[name] for name in least):
                continue
            counts = [sum(c.question_id == q for c in own) for q in {c.question_id for c in own}]
            if max(counts, default=0) <= options.per_question:
                found = max(found, sum(worth[n] for n in chosen))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_no_subset_is_worth_more(seed: int) -> None:
    candidates = drawn(seed)
    options = Balanced(share=0.6, per_question=2, least_share=0.4)
    kept = options(candidates, 0)
    worth = dict(zip([c.sample_id for c in candidates], zscores([c.raw or 0.0 for c in candidates]), strict=True))
    low = min(worth.values())
    assert sum(worth[c.sample_id] - low for c in kept) == pytest.approx(best(candidates, options), rel=2e-3)
    assert kept == options(candidates, 1)


def test_a_level_that_would_get_nothing_gets_its_share() -> None:
    """The hard question's solutions score lowest: without a share none stays."""
    easy = [Candidate(f"e{n}", f"e{n}", 10, True, difficulty=1, raw=5.0 + n) for n in range(20)]
    hard = [Candidate(f"h{n}", f"h{n}", 10, True, difficulty=9, raw=-5.0 - n) for n in range(5)]
    without = Balanced(share=0.4, least_share=0.0)(easy + hard, 0)
    shared = Balanced(share=0.4, least_share=0.4)(easy + hard, 0)
    assert not [c for c in without if c.difficulty == 9]
    assert sum(c.n_tokens for c in shared if c.difficulty == 9) >= 30
    assert sum(c.n_tokens for c in shared) <= 100


def test_without_difficulty_right_solutions_make_the_levels() -> None:
    many = [Candidate(f"a{n}", "a", 5, True, raw=1.0) for n in range(9)]
    few = [Candidate(f"{q}0", q, 5, True, raw=1.0) for q in ("b", "c", "d")]
    assert levels(many + few) == {"b": 0, "c": 1, "d": 2, "a": 3}


def test_nothing_is_balanced_to_nothing_and_unscored_is_rejected() -> None:
    assert Balanced()([], 0) == []
    with pytest.raises(ValueError, match="solution a has no score"):
        Balanced()([Candidate("a", "q", 5, True)], 0)


def test_equal_scores_are_all_worth_the_same_and_no_error() -> None:
    kept = Balanced(share=1.0)([Candidate(f"{n}", "q", 5, True, difficulty=1, raw=2.0) for n in range(4)], 0)
    assert len(kept) <= 4


def test_a_solver_that_fails_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hsir.selection.filters.balanced.floors", lambda *_: {1: 10**9, 2: 0})
    with pytest.raises(InputError, match="the solver reports 'Infeasible'; lower least_share"):
        Balanced()(drawn(0), 0)


@pytest.mark.parametrize("pick", ["random", "shortest", "highest", "lowest"])
def test_the_budget_of_tokens_is_kept(pick: str) -> None:
    candidates = drawn(3, 40)
    kept = Tokens(share=0.3, pick=pick)(candidates, 5)  # type: ignore[arg-type]
    budget = 0.3 * sum(c.n_tokens for c in candidates)
    left = [c.n_tokens for c in candidates if c not in kept]
    assert sum(c.n_tokens for c in kept) <= budget < sum(c.n_tokens for c in kept) + min(left)
    assert kept == [c for c in candidates if c in kept] == Tokens(share=0.3, pick=pick)(candidates, 5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Ann finds 5, so 12+5=17. Then 17 - 2 = 15.", ("12+5=17", "17-2=15")),
        ("It costs $3 * 1,000 = $3,000.", ("3*1000=3000",)),
        ("(2 + 3) x 4 = 20", ("(2+3)x4=20",)),
        ("x = 4 and no sum", ()),
        ("", ()),
    ],
)
def test_equations_are_read(text: str, wanted: tuple[str, ...]) -> None:
    assert equations(text) == wanted


def test_the_same_equations_count_once_and_texts_without_any_by_their_tokens() -> None:
    texts = ["1+1=2 a", "b 1 + 1 = 2", "2+2=4", "none", "none", "other"]
    ids = [(1,), (2,), (3,), (4,), (4,), (5,)]
    candidates = [Candidate(f"{n}", "q", 3, True, i, t) for n, (t, i) in enumerate(zip(texts, ids, strict=True))]
    kept = Distinct(by="equations")(candidates, 0)
    assert [c.sample_id for c in kept] == ["0", "2", "3", "5"]
    assert len(Distinct()(candidates, 0)) == 5


def test_hostile_text_takes_no_time_that_matters() -> None:
    assert equations("1+" * 100_000) == ()
    assert equations("(" * 200_000 + "=") == ()
