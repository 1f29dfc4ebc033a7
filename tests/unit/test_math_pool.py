"""Workers with a hard deadline: order, death, delay, and clean-up."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from hsir.grading.pool import Pool

WORKER = "tests.pool_worker"


@pytest.fixture
def pools() -> Iterator[list[Pool]]:
    """Pools that are closed behind the test."""
    made: list[Pool] = []
    yield made
    for pool in made:
        pool.close()


def make(pools: list[Pool], workers: int = 2, deadline: float = 60.0) -> Pool:
    pools.append(Pool(WORKER, workers, deadline))
    return pools[-1]


def tasks(answers: list[Any]) -> list[Any]:
    """Return what was asked, without the process that answered."""
    return [answer and answer[0] for answer in answers]


def test_answers_come_in_the_order_of_the_tasks(pools: list[Pool]) -> None:
    pool = make(pools)
    asked = [0.3, *range(40), 0.1, "x" * 200_000, "\ud800\x00\n"]
    assert tasks(pool.run(asked)) == asked
    assert pool.run([]) == []
    assert len(pool.workers) == 2


def test_no_more_workers_start_than_there_are_tasks(pools: list[Pool]) -> None:
    pool = make(pools, workers=8)
    assert pool.workers == []
    pool.run(["a", "b"])
    assert len(pool.workers) == 2


def test_a_worker_that_dies_takes_one_task_with_it(pools: list[Pool]) -> None:
    pool = make(pools)
    asked = ["a", "die", "b", "die", *"cdefg"]
    assert tasks(pool.run(asked)) == [None if task == "die" else task for task in asked]
    assert tasks(pool.run(["again"])) == ["again"]


def test_a_worker_killed_between_two_runs_is_replaced(pools: list[Pool]) -> None:
    pool = make(pools, workers=1)
    ((_, first),) = pool.run(["a"])
    pool.workers[0].process.kill()
    pool.workers[0].process.wait()
    lost, (_, second) = pool.run(["b", "c"])
    assert lost is None
    assert first != second


def test_a_late_worker_is_killed_and_the_next_tasks_continue(pools: list[Pool]) -> None:
    pool = make(pools, workers=1, deadline=2.0)
    (_, slow), late, (_, new) = pool.run(["a", 600.0, "b"])
    assert late is None
    assert slow != new
    with pytest.raises(ProcessLookupError):
        os.kill(slow, 0)


def test_a_worker_that_cannot_start_is_named_with_a_fix(pools: list[Pool]) -> None:
    pools.append(Pool("tests.no_such_worker", 2, 1.0))
    with pytest.raises(RuntimeError, match=r"tests\.no_such_worker did not start; run `python -m tests\.no_such"):
        pools[0].run(["a", "b"])


def test_nothing_is_left_after_a_close(pools: list[Pool]) -> None:
    pool = make(pools)
    pids = {answer[1] for answer in pool.run([0.2, 0.2, "a"])}
    processes = [worker.process for worker in pool.workers]
    pool.close()
    pool.close()
    assert pool.workers == []
    assert all(process.returncode is not None for process in processes)
    assert {process.pid for process in processes} == pids
    assert tasks(pool.run(["anew"])) == ["anew"]
