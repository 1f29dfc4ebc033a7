"""The budget: what is sampled once, what is measured, what is assumed."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from hsir.config import Plan, load
from hsir.config.pools import ProbePool
from hsir.errors import InputError
from hsir.planning.budget.assumptions import Assumptions, assumptions
from hsir.planning.budget.done import done
from hsir.planning.budget.estimate import Estimator, Item, drawn
from hsir.planning.budget.measured import gather
from hsir.planning.budget.summary import Row, hours, rows, size, total
from hsir.planning.budget.work import Draw, Training, work
from hsir.tasks import Task
from hsir.tasks.strategyqa import POOLED

RIGHT = [{"kind": "right"}]
CAPPED = [*RIGHT, {"kind": "indiv", "threshold": -0.5}, {"kind": "at_most", "per_question": 2}]
RAW: dict[str, Any] = {
    "run": "one",
    "runs": {
        "one": {
            "models": ["m"], "tasks": ["sums"], "methods": ["start", "plain", "both"], "benchmarks": ["sums", "hub"],
        },
    },
    "models": {"m": {"path": "owner/model-2B"}},
    "tasks": {
        "sums": {
            "task": {"kind": "chains", "seed": 10, "unlabelled": 20, "test": 30},
            "settings": {"sample": {"max_new_tokens": 100, "shards": 3}, "evaluate": {"max_new_tokens": 60}},
        },
        "hub": {"task": {"kind": "gsm8k"}},
        "nowhere": {"task": {"kind": "jsonl", "test": "no/such.jsonl"}},
    },
    "methods": {
        "start": {"iterations": 0},
        "plain": {"initial": "start", "pools": ["k10"], "select": RIGHT, "iterations": 2},
        "both": {"initial": "start", "pools": ["k10", "k10-veriexit"], "score": "indiv", "select": CAPPED},
        "capped": {
            "initial": "start", "pools": ["k10", "k10-veriexit"], "score": "indiv",
            "select": [*RIGHT, {"kind": "at_most", "per_question": 3}, {"kind": "indiv"}],
        },
        "pairs": {"initial": "start", "given": [], "pools": ["k10"], "select": RIGHT, "train": {"kind": "dpo"}},
        "rl": {
            "initial": "start", "given": ["questions"],
            "train": {"kind": "grpo", "batch_size": 4, "group_size": 5, "max_steps": 6, "max_new_tokens": 50},
        },
        "framed": {"initial": "start", "pools": ["quoting"], "select": RIGHT},
        "hinted": {"initial": "start", "pools": ["k10", "k10-hint"], "select": RIGHT},
    },
    "pools": {
        "asking": {"kind": "guide", "samples": 2, "template": "{question}"},
        "quoting": {"kind": "guide", "of": "asking", "samples": 3, "template": "{question} {previous}"},
    },
}  # fmt: skip


def planned(tmp_path: Path, *methods: str, run: dict[str, Any] | None = None, **assumed: Any) -> dict[str, Item]:
    """Estimate the run, with the methods given, by the results in the folder; return items by name."""
    given = {"runs": {"one": RAW["runs"]["one"] | ({"methods": list(methods)} if methods else {}) | (run or {})}}
    plan = Plan(load(RAW | given, Path("nowhere")))
    estimator = Estimator(plan, gather([tmp_path], plan), Assumptions(**assumed))
    items = estimator.items(work(plan, ["one"]))
    found = {f"{item.stage}: {item.name}": item for item in items}
    assert len(found) == len(items), "nothing is planned twice"
    return found


def test_a_pool_that_methods_share_is_drawn_once() -> None:
    plan = Plan(load(RAW, Path("nowhere")))
    todo = work(plan, ["one", "one"])
    drawn = Counter((one.policy, one.pool) for one in todo.draws if not one.pool.startswith("eval/"))
    assert drawn == {("start", "k10"): 1, ("start", "k10-veriexit"): 1, ("plain.1", "k10"): 1}
    assert todo.trainings == tuple(Training("m", "sums", 0, name) for name in ("start", "plain.1", "plain.2", "both.1"))
    assert {one.pool for one in todo.scorings} == {"k10", "k10-veriexit"}
    assert Draw("m", "sums", 0, "both.1", "eval/hub") in todo.draws


def test_what_a_policy_comes_from_is_made_but_not_evaluated() -> None:
    plan = Plan(load(RAW | {"runs": {"one": RAW["runs"]["one"] | {"methods": ["both"]}}}, Path("nowhere")))
    todo = work(plan, ["one"])
    assert [one.policy for one in todo.trainings] == ["start", "both.1"]
    assert {one.policy for one in todo.draws if one.pool.startswith("eval/")} == {"both.1"}


@pytest.mark.parametrize(
    ("name", "jobs", "samples", "tokens"),
    [
        ("sample: sums/seed0/start/k10", 3, 200, 200 * 50),
        ("sample: sums/seed0/start/k10-veriexit", 3, 200 * 0.5 * 0.2 * 5, 100 * 32),
        ("evaluate: sums/seed0/both.1/eval/sums", 1, 30, 30 * 30),
        ("evaluate: sums/seed0/both.1/eval/hub", 1, 1319, 1319 * 2048),
        # Half of what was drawn is right, and a recycled solution is as long as one drawn afresh.
        ("score: sums/seed0/start/k10-veriexit, indiv", 1, 50, 50 * 50),
        # Three epochs in batches of 32: of 10 given ones; with the right half of 200; with two for each question.
        ("train: sums/seed0/start", 1, 3 * 32, 96 * 90),
        ("train: sums/seed0/plain.1", 1, 3 * 4 * 32, 384 * 90),
        ("train: sums/seed0/both.1", 1, 3 * 2 * 32, 192 * 90),
    ],
)
def test_amounts_by_assumption(name: str, jobs: int, samples: float, tokens: float, tmp_path: Path) -> None:
    item = planned(tmp_path, recyclable=0.2, prompt_tokens=40)[name]
    assert (item.jobs, item.samples, item.tokens) == (jobs, pytest.approx(samples), pytest.approx(tokens))


@pytest.mark.parametrize(
    ("method", "name", "samples", "tokens"),
    [
        ("framed", "sample: sums/seed0/start/quoting", 20 * 2 * 3, 120 * 50),
        ("hinted", "sample: sums/seed0/start/k10-hint", 20 * 0.2 * 10, 40 * 50),
        # 10 given, and 70 % of three for each question: two batches.
        ("capped", "train: sums/seed0/capped.1", 3 * 2 * 32, 192 * 250),
        # 100 pairs, three epochs in batches of 16, both sides.
        ("pairs", "train: sums/seed0/pairs.1", 3 * 7 * 16, 336 * 2 * 250),
        ("rl", "train: sums/seed0/rl.1", 6 * 4 * 5, 120 * 225),
    ],
)  # fmt: skip
def test_amounts_of_other_pools_and_trainings(
    method: str, name: str, samples: float, tokens: float, tmp_path: Path
) -> None:
    item = planned(tmp_path, method)[name]
    assert (item.samples, item.tokens) == (pytest.approx(samples), pytest.approx(tokens))


@pytest.mark.parametrize(
    ("options", "answers"),
    [
        ({}, 200 * 0.5 * 16), ({"mentions": True}, 200 * 0.5 * 16 * 0.25), ({"unsolved": True}, 200 * 0.1 * 16),
        ({"per_question": 2, "samples": 3, "most": 4}, 20 * 2 * 4 * 3),
    ],
)  # fmt: skip
def test_probes_are_counted_by_what_is_probed(options: dict[str, Any], answers: float) -> None:
    assumed = {"failed": 0.5, "mentioned": 0.25, "unsolved": 0.1}
    pool = ProbePool.model_validate({"kind": "probe", "of": "k10", **options})
    assert drawn(pool, 20, 200, assumed.__getitem__) == pytest.approx(answers)


def test_time_is_arithmetic_over_what_a_gpu_does(tmp_path: Path) -> None:
    item = planned(tmp_path, sampling_teraflops=4)["sample: sums/seed0/start/k10"]
    assert item.seconds == pytest.approx(10_000 * 2 * 2e9 / 4e12) == item.gpu_seconds
    assert set(item.assumed) == {"length", "sampling_teraflops", "least_parameters"}


def test_a_set_of_unknown_size_is_assumed_and_named(tmp_path: Path) -> None:
    item = planned(tmp_path, "start", run={"benchmarks": ["nowhere"]}, questions=77)[
        "evaluate: sums/seed0/start/eval/nowhere"
    ]
    assert item.samples == 77 and "questions" in item.assumed


def ledger(folder: Path, policy: str, **pools: tuple[int, int]) -> None:
    """Write what a finished policy leaves: a ledger, a funnel, an evaluation and how long that took."""
    entry = {"sample_seconds": 10.0, "device_seconds": 20.0}
    at = folder / "m/sums/seed0" / policy
    drawn = {
        name.replace("_", "-"): {"samples": n, "generated_tokens": tokens, **entry}
        for name, (n, tokens) in pools.items()
    }
    scored = {"scored_tokens": 500, "score_seconds": 5.0, "device_seconds": 0.0}
    trained = {"training_tokens": 4321, "train_seconds": 4.0, "device_seconds": 4.0, "samples": 0}
    steps = [{"total": 100, "by_pool": {"k10": 100}}, {"total": 25, "by_pool": {"k10": 25}}]
    for path, told in {
        at / "ledger.json": {"pools": drawn, "scored": scored, "training": trained},
        at / "funnel.json": {"steps": steps},
        at / "train.cost.json": {"seconds": 4.0, "devices": 1},
        at / "eval/sums.json": {"questions": 30, "tokens": {"mean": 20.0}},
        at / "eval/sums/samples/0-of-1.cost.json": {"seconds": 3.0, "devices": 1},
        folder / "m/sums/seed0/start/k10/samples/0-of-3.cost.json": {"seconds": 7.0, "devices": 2},
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(told))


def test_what_was_measured_wins_over_what_is_assumed(tmp_path: Path) -> None:
    ledger(tmp_path, "both.1", k10=(200, 6000), k10_veriexit=(80, 400))
    items = planned(tmp_path)
    fresh, recycled = items["sample: sums/seed0/start/k10"], items["sample: sums/seed0/start/k10-veriexit"]
    assert (fresh.samples, fresh.tokens, fresh.assumed) == (200, pytest.approx(6000), ())
    assert (recycled.samples, recycled.tokens, recycled.assumed) == (pytest.approx(80), pytest.approx(400), ())
    # 6,400 tokens in 20 s of jobs, each with two GPUs.
    assert fresh.seconds == pytest.approx(6000 / 320) and fresh.gpu_seconds == pytest.approx(2 * 6000 / 320)
    assert items["score: sums/seed0/start/k10, indiv"].samples == pytest.approx(50), "a quarter is right"
    assert items["train: sums/seed0/both.1"].tokens == 4321
    assert items["evaluate: sums/seed0/plain.2/eval/sums"].seconds == pytest.approx(3.0)
    # Of another iteration, only the speed and the length are known.
    assert "kept" not in items["train: sums/seed0/plain.2"].assumed


def test_what_is_done_is_what_finished_jobs_tell(tmp_path: Path) -> None:
    ledger(tmp_path, "both.1", k10=(200, 6000))
    plan = Plan(load(RAW, Path("nowhere")))
    found = {f"{item.stage}: {item.name}": item for item in done(plan, work(plan, ["one"]), tmp_path)}
    assert found == {
        "sample: sums/0/start/k10": Item("m", "sample", "sums/0/start/k10", 1, 200, 6000, 7.0, 14.0),
        "evaluate: sums/0/both.1/eval/sums": Item("m", "evaluate", "sums/0/both.1/eval/sums", 1, 30, 600.0, 3.0, 3.0),
        "train: sums/0/both.1": Item("m", "train", "sums/0/both.1", 1, 0, 4321, 4.0, 4.0),
    }


def test_a_broken_file_of_an_earlier_run_is_named(tmp_path: Path) -> None:
    ledger(tmp_path, "both.1", k10=(200, 6000))
    path = tmp_path / "m/sums/seed0/both.1/ledger.json"
    path.write_text("{")
    with pytest.raises(InputError, match=r"ledger\.json: cannot be read as JSON"):
        planned(tmp_path)


def test_disk_holds_policies_tables_and_the_states_of_trainings_at_once(tmp_path: Path) -> None:
    plan = Plan(load(RAW, Path("nowhere")))
    todo = work(plan, ["one"])
    estimator = Estimator(plan, gather([], plan), assumptions(["trainings_at_once=2", "bytes_per_token=1e-9"]))
    assert estimator.disk(todo, estimator.items(todo)) == pytest.approx(2e9 * (4 * 4 + 2 * (4 + 3 * 12)))


def test_rows_add_up() -> None:
    items = [Item("m", "train", "a", 1, 2, 3, 3600, 7200, ("kept",)), Item("m", "train", "b", 1, 2, 3, 1800, 0, ())]
    drawn = Item("m", "sample", "c", 4, 5, 6, 0, 0)
    listed = rows([*items, drawn])
    assert listed == [Row("m", "sample", 4, 5, 6, 0, 0, ()), Row("m", "train", 2, 4, 6, 1.5, 2.0, ("kept",))]
    assert total(listed) == Row("", "all", 6, 5, 12, 1.5, 2.0, ())
    assert total([]) == Row("", "all", 0, 0, 0, 0, 0, ())


@pytest.mark.parametrize("given", ["kept=2", "kept", "keep=0.5", "kept=half"])
def test_an_assumption_that_is_invalid_is_reported_with_those_there_are(given: str) -> None:
    with pytest.raises(InputError, match=r"--assume ke.*known: questions, prompt_tokens"):
        assumptions([given])


@pytest.mark.parametrize(("count", "text"), [(5e5, "0.5 MB"), (2.5e9, "2.5 GB"), (12e12, "12.0 TB")])
def test_bytes_are_written_in_a_fitting_unit(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("name", "text"), [("train.jsonl", "{}\n\n{}\n" + "{}\n" * 10), ("test.jsonl", "{}\n" * 5)])
def test_a_local_copy_is_counted_in_place_of_the_published_number(name: str, text: str, tmp_path: Path) -> None:
    task = TypeAdapter(Task).validate_python({"kind": "gsm8k", "path": tmp_path, "seed_size": 4})
    assert (task.size("unlabelled"), task.size("test")) == (7469, 1319), "where nothing is there, as published"
    (tmp_path / name).write_text(text)
    expected = {"train.jsonl": (8, 1319), "test.jsonl": (7469, 5)}[name]
    assert (task.size("unlabelled"), task.size("test")) == expected and task.size("seed") == 4
    alone = task.model_copy(update={"path": tmp_path / name})
    assert (alone.size("unlabelled"), alone.size("test")) == expected, "a file holds one part"


def test_questions_that_are_parted_here_are_counted_together(tmp_path: Path) -> None:
    task = TypeAdapter(Task).validate_python({"kind": "strategyqa", "path": tmp_path, "seed_size": 4})
    for name in POOLED[0]:
        (tmp_path / name).write_text(json.dumps([{}] * 400))
    every = 400 * len(POOLED[0])
    assert (task.size("test"), task.size("unlabelled")) == (min(687, every), max(0, max(0, every - 687) - 4))


def test_without_a_gpu_hours_are_those_of_a_cpu_thread(tmp_path: Path) -> None:
    plan = Plan(load(RAW, Path("nowhere")))
    found = gather([tmp_path], plan)
    here, there = (Estimator(plan, found, Assumptions(), on_cpu) for on_cpu in (True, False))
    one = Training("m", "sums", 0, "start")
    on_cpu, on_gpu = here.item(one), there.item(one)
    assert on_cpu.gpu_seconds == 0 and "cpu_teraflops" in on_cpu.assumed and "training_teraflops" not in on_cpu.assumed
    assert on_cpu.seconds == pytest.approx(on_cpu.tokens * 6 * 2e9 / 0.03e12) and on_gpu.gpu_seconds == on_gpu.seconds
    found.add(10.0, 10.0, "devices", "sample", "m")
    assert not Estimator(plan, found, Assumptions(), on_cpu=True).on_cpu, "it was measured on one, of another machine"
    assert hours(True) == ("CPU-hours",) and "GPU-hours" in hours(False)
