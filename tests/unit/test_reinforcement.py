"""Reinforcement learning: rollouts, their groups and rewards, the loss by hand, and what can go wrong."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from hsir.config.settings import Score
from hsir.config.training import Grpo
from hsir.diversity.indiv.reading import Solution
from hsir.diversity.indiv.score import live
from hsir.diversity.indiv.score import score as score_saved
from hsir.errors import HsirError, InputError
from hsir.grading import Number
from hsir.rewards import Accuracy, BaseReward, Indiv, Long2Short, Rollout
from hsir.stages import train as stage
from hsir.storage import tables
from hsir.storage.models import load_model, load_tokenizer
from hsir.tasks.chains import Chains
from hsir.training.finetune import arguments, finetune
from hsir.training.grpo import Asked, checked, grpo, in_order

SHAPE: dict[str, Any] = {
    "batch_size": 2, "group_size": 4, "device_batch_size": 8, "max_steps": 2, "learning_rate": 1e-3,
    "max_new_tokens": 12,
}  # fmt: skip
QUESTIONS = {f"q{n}": {"question_id": f"q{n}", "gold": "4", "options": None} for n in range(6)}
BEFORE_THE_ANSWER = [407, 198, 408, 198]
"""`</think>`, `<answer>`: what follows soon stops, so that rollouts are of unlike lengths."""
ROWS: list[tables.Row] = [
    {"sample_id": f"q{n}-questions", "question_id": f"q{n}", "prompt_ids": [10 + n, *BEFORE_THE_ANSWER],
     "completion_ids": None, "loser_ids": None}
    for n in range(6)
]  # fmt: skip
ASKED = Asked(QUESTIONS, Number(), Score())


def trainer(embedded: Path, folder: Path, **changed: Any) -> Any:
    options = Grpo(**{**SHAPE, **changed})
    shared = {"model": load_model(str(embedded), "float32"), "processing_class": load_tokenizer(str(embedded))}
    return grpo({**shared, "peft_config": None}, ROWS, options, arguments(options, 0, folder, options.max_steps), ASKED)


def test_a_batch_of_rollouts_is_the_same_as_one_of_questions() -> None:
    questions = Grpo(**SHAPE)
    rollouts = Grpo(**{**SHAPE, "batch_size": 8, "batch_counts": "rollouts"})
    assert (rollouts.in_a_step, rollouts.accumulation) == (questions.in_a_step, questions.accumulation) == (2, 1)
    assert in_order(ROWS, rollouts, 3) == in_order(ROWS, questions, 3) and len(in_order(ROWS, rollouts, 3)) == 4


def run(embedded: Path, folder: Path, **changed: Any) -> tuple[dict[str, torch.Tensor], tables.Row]:
    """Train; return how far the weights moved, and what was told."""
    model, options = load_model(str(embedded), "float32"), Grpo(**{**SHAPE, **changed})
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    told, cost, _ = finetune(model, load_tokenizer(str(embedded)), ROWS, options, 0, folder, {"stage": "train"}, ASKED)
    assert [step["step"] for step in cost["steps"]] == [step["step"] for step in told["course"]]
    assert all(step["seconds"] > step.get("indiv", 0.0) >= 0 for step in cost["steps"])
    return {name: tensor - before[name] for name, tensor in model.state_dict().items()}, told


def test_the_history_is_reported_step_by_step(
    embedded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewards = [{"kind": "long2short"}, {"kind": "format"}, {"kind": "indiv"}]
    moved, told = run(embedded, tmp_path, rewards=rewards)
    assert any(tensor.abs().max() > 0 for tensor in moved.values())
    assert [step["step"] for step in told["course"]] == [1, 2]
    assert told["rollouts"] == 16
    assert told["generated_tokens"] + told["prompt_tokens"] == told["tokens"]
    assert told["prompt_tokens"] == 16 * 5
    for step in told["course"]:
        assert set(step["rewards"]) == {"long2short", "format", "indiv"}
        parts = step["rewards"]
        assert step["reward"] == pytest.approx(parts["long2short"] + parts["format"] + 0.2 * parts["indiv"], abs=1e-5)
        assert 0 <= step["clipped"] <= 1 and 0 < step["length"] <= 12
    line = r"hsir: training 2/2 steps, 100 %, [\d,]+ tokens/s, took [\d:]+, loss -?\d\.\d{4}, reward -?\d\.\d{3}\n"
    assert re.search(line, capsys.readouterr().err)


def test_where_all_rewards_are_equal_nothing_is_learnt_and_it_is_reported(embedded: Path, tmp_path: Path) -> None:
    moved, told = run(embedded, tmp_path, rewards=[{"kind": "accuracy"}], beta=0.0)
    assert [step["without_spread"] for step in told["course"]] == [1.0, 1.0]
    assert max(tensor.abs().max().item() for tensor in moved.values()) == 0.0


@pytest.mark.parametrize("high", [None, 0.28])
def test_the_loss_is_the_one_written_by_hand(high: float | None, embedded: Path, tmp_path: Path) -> None:
    """Equations 6 and 7 in float64, over the two passes of a step: both are divided by the tokens of the whole step."""
    made, _ = trainer(embedded, tmp_path, device_batch_size=4, epsilon_high=high)
    model = made.model.double().train()
    made.current_gradient_accumulation_steps = 2
    noise = torch.Generator().manual_seed(0)
    inputs = {
        "prompt_ids": torch.tensor([[10, 20], [11, 21], [12, 22]]), "prompt_mask": torch.ones(3, 2, dtype=torch.long),
        "completion_ids": torch.tensor([[30, 31, 32, 33], [40, 41, 42, 0], [50, 51, 0, 0]]),
        "completion_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0]]),
        "advantages": torch.tensor([1.2, -0.7, 0.4], dtype=torch.float64),
    }  # fmt: skip
    mask, wanted = inputs["completion_mask"].double(), inputs["completion_ids"]
    with torch.no_grad():
        ids = torch.cat([inputs["prompt_ids"], wanted], dim=1)
        logits = torch.stack([model(input_ids=row[None]).logits[0, 1:-1] for row in ids])
    own = logits.log_softmax(-1).gather(-1, wanted[..., None])[..., 0]
    old, reference = (own + 0.3 * torch.randn(own.shape, generator=noise, dtype=torch.float64) for _ in range(2))
    ratio, advantages = (own - old).exp(), inputs["advantages"][:, None]
    gain = torch.minimum(ratio * advantages, ratio.clamp(0.8, 1 + (high or 0.2)) * advantages)
    kl = (reference - own).exp() - (reference - own) - 1
    losses = -(gain - 0.04 * kl) * mask
    assert ((ratio > 1 + (high or 0.2)) & (advantages > 0) & (mask > 0)).any(), "something is clipped"
    inputs |= {"old_per_token_logps": old, "ref_per_token_logps": reference}
    passes = [{name: tensor[rows] for name, tensor in inputs.items()} for rows in (slice(0, 2), slice(2, 3))]
    found = sum(made._compute_loss(model, one | {"num_items_in_batch": torch.tensor(9)}).item() for one in passes)
    assert found == pytest.approx((losses.sum() / 9).item(), abs=1e-6)
    a_sequence = (losses.sum(1) / mask.sum(1)).mean().item()
    assert abs(a_sequence - found) > 1e-3, "a mean of sequences' means is another loss"


def test_advantages_are_taken_within_the_group(embedded: Path, tmp_path: Path) -> None:
    """Equation 8, from the rollouts of a step; ids end with the stop token, or at the limit."""
    made, names = trainer(embedded, tmp_path, rewards=[{"kind": "long2short", "weight": 3.0}, {"kind": "format"}])
    made.model.train()
    inputs = made._generate_and_score_completions([made.train_dataset[n] for n in (0, 0, 0, 0, 1, 1, 1, 1)])
    assert names() == made.train_dataset[:2]["question_id"]
    groups = names.__self__._groups
    rewards = torch.tensor([Long2Short()(group) for group in groups], dtype=torch.float64) * 3
    assert rewards.std() > 0
    wanted = (rewards - rewards.mean(dim=1, keepdim=True)) / (rewards.std(dim=1, keepdim=True) + 1e-4)
    assert inputs["advantages"].tolist() == pytest.approx(wanted.flatten().tolist(), abs=1e-5)
    rows = zip(inputs["completion_ids"], inputs["completion_mask"].bool(), strict=True)
    drawn = [row[mask].tolist() for row, mask in rows]
    rollouts = [one for group in groups for one in group]
    assert [one.n_tokens for one in rollouts] == [len(ids) for ids in drawn]
    for one, ids in zip(rollouts, drawn, strict=True):
        assert one.truncated == (ids[-1] not in made.eos_token_ids)
        assert one.truncated or ids.count(ids[-1]) == 1
        assert len(ids) == 12 or not one.truncated
    assert {one.truncated for one in rollouts} == {True, False}


def test_a_step_in_passes_is_the_step_at_once(embedded: Path, tmp_path: Path) -> None:
    """The rollouts are drawn at once either way; the loss and its gradient are those of the whole step."""
    found = []
    for size in (8, 4, 2):
        changed = {"rewards": [{"kind": "long2short"}], "max_steps": 1, "save_steps": 1}
        run(embedded, tmp_path / str(size), **changed, device_batch_size=size)
        state = json.loads((tmp_path / str(size) / "checkpoint-1" / "trainer_state.json").read_text())
        found.append((state["log_history"][0]["loss"], state["log_history"][0]["grad_norm"]))
    assert found[0][1] > 0.01
    assert found[1:] == [pytest.approx(found[0], rel=1e-3)] * 2


@pytest.mark.parametrize("weights", ["max", "none"])
def test_the_policy_in_training_scores_as_it_would_once_saved(weights: Any, embedded: Path, tmp_path: Path) -> None:
    model = load_model(str(embedded), "float32").train()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.01)
    model.save_pretrained(tmp_path)
    load_tokenizer(str(embedded)).save_pretrained(tmp_path)
    solutions = [Solution(f"s{n}", [10, 20 + n], list(range(30, 40 + n))) for n in range(3)]
    ids = torch.tensor([[10, 20, 30, 31]])
    before, attention = model(input_ids=ids).logits, model.config._attn_implementation
    with live(model, Score(weights=weights)) as scorer:
        found = dict(scorer.score(solutions))
    wanted = dict(score_saved(str(tmp_path), solutions, Score(weights=weights)))
    assert {name: one.indiv for name, one in found.items()} == pytest.approx(
        {name: one.indiv for name, one in wanted.items()}, abs=1e-6
    )
    after = model(input_ids=ids).logits
    assert torch.equal(before, after) and after.requires_grad
    assert model.training and model.config._attn_implementation == attention


def test_only_the_reasoning_is_scored_where_that_is_asked(embedded: Path, tmp_path: Path) -> None:
    options, encoder = Grpo(**SHAPE, rewards=[{"kind": "indiv"}]), load_tokenizer(str(embedded))
    texts = ["<think>\nOne and one is 2.\n</think>\n<answer>\n2", "<think>\n</think>\n<answer>\n2"]
    ids = [encoder(text, add_special_tokens=False)["input_ids"] for text in texts for _ in range(4)]
    found = {}
    for tokens in ("all", "think"):
        made, names = grpo(
            {"model": load_model(str(embedded), "float32"), "processing_class": encoder, "peft_config": None},
            ROWS, options, arguments(options, 0, tmp_path, options.max_steps),
            Asked(QUESTIONS, Number(), Score(tokens=tokens)),
        )  # fmt: skip
        asked = [name for name in ("q0", "q1") for _ in range(4)]
        found[tokens] = names.__self__([[10, 20]] * 8, [""] * 8, ids, asked, lambda *_: None)
        assert made.state.global_step == 0
    (thought, empty), (part, whole) = found["all"], found["think"]
    assert abs(thought[0].indiv - part[0].indiv) > 1e-3
    assert empty[0].indiv == pytest.approx(whole[0].indiv), "one without reasoning is scored as a whole"


class Raising(BaseReward):
    kind: str = "raising"

    def __call__(self, group: list[Rollout]) -> list[float]:
        raise ZeroDivisionError("by nothing")


class Short(Raising):
    def __call__(self, group: list[Rollout]) -> list[float]:
        return [float("nan")]


def test_a_reward_that_raises_in_training_keeps_the_last_checkpoint(
    embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def in_the_second_step(self: BaseReward, group: list[Rollout]) -> list[float]:
        calls.append(len(group))
        if len(calls) > 2:
            raise ZeroDivisionError("by nothing")
        return [float(one.n_tokens) for one in group]

    monkeypatch.setattr(Accuracy, "__call__", in_the_second_step)
    with pytest.raises(HsirError, match=r"the reward accuracy on question q\d failed: ZeroDivisionError"):
        run(embedded, tmp_path, rewards=[{"kind": "accuracy"}], save_steps=1)
    assert (tmp_path / "checkpoint-1" / "whole").is_file()


GROUP = [Rollout("q7-0", "", 3, True, indiv=-2.0), Rollout("q7-1", "", 4, False, indiv=-1.0)]


def test_a_reward_that_raises_is_named_with_its_question() -> None:
    with pytest.raises(HsirError, match=r"the reward raising on question q7 failed: ZeroDivisionError.*checkpoint"):
        checked(Raising(), GROUP)


def test_a_reward_that_is_not_a_number_is_rejected() -> None:
    with pytest.raises(HsirError, match=r"the reward raising on question q7 gave \[nan\], for 2 rollouts"):
        checked(Short(), GROUP)


def test_a_ratio_of_negative_scores_stops_the_training() -> None:
    with pytest.raises(InputError, match="set normalise: exp"):
        checked(Indiv(normalise="ratio"), GROUP)
    assert checked(Accuracy(), GROUP) == [1.0, 0.0]


def test_rollouts_beyond_the_models_positions_are_rejected(embedded: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"question q0: its 5 tokens and max_new_tokens 1020 exceed the 1024 positions"
    ):
        trainer(embedded, tmp_path, max_new_tokens=1020)


def test_groups_that_would_be_torn_apart_are_rejected(embedded: Path, tmp_path: Path) -> None:
    _, names = trainer(embedded, tmp_path)
    rollouts = names.__self__
    with pytest.raises(HsirError, match="a group of rollouts is of q0, q1"):
        rollouts([[1]] * 4, [""] * 4, [[1]] * 4, ["q0", "q0", "q0", "q1"], lambda *_: None)


def test_without_questions_there_is_nothing_to_grade_by(embedded: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give --questions and --task"):
        grpo({}, ROWS, Grpo(**SHAPE), {}, None)


def test_the_stage_asks_for_what_rollouts_are_judged_by(embedded: Path, tmp_path: Path) -> None:
    filtered, options = tmp_path / "f.parquet", Grpo(**SHAPE)
    nothing = {"source": "questions", "difficulty": None, "score": None, "loser_id": None}
    tables.write("filtered", [row | nothing for row in ROWS], filtered, {})
    with pytest.raises(InputError, match="give --questions and --task"):
        stage.main(str(embedded), filtered, options, tmp_path / "p", tmp_path / "t.json")


def test_what_judges_is_part_of_the_making(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("start", "f.parquet", "q.parquet")]
    for path in paths:
        path.write_text(path.name)
    start, filtered, questions = paths

    def made(score: Score, outside_tags: bool) -> tables.Row:
        task = Chains(kind="chains", grading=Number())
        return stage.provenance(str(start), filtered, Grpo(), 0, questions, task, score, outside_tags)

    strict = made(Score(), False)
    assert not tables.same_making(strict, made(Score(), True))
    assert not tables.same_making(strict, made(Score(alpha=0.5), False))
    assert tables.same_making(strict, made(Score(), False))
    assert str(questions) in strict["inputs"]
