"""Preference learning: pairs, and a loss that equals one written by hand in float64."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import logsigmoid

from hsir.config.schema import Method
from hsir.config.training import Dpo
from hsir.selection.pairs import Sampled, draw, losers
from hsir.storage import tables
from hsir.storage.models import load_model, load_tokenizer
from hsir.training.dpo import PairTrainer, mean_nll, preferences
from hsir.training.finetune import arguments, dpo, length

OPTIONS = Dpo(batch_size=3, device_batch_size=3, epochs=1, beta=0.3, nll_weight=0.7)
ROWS: list[tables.Row] = [
    {"sample_id": str(n), "prompt_ids": [10, 20 + n], "completion_ids": list(range(30, 33 + 7 * n)),
     "loser_ids": list(range(60, 75 - 4 * n))}
    for n in range(3)
]  # fmt: skip


def log_probs(model: Any, prompt: list[int], completion: list[int]) -> torch.Tensor:
    """Return log p of each completion token, one text at a time, in float64."""
    ids = torch.tensor([[*prompt, *completion]])
    logits = model(input_ids=ids).logits[0, len(prompt) - 1 : -1].double()
    return logits.log_softmax(-1)[torch.arange(len(completion)), torch.tensor(completion)]


@torch.no_grad()
def by_hand(policy: Any, reference: Any) -> tuple[float, float, float, float]:
    """Return the loss of the three pairs, its NLL part, that part averaged over all tokens instead, and the margin."""
    preference, nll, tokens, margins = [], [], [], []
    for row in ROWS:
        won, lost = (
            [log_probs(model, row["prompt_ids"], row[key]) for model in (policy, reference)]
            for key in ("completion_ids", "loser_ids")
        )
        margin = (won[0].sum() - won[1].sum()) - (lost[0].sum() - lost[1].sum())
        preference.append(-logsigmoid(0.3 * margin))
        margins.append(0.3 * margin)
        nll.append(-won[0].mean())
        tokens.append(won[0])
    a_sequence, a_token = torch.stack(nll).mean().item(), -torch.cat(tokens).mean().item()
    loss = torch.stack(preference).mean().item() + 0.7 * a_sequence
    return loss, a_sequence, a_token, torch.stack(margins).mean().item()


@pytest.fixture
def trainer(embedded: Path, tmp_path: Path) -> PairTrainer:
    """A trainer whose policy has already left its reference."""
    shared = {"model": load_model(str(embedded), "float32"), "processing_class": load_tokenizer(str(embedded))}
    made = dpo(shared, ROWS, OPTIONS, arguments(OPTIONS, 0, tmp_path, 2))
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in made.model.parameters():
            weight.add_(0.02 * torch.randn(weight.shape, generator=noise))
    assert isinstance(made, PairTrainer)
    return made


def test_the_loss_is_the_one_written_by_hand(trainer: PairTrainer, embedded: Path) -> None:
    batch = trainer.data_collator([trainer.train_dataset[n] for n in range(3)])
    got = trainer._compute_loss(trainer.model, batch, False).item()
    wanted, a_sequence, a_token, margin = by_hand(trainer.model.eval(), load_model(str(embedded), "float32"))
    assert got == pytest.approx(wanted, rel=1e-6)
    (noted,) = (noted for noted in trainer._metrics.values() if noted)
    (step,) = preferences([{"step": 1, **{name: one for name, (one,) in noted.items()}}])["course"]
    assert step["nll"] == pytest.approx(a_sequence, rel=1e-5) and step["margin"] == pytest.approx(margin, rel=1e-4)
    # What TRL's own mean over the micro-batch's tokens would give lies far off.
    assert abs(a_sequence - a_token) > 1e-2
    assert abs(got - (wanted + 0.7 * (a_token - a_sequence))) > 1e-3


def test_long_winners_weigh_no_more_than_short_ones() -> None:
    given = torch.tensor([[-1.0, 0.0, 0.0, 0.0], [-3.0, -3.0, -3.0, -3.0]])
    mask = torch.tensor([[1, 0, 0, 0], [1, 1, 1, 1]])
    assert mean_nll(given, mask).item() == 2.0


def test_a_pair_is_as_long_as_both_its_texts() -> None:
    assert length(ROWS[0]) == 2 + 3 + 2 + 15
    assert length(ROWS[0] | {"loser_ids": None}) == 2 + 3


def test_losers_are_of_the_winners_question() -> None:
    by_question = losers([Sampled("b", "b9"), Sampled("a", "a2"), Sampled("b", "b1")])
    assert by_question == {"a": [Sampled("a", "a2")], "b": [Sampled("b", "b1"), Sampled("b", "b9")]}
    drawn = draw([Sampled("a", "a1"), Sampled("b", "b2"), Sampled("c", "c1")], by_question, 0)
    assert drawn.keys() == {"a1", "b2"}
    assert drawn["a1"] == "a2" and drawn["b2"] in {"b1", "b9"}


def test_draws_follow_the_seed_and_no_other_question() -> None:
    by_question = {"a": [Sampled("a", f"a{n}") for n in range(50)], "b": [Sampled("b", "b1")]}
    alone = draw([Sampled("a", "w")], by_question, 3)
    assert draw([Sampled("b", "v"), Sampled("a", "w")], by_question, 3)["w"] == alone["w"]
    assert len({draw([Sampled("a", "w")], by_question, seed)["w"] for seed in range(20)}) > 5


def test_the_nearest_loser_is_nearest_in_length() -> None:
    by_question = losers([Sampled("a", f"a{n}", 10 * n) for n in range(9)])
    assert draw([Sampled("a", "w", 34), Sampled("a", "v", 99)], by_question, 0, "nearest") == {"w": "a3", "v": "a8"}
    assert {draw([Sampled("a", "w", 35)], by_question, seed, "nearest")["w"] for seed in range(20)} == {"a3", "a4"}


def test_a_recycled_winner_is_paired_with_the_solution_that_it_was_cut_from() -> None:
    by_question = losers([Sampled("a", f"a{n}") for n in range(9)])
    assert draw([Sampled("a", "w", parent_id="a7")], by_question, 0, "parent") == {"w": "a7"}
    # Sampled from scratch, or from a solution that is too long to be a loser: any failed one.
    for winner in (Sampled("a", "w"), Sampled("a", "w", parent_id="long")):
        assert len({draw([winner], by_question, seed, "parent")["w"] for seed in range(20)}) > 5


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"pools": ["k10"], "select": [{"kind": "right"}]}, r"learns only from pairs; set given: \[\]"),
        ({"given": [], "iterations": 0}, "needs correct and failed solutions"),
    ],
)
def test_preference_learning_needs_pools_and_nothing_given(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Method.model_validate({"train": {"kind": "dpo"}, **fields})


def test_the_defaults_are_the_papers() -> None:
    assert Dpo().start_from == "parent"
    assert (Dpo().beta, Dpo().nll_weight, Dpo().batch_size, Dpo().learning_rate) == (0.1, 0.5, 16, 1e-6)
