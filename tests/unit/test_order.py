"""The order in which a trainer takes examples."""

import pytest
from accelerate.data_loader import SeedableRandomSampler

from hsir.order import Order

LENGTHS = [(7 * n) % 23 for n in range(50)]


def steps(order: list[int], size: int) -> list[list[int]]:
    return [order[first : first + size] for first in range(0, len(order), size)]


@pytest.mark.parametrize("epoch", [0, 3])
def test_a_step_holds_what_it_would_at_random_and_takes_it_by_length(epoch: int) -> None:
    order, random = Order(LENGTHS, 8, 0, seed=5), SeedableRandomSampler(LENGTHS, data_seed=5)
    order.set_epoch(epoch)
    random.set_epoch(epoch)
    taken, drawn = steps(list(order), 8), steps(list(random), 8)
    assert [sorted(step) for step in taken] == [sorted(step) for step in drawn]
    assert taken != drawn
    assert all([LENGTHS[n] for n in step] == sorted(LENGTHS[n] for n in step) for step in taken)


def test_every_example_comes_once_and_blanks_last() -> None:
    order = Order(LENGTHS, 8, 6, seed=0)
    taken = list(order)
    assert len(order) == len(taken) == 56
    assert sorted(taken[:50]) == list(range(50)) and taken[50:] == list(range(50, 56))


def test_epochs_differ_and_a_seed_repeats_them() -> None:
    def of(epoch: int) -> list[int]:
        order = Order(LENGTHS, 8, 0, seed=1)
        order.set_epoch(epoch)
        return list(order)

    assert of(0) == of(0) != of(1) == of(1)
