"""Pools that sample a part of the questions: each iteration has its own part."""

from pathlib import Path
from typing import Any

import pytest

from hsir.config import Plan, load
from hsir.config.pools import SamplePool
from hsir.errors import ConfigError, InputError
from hsir.planning.budget.assumptions import Assumptions
from hsir.planning.budget.estimate import Estimator
from hsir.planning.budget.measured import gather
from hsir.planning.budget.work import Draw
from hsir.report import pools, quartiles, recycled
from hsir.report.run import Cell, Drawn, Made
from hsir.sampling.asked import parted
from hsir.stages import ask
from hsir.stages.sample import planned as prompts_of
from hsir.storage import tables
from hsir.tasks.chains import Chains
from tests.unit.test_keep_stages import question

THIRD = {"kind": "sample", "samples": 2, "parts": 3}
POOL = SamplePool.model_validate(THIRD)


def plan(folder: Path = Path("nowhere"), **more: Any) -> Plan:
    """Make the plan of a method with three iterations on thirds of the questions."""
    method = {"initial": "start", "pools": ["third", "third-exit"], "select": [{"kind": "right"}], "iterations": 3}
    raw = {
        "run": "r", "results": str(folder),
        "runs": {"r": {"models": ["tiny"], "tasks": ["sums"], "methods": ["m"]}}, "models": {"tiny": {"path": "x"}},
        "tasks": {"sums": {"task": {"kind": "chains", "unlabelled": 30}}},
        "methods": {"start": {"iterations": 0}, "m": method},
        "pools": {"third": THIRD, "third-exit": {"kind": "veriexit", "of": "third", "samples": 1}} | more,
    }  # fmt: skip
    return Plan(load(raw, folder))


def test_the_parts_are_all_questions_once_and_begin_again_after_the_last() -> None:
    asked = {f"q{n}": question(f"q{n}") for n in range(8)}
    parts = [[row["question_id"] for row in parted(asked, POOL, number)] for number in range(4)]
    assert parts[:3] == [["q0", "q3", "q6"], ["q1", "q4", "q7"], ["q2", "q5"]] and parts[3] == parts[0]
    assert sorted(name for part in parts[:3] for name in part) == sorted(asked)


def written(folder: Path, number: int, questions: int = 6, pool: SamplePool = POOL) -> Path:
    """Write the prompts of a part by the stage itself."""
    rows = [question(f"q{n}") for n in range(questions)]
    tables.write("questions", rows, folder / "questions.parquet", tables.opening([5]))
    out = folder / "asked.parquet"
    ask.main(folder / "questions.parquet", pool, Chains(kind="chains"), "x", out, part=number)
    return out


def test_a_part_has_the_samples_that_its_questions_have_in_a_whole_pool(tmp_path: Path) -> None:
    part = prompts_of(written(tmp_path, 1), POOL, "k2", seed=3)
    whole = prompts_of(tmp_path / "questions.parquet", SamplePool(kind="sample", samples=2), "k2", seed=3)
    assert [one.sample_id for one in part] == ["q1-k2-0000", "q1-k2-0001", "q4-k2-0000", "q4-k2-0001"]
    assert part == [one for one in whole if one.question_id in {"q1", "q4"}]
    assert tables.metadata(tmp_path / "asked.parquet")["options"]["part"] == 1


def test_more_parts_than_questions_are_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 2 questions, too few for 3 parts; lower parts"):
        written(tmp_path, 2, questions=2)


def test_which_part_is_sampled_depends_on_the_policy_alone() -> None:
    assert [plan().iteration(policy) for policy in ("base", "start", "m.1", "m.2")] == [0, 0, 1, 2]


def test_pools_without_parts_are_as_before() -> None:
    plain = SamplePool(kind="sample", samples=2)
    assert "parts" not in plain.model_dump_json() and not plain.asked
    assert POOL.asked and '"parts":3' in POOL.model_dump_json()


@pytest.mark.parametrize(
    "derived",
    [
        {"kind": "hint"},
        {"kind": "adaptive", "samples": 1},
        {"kind": "guide", "template": "{question} {previous}"},
    ],
)
def test_pools_that_would_sample_the_other_questions_are_rejected(derived: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"pools\.more\.of: 'third' samples a part of the questions"):
        plan(more={"of": "third", "samples": 2} | derived)


@pytest.mark.parametrize("derived", [{"kind": "probe"}, {"kind": "majority"}])
def test_pools_of_its_solutions_are_accepted(derived: dict[str, Any]) -> None:
    assert plan(more={"of": "third"} | derived).config.pools["more"].source == "third"


def test_a_plan_counts_the_samples_of_a_part(tmp_path: Path) -> None:
    estimator = Estimator(plan(), gather([tmp_path], plan()), Assumptions())
    assert estimator.item(Draw("tiny", "sums", 0, "m.1", "third")).samples == 30 / 3 * 2


def test_the_report_counts_only_the_questions_of_the_part(tmp_path: Path) -> None:
    made, start = Made(plan(tmp_path)), Cell("tiny", "sums", 0, "start")
    tables.write("questions", [question(f"q{n}") for n in range(6)], made.questions(start), {})
    shape = {"prompt_ids": [1], "completion": "c", "completion_ids": [1], "n_tokens": 1, "n_generated": 1}
    row = shape | {"finish": "stop", "seed": 1}
    third, exits = Drawn(start, "third"), Drawn(start, "third-exit")
    rows = [row | {"sample_id": f"q{q}-third-{n}", "question_id": f"q{q}"} for q in (0, 3) for n in (0, 1)]
    tables.write("samples", rows, made.shards(third)[0], {})
    said = [{"sample_id": one["sample_id"], "verdict": "wrong", "why": "tags"} for one in rows]
    tables.write("verified", [said[0] | {"verdict": "right"}, *said[1:]], made.table(third, "verified"), {})
    tables.write("samples", [], made.shards(exits)[0], {})
    tables.write("verified", [], made.table(exits, "verified"), {})
    failed = [{"parent_id": one["sample_id"], "question_id": one["question_id"], "prompt_ids": [1]} for one in rows[1:]]
    tables.write("veriexit", failed, made.table(exits, "veriexit"), {})
    for drawn in (third, exits):
        assert [*pools.sampled_levels(made, drawn).index] == ["q0", "q3"]
    counts = recycled._counts(made, exits, third).sum()
    assert (counts["questions"], counts["questions_failed"], counts["questions_unsolved"]) == (2, 2, 1)
    first = Cell("tiny", "sums", 0, "m.1")
    tables.write("filtered", [], made.folder(first) / "filtered.parquet", {})
    assert len(quartiles.counts(made, first)) == 2, "two questions are in two of the four levels"
