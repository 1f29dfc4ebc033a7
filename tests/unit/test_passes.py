"""Passes of a step: cut by tokens, they yield the same gradient as row by row; so does the CPU loss."""

from pathlib import Path
from typing import Any

import pytest
import torch
from trl import SFTTrainer

from hsir.config.training import Dpo, Offline, Sft
from hsir.storage.models import load_model, load_tokenizer
from hsir.training.finetune import arguments, dpo, finetune, length, sft
from hsir.training.passes import cut
from tests.trained import rows

SHAPE: dict[str, Any] = {"batch_size": 6, "device_batch_size": 3, "epochs": 1, "learning_rate": 1e-3}
KINDS: list[Offline] = [Sft(**SHAPE), Dpo(**SHAPE, beta=0.3)]
IDS = ["sft", "dpo"]


def made(embedded: Path, folder: Path, options: Offline) -> Any:
    """A trainer whose policy has already left where it began."""
    shared = {"model": load_model(str(embedded), "float32"), "processing_class": load_tokenizer(str(embedded))}
    given = arguments(options, 0, folder, options.steps(6))
    some = rows(options, 6)
    trainer = dpo(shared, some, options, given) if isinstance(options, Dpo) else sft(shared, some, given)
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in trainer.model.parameters():
            weight.add_(0.005 * torch.randn(weight.shape, generator=noise))
    trainer.create_optimizer()
    return trainer


def gradient(trainer: Any, budget: int | None) -> tuple[float, torch.Tensor]:
    """Return loss and gradient of all rows as one step."""
    trainer.tokens_per_pass, trainer.current_gradient_accumulation_steps = budget, 1
    trainer.model.zero_grad()
    batch = trainer.data_collator([trainer.train_dataset[n] for n in range(6)])
    loss = trainer.training_step(trainer.model, batch, trainer._get_num_items_in_batch([batch], torch.device("cpu")))
    return loss.item(), torch.cat([weight.grad.flatten() for weight in trainer.model.parameters()])


# A pair's margin is a difference of sums of hundreds of nats, which float32 holds to 1e-5.
@pytest.mark.parametrize(("options", "within"), [(KINDS[0], 1e-6), (KINDS[1], 1e-5)], ids=IDS)
def test_the_gradient_of_a_step_is_that_of_one_row_passes(
    options: Offline, within: float, embedded: Path, tmp_path: Path
) -> None:
    trainer = made(embedded, tmp_path, options)
    alone, wanted = gradient(trainer, 1)
    for budget in (45, 120, 10_000, None):
        loss, found = gradient(trainer, budget)
        assert loss == pytest.approx(alone, rel=within)
        assert (found - wanted).norm() < within * wanted.norm()


def test_on_the_cpu_the_loss_is_trls(embedded: Path, tmp_path: Path) -> None:
    trainer = made(embedded, tmp_path, KINDS[0])
    found = gradient(trainer, None)
    given: list[dict[str, Any]] = []
    trainer.model.register_forward_pre_hook(lambda _, __, given_: given.append(given_), with_kwargs=True)
    gradient(trainer, None)
    assert "attention_mask" not in given[0] and not given[0].get("fused_lm_head"), "logits are computed once"
    trainer.__class__ = SFTTrainer
    wanted = gradient(trainer, None)
    assert given[1]["fused_lm_head"]
    assert found[0] == pytest.approx(wanted[0], rel=1e-6)
    assert (found[1] - wanted[1]).norm() < 1e-6 * wanted[1].norm()


@pytest.mark.parametrize(("options", "texts"), [*zip(KINDS, (1, 2), strict=True)], ids=IDS)
def test_a_pass_holds_no_more_tokens_than_it_may(options: Offline, texts: int, embedded: Path) -> None:
    budget = 90 * texts
    by_tokens = options.model_copy(update={"tokens_per_pass": budget})
    model = load_model(str(embedded), "float32")
    shapes: list[torch.Size] = []
    model.register_forward_pre_hook(
        lambda module, _, given: shapes.append(given["input_ids"].shape) if module.training else None, with_kwargs=True
    )
    told = finetune(model, load_tokenizer(str(embedded)), rows(options), by_tokens).told
    assert (told["examples"], told["steps"], told["tokens"]) == (12, 2, sum(map(length, rows(options))))
    assert sum(shape[0] for shape in shapes) == 12 * texts
    assert all(shape.numel() <= budget for shape in shapes) and 2 < len(shapes) < 12


@pytest.mark.parametrize("options", KINDS, ids=IDS)
def test_cut_by_tokens_or_by_rows_a_policy_is_the_same(options: Offline, embedded: Path) -> None:
    tokenizer, found = load_tokenizer(str(embedded)), []
    for budget in (None, 1, 150):
        model = load_model(str(embedded), "float32")
        finetune(model, tokenizer, rows(options), options.model_copy(update={"tokens_per_pass": budget}))
        found.append(torch.cat([weight.detach().flatten() for weight in model.parameters()]))
    start = torch.cat([w.detach().flatten() for w in load_model(str(embedded), "float32").parameters()])
    moved = (found[0] - start).abs().mean()
    assert moved > 1e-5
    assert all((one - found[0]).abs().mean() < 1e-3 * moved for one in found[1:])


@pytest.mark.parametrize(
    ("lengths", "budget", "wanted"),
    [
        ([], 10, []),
        ([3, 4, 5], 15, [(0, 3)]),
        ([3, 4, 5], 14, [(0, 2), (2, 3)]),
        ([3, 4, 20, 5], 10, [(0, 2), (2, 3), (3, 4)]),
        ([9, 1, 1, 1], 18, [(0, 2), (2, 4)]),
    ],
)
def test_rows_are_cut_in_their_order(lengths: list[int], budget: int, wanted: list[tuple[int, int]]) -> None:
    assert [(one.start, one.stop) for one in cut(lengths, budget)] == wanted
