"""The order of training examples."""

import pytest
from accelerate.data_loader import SeedableRandomSampler

from hsir.training.order import Order

LENGTHS = [(7 * n) % 23 for n in range(50)]
STEPS_AN_EPOCH = 7


def taken(done: int = 0, blank: int = 0) -> list[int]:
    return list(Order(LENGTHS, 8, blank, seed=5, done=lambda: done))


def steps(order: list[int]) -> list[list[int]]:
    return [order[first : first + 8] for first in range(0, len(order), 8)]


@pytest.mark.parametrize("epoch", [0, 3])
def test_a_step_holds_what_it_would_at_random_and_takes_it_by_length(epoch: int) -> None:
    random = SeedableRandomSampler(LENGTHS, data_seed=5)
    random.set_epoch(epoch)
    order, drawn = steps(taken(epoch * STEPS_AN_EPOCH)), steps(list(random))
    assert [sorted(step) for step in order] == [sorted(step) for step in drawn]
    assert order != drawn
    assert all([LENGTHS[n] for n in step] == sorted(LENGTHS[n] for n in step) for step in order)


def test_every_example_comes_once_and_blanks_last() -> None:
    order = Order(LENGTHS, 8, 6, seed=0, done=lambda: 0)
    once = list(order)
    assert len(order) == len(once) == 56
    assert sorted(once[:50]) == list(range(50)) and once[50:] == list(range(50, 56))


def test_epochs_differ_and_one_that_was_cut_off_resumes_in_its_order() -> None:
    begun = [taken(epoch * STEPS_AN_EPOCH) for epoch in range(3)]
    assert begun[0] != begun[1] != begun[2]
    assert all(taken(epoch * STEPS_AN_EPOCH + 6) == begun[epoch] for epoch in range(3))
