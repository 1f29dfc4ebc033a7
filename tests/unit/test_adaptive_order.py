"""An adaptive order of questions (AdaSTaR): whose turn it is, by what earlier iterations sampled."""

from pathlib import Path
from typing import Any

import pytest

from hsir.config import load
from hsir.config.plan import Plan
from hsir.config.pools import SamplePool
from hsir.errors import ConfigError, InputError
from hsir.sampling.asked import queued
from hsir.stages import ask
from hsir.storage import tables
from hsir.tasks.chains import Chains
from tests.unit.test_keep_stages import question

POOL = SamplePool(kind="sample", samples=2, parts=2, order="adaptive")
ASKED = {name: question(name) for name in "abcdef"}


def next_of(*before: dict[str, float]) -> str:
    """Return the questions whose turn it is."""
    return "".join(row["question_id"] for row in queued(ASKED, POOL, before))


def test_the_first_questions_are_random_and_always_the_same() -> None:
    assert len(next_of()) == 3 and next_of() == next_of() != "abc"


def test_those_that_were_never_sampled_come_first() -> None:
    assert {*next_of({"a": 1.0, "b": 1.0, "c": 1.0})} == {*"def"}


def test_of_those_sampled_at_the_same_time_the_least_solved_come_first() -> None:
    """Of the first iteration, 5.7 questions count: all but f. Only b and c are not sampled again."""
    solved = {"a": 0.9, "b": 1.0, "c": 0.95, "d": 1.0, "e": 1.0, "f": 1.0}
    again = ({"f": 1.0}, {"e": 1.0}, {"d": 1.0}, {"a": 1.0})
    assert next_of(solved)[0] == "f"
    assert next_of(solved, *again) == "cbf"


@pytest.mark.parametrize(
    ("right", "again"),
    [(0.0, 6), (0.4, 6), (0.5, 5), (0.75, 3), (0.9, 2), (0.95, 1)],
)
def test_a_weak_policy_repeats_more_questions(right: float, again: int) -> None:
    """Of six questions, a^2 * 6 count as sampled."""
    shares = dict.fromkeys(ASKED, right)
    assert {*next_of(shares)} <= {*[*ASKED][-again:]} if again >= 3 else {*next_of(shares)} > {*[*ASKED][6 - again :]}


def test_an_order_needs_parts() -> None:
    with pytest.raises(ValueError, match="order is adaptive, but all questions are sampled; set parts"):
        SamplePool(kind="sample", samples=2, order="adaptive")
    assert "order" not in SamplePool(kind="sample", samples=2, parts=2).model_dump_json()


def adaptive(**changes: Any) -> Plan:
    """Make the plan of a method with an adaptive pool, and of one that begins with its second iteration."""
    method = {"initial": "start", "pools": ["some"], "select": [{"kind": "right"}], "iterations": 3}
    raw = {
        "run": "r", "runs": {"r": {"models": ["tiny"], "tasks": ["sums"], "methods": ["m"]}},
        "models": {"tiny": {"path": "x"}}, "tasks": {"sums": {"task": {"kind": "chains"}}},
        "methods": {"start": {"iterations": 0}, "m": method, "n": method | {"initial": "m.2", "pools": ["k10"]}},
        "pools": {"some": {"kind": "sample", "samples": 2, "parts": 2, "order": "adaptive"}},
    }  # fmt: skip
    return Plan(load(raw | changes, Path("nowhere")))


@pytest.mark.parametrize(
    ("policy", "before"),
    [("base", []), ("start", []), ("m.1", ["start"]), ("m.2", ["start", "m.1"]), ("n.1", ["start", "m.1"])],
)
def test_the_order_depends_on_the_ancestors_that_were_sampled_for_the_pool(policy: str, before: list[str]) -> None:
    assert adaptive().sampled_before(policy, "some") == before


def written(folder: Path, policy: str, *before: str) -> list[str]:
    """Write the prompts of a policy's pool by the stage itself; return its questions in order."""
    tables.write("questions", list(ASKED.values()), folder / "questions.parquet", tables.opening([5]))
    out = folder / policy / "asked.parquet"
    named = {
        "earlier": [f"{one}={folder / one / 'asked.parquet'}" for one in before],
        "earlier_samples": [f"{one}={folder / one / 'samples.parquet'}" for one in before],
        "earlier_verified": [f"{one}={folder / one / 'verified.parquet'}" for one in before],
    }
    ask.main(folder / "questions.parquet", POOL, Chains(kind="chains"), "x", out, **named)
    return [row["question_id"] for row in tables.read("asked", out)]


def answered(folder: Path, policy: str, verdicts: dict[str, tuple[str, str]]) -> None:
    """Write the samples of a policy, two per question, with their verdicts."""
    names = {f"{name}-some-{n}": (name, said) for name, both in verdicts.items() for n, said in enumerate(both)}
    shape = {"prompt_ids": [1], "completion": "c", "completion_ids": [1], "n_tokens": 1, "n_generated": 1}
    rows = [
        shape | {"sample_id": one, "question_id": of, "finish": "stop", "seed": 1} for one, (of, _) in names.items()
    ]
    tables.write("samples", rows, folder / policy / "samples.parquet", {})
    judged = [{"sample_id": one, "verdict": said, "why": "tags"} for one, (_, said) in names.items()]
    tables.write("verified", judged, folder / policy / "verified.parquet", {})


def test_the_stage_reads_what_earlier_policies_were_asked(tmp_path: Path) -> None:
    first = written(tmp_path, "start")
    answered(tmp_path, "start", dict.fromkeys(first, ("right", "right")))
    second = written(tmp_path, "m.1", "start")
    assert {*first, *second} == {*ASKED} and not {*first} & {*second}
    answered(tmp_path, "m.1", dict.fromkeys(second, ("right", "wrong")))
    assert written(tmp_path, "m.2", "start", "m.1") == second, "a quarter of three questions is none"
    inputs = tables.metadata(tmp_path / "m.2/asked.parquet")["inputs"]
    assert len(inputs) == 1 + 2 * 3


def test_missing_verdicts_of_an_earlier_policy_are_reported(tmp_path: Path) -> None:
    answered(tmp_path, "start", dict.fromkeys(written(tmp_path, "start"), ("right", "right")))
    (tmp_path / "start/verified.parquet").unlink()
    with pytest.raises(InputError, match=r"verified\.parquet"):
        written(tmp_path, "m.1", "start")


def test_a_pool_that_samples_the_other_questions_is_rejected() -> None:
    pools = {"some": POOL.model_dump(), "more": {"kind": "adaptive", "of": "some", "samples": 1}}
    with pytest.raises(ConfigError, match="'some' samples a part of the questions"):
        adaptive(pools=pools)
