"""Best-of-n by a score: the reducers, the scores of all answers to a benchmark, and where they are read."""

import json
from pathlib import Path
from typing import Any

import pytest

from hsir.config import Plan, load
from hsir.errors import ConfigError, InputError
from hsir.planning.budget.assumptions import Assumptions
from hsir.planning.budget.estimate import Estimator
from hsir.planning.budget.measured import gather
from hsir.planning.budget.work import Scoring, work
from hsir.reducers import Answer, HighestScore, Mean, Reducers, Shortest, scores_read
from hsir.stages import evaluate
from hsir.storage import tables
from hsir.tasks.chains import Chains
from tests.unit.test_keep_stages import question


def answer(right: bool, said: str | None, tokens: int, indiv: float | None) -> Answer:
    """Make an answer."""
    return Answer(right, said, tokens, {} if indiv is None else {"indiv": indiv})


@pytest.mark.parametrize(
    ("answers", "best", "shortest"),
    [
        ([(True, "4", 9, 2.0), (False, "5", 3, 1.0)], 1.0, 0.0),
        ([(True, "4", 3, -2.0), (False, "5", 9, -1.0)], 0.0, 1.0),
        ([(True, "4", 5, 1.0), (False, "5", 5, 1.0), (False, "6", 9, 0.0)], 0.5, 0.5),
        ([(True, "4", 9, 1.0), (False, None, 1, 5.0)], 1.0, 1.0),
        ([(True, "4", 9, 1.0), (False, "5", 1, None)], 1.0, 0.0),
        ([(False, None, 9, 1.0), (False, None, 1, 2.0)], 0.0, 0.0),
    ],
)
def test_the_answer_with_the_highest_score_or_the_shortest_one_counts(
    answers: list[tuple[bool, str | None, int, float | None]], best: float, shortest: float
) -> None:
    given = [answer(*one) for one in answers]
    assert (HighestScore()(given), Shortest()(given)) == (best, shortest)


def test_the_score_sets_that_reducers_read_are_named_once() -> None:
    kinds = [{"kind": "highest_score"}, {"kind": "mean"}, {"kind": "highest_score"}, {"kind": "shortest"}]
    given = Reducers.model_validate([*kinds, {"kind": "highest_score", "score": "indiv-steps"}]).root
    assert scores_read(given) == ("indiv", "indiv-steps") and scores_read([Mean()]) == ()
    assert [one.name(8) for one in given[2:]] == ["highest indiv@8", "shortest@8", "highest indiv-steps@8"]


def written(folder: Path, scores: dict[str, float]) -> dict[str, Any]:
    """Write two answers per question with their verdicts and scores; return the stage's arguments."""
    names = {f"{one}-{n}": one for one in "ab" for n in (0, 1)}
    right = {"a-0", "b-1"}
    shape = {"prompt_ids": [1], "completion": "c", "completion_ids": [1], "n_tokens": 1, "n_generated": 1}
    rows = [shape | {"sample_id": one, "question_id": of, "finish": "stop", "seed": 1} for one, of in names.items()]
    judged = [
        {"sample_id": one, "extracted": one, "verdict": "right" if one in right else "wrong", "why": "tags"}
        for one in names
    ]
    parts = {"m": 1, "d": 2, "logdet": 0.0, "sum_log_attention": 0.0, "variance": 0.0, "n_tokens": 1}
    tables.write("questions", [question("a"), question("b")], folder / "q.parquet", {})
    tables.write("samples", rows, folder / "s.parquet", {})
    tables.write("verified", judged, folder / "v.parquet", {})
    scored = [{"sample_id": one, **parts, "indiv": value} for one, value in scores.items()]
    tables.write("indiv-scores", scored, folder / "i.parquet", {})
    return {
        "samples": [folder / "s.parquet"], "verified": folder / "v.parquet", "questions": folder / "q.parquet",
        "task": Chains(kind="chains"), "output": folder / "out.json",
        "reducers": Reducers.model_validate([{"kind": "highest_score"}]),
    }  # fmt: skip


def test_the_stage_evaluate_reads_the_scores(tmp_path: Path) -> None:
    given = written(tmp_path, {"a-0": 2.0, "a-1": 1.0, "b-0": 3.0, "b-1": -1.0})
    evaluate.main(**given, scores=[f"indiv={tmp_path / 'i.parquet'}"])
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["reduced"]["highest indiv@2"]["value"] == 0.5, "correct for a, and not for b"
    assert any(path.endswith("i.parquet") for path in told["provenance"]["inputs"])


def test_missing_scores_are_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a reducer reads the scores 'indiv'; give --scores indiv=TABLE"):
        evaluate.main(**written(tmp_path, {}))


def plan(reducer: dict[str, Any], samples: int | None = 4) -> Plan:
    """Make the plan of a run whose benchmark is evaluated with a reducer."""
    how = {"reducers": [reducer]} | ({} if samples is None else {"samples": samples})
    raw = {
        "run": "r", "runs": {"r": {"models": ["tiny"], "tasks": ["sums"], "methods": ["start"]}},
        "models": {"tiny": {"path": "x"}}, "methods": {"start": {"iterations": 0}},
        "tasks": {"sums": {"task": {"kind": "chains", "test": 30}, "settings": {"evaluate": how}}},
        "scores": {"mine": {"kind": "indiv", "alpha": 0.5}},
    }  # fmt: skip
    return Plan(load(raw, Path("nowhere")))


def test_all_sampled_answers_of_a_benchmark_are_scored(tmp_path: Path) -> None:
    made = plan({"kind": "highest_score", "score": "mine"})
    todo = work(made, ["r"])
    assert todo.scorings == (Scoring("tiny", "sums", 0, "start", "eval/sums@4", "mine"),)
    estimator = Estimator(made, gather([tmp_path], made), Assumptions(failed=0.5))
    assert estimator.item(todo.scorings[0]).samples == 30 * 4, "failed ones are scored as well"
    assert made.reduced_by("tiny", "sums") == () and "mine" in made.alone("r").scores


@pytest.mark.parametrize(
    ("reducer", "samples"), [({"kind": "mean"}, 4), ({"kind": "shortest"}, 4), ({"kind": "highest_score"}, None)]
)
def test_nothing_is_scored_if_no_reducer_needs_it(reducer: dict[str, Any], samples: int | None) -> None:
    assert work(plan(reducer, samples), ["r"]).scorings == ()


@pytest.mark.parametrize("score", ["div", "unknown"])
def test_a_score_set_that_cannot_be_read_is_reported(score: str) -> None:
    said = f"runs.r: a reducer of sums reads the score set '{score}', which is not one of kind indiv"
    with pytest.raises(ConfigError, match=said):
        plan({"kind": "highest_score", "score": score})
