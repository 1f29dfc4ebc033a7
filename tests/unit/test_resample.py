"""Questions with equal rewards are replaced: which, how often, and what is counted."""

from pathlib import Path
from typing import Any

import pytest
import torch

from hsir.config.training import Grpo
from hsir.rewards import Accuracy, Rollout
from hsir.storage.models import load_model, load_tokenizer
from hsir.training.finetune import finetune
from hsir.training.resample import Asking, Resampling
from tests.unit.test_reinforcement import ASKED, ROWS, SHAPE

QUESTIONS: list[Asking] = [{"question_id": f"q{n}", "prompt": [n]} for n in range(6)]


def exchanged(even: str, rounds: int, process: int = 0, step: int = 0) -> tuple[list[str], Resampling, list[list[str]]]:
    """Exchange the questions q0 and q1, two rollouts each, where those in `even` have no spread."""
    asked: list[list[str]] = []

    def draw(inputs: list[Asking]) -> list[list[int]]:
        asked.append([one["question_id"] for one in inputs])
        return [[7] * 3 for _ in inputs]

    def judge(inputs: Any, ids: Any) -> list[float]:
        return [float(n % 2) * (one["question_id"] not in even) for n, one in enumerate(inputs)]

    made = Resampling(Grpo(resample=rounds, group_size=2), QUESTIONS, 3, judge)
    left = made([QUESTIONS[n] for n in (0, 0, 1, 1)], step, process, draw)
    return [one["question_id"] for one in left], made, asked


def test_a_question_without_spread_gives_way_to_another() -> None:
    left, made, asked = exchanged("q1", 3)
    assert left[:2] == ["q0", "q0"] and left[2] == left[3] not in ("q0", "q1")
    assert (made.exchanged, made.tokens) == (1, 6)
    assert asked == [["q0", "q0", "q1", "q1"], left], "and is looked at again"
    assert exchanged("", 3)[0] == ["q0", "q0", "q1", "q1"]


def test_which_one_follows_from_seed_and_step() -> None:
    found = [exchanged("q1", 1, step=step)[0][2] for step in range(8)]
    assert found == [exchanged("q1", 1, step=step)[0][2] for step in range(8)]
    assert len(set(found)) > 1


def test_it_ends_after_the_rounds_or_when_no_other_is_left() -> None:
    everything = "q0 q1 q2 q3 q4 q5"
    left, made, asked = exchanged(everything, 1)
    assert len(set(left)) == 2 and made.exchanged == 2 and len(asked) == 1
    left, made, asked = exchanged(everything, 9)
    assert len(asked) == 3 and made.exchanged == 4 and made.tokens == 24
    assert {name for names in asked for name in names} == {one["question_id"] for one in QUESTIONS}


def test_a_process_exchanges_its_own() -> None:
    """The places of the first process come first; here the second one sees that none of its own is named."""
    assert exchanged("q0 q1", 1, process=1)[0] == ["q0", "q0", "q1", "q1"]


def test_processes_with_split_weights_would_wait_for_each_other() -> None:
    with pytest.raises(ValueError, match=r"devices is zero3, .* set zero2"):
        Grpo(devices={"kind": "zero3", "processes": 2}, resample=1)


@pytest.fixture
def even(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reward rollouts of q0 to q2 alike, others by their place."""

    def reward(self: Accuracy, group: list[Rollout]) -> list[float]:
        return [float(n) * (group[0].name[:2] > "q2") for n in range(len(group))]

    monkeypatch.setattr(Accuracy, "__call__", reward)


@pytest.mark.usefixtures("even")
def test_steps_learn_from_questions_with_spread(embedded: Path, tmp_path: Path) -> None:
    told, weights = {}, []
    for rounds, folder in ((0, "plain"), (5, "one"), (5, "again")):
        options = Grpo(**SHAPE, rewards=[{"kind": "accuracy"}, {"kind": "indiv"}], resample=rounds)
        options = options.model_copy(update={"rewards": options.rewards[:1]}) if rounds else options
        model, encoder = load_model(str(embedded), "float32"), load_tokenizer(str(embedded))
        told[folder] = finetune(model, encoder, ROWS, options, 0, tmp_path / folder, {"stage": "train"}, ASKED).told
        weights.append(torch.cat([weight.flatten() for weight in model.parameters()]))
    assert torch.equal(weights[1], weights[2])
    assert [step["without_spread"] for step in told["one"]["course"]] == [0.0, 0.0]
    unused = sum(step["resampled"] for step in told["one"]["course"])
    assert unused > 0 and "resampled" not in told["plain"]["course"][0]
    assert told["one"]["rollouts"] == 16 + 4 * unused
    assert told["one"]["prompt_tokens"] == 16 * 5
    assert 4 * unused <= told["one"]["generated_tokens"] - 16 <= 12 * (16 + 4 * unused)


def test_groups_are_scored_once(embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that stay are judged before TRL asks for it, and not again."""
    from hsir.training.grpo import Rollouts

    graded: list[str] = []
    grade = Rollouts._graded

    def counted(self: Rollouts, texts: Any, ids: Any, names: Any) -> list[Rollout]:
        graded.extend(names)
        return grade(self, texts, ids, names)

    monkeypatch.setattr(Rollouts, "_graded", counted)
    options = Grpo(**{**SHAPE, "max_steps": 1}, rewards=[{"kind": "accuracy"}, {"kind": "indiv"}], resample=2)
    model, encoder = load_model(str(embedded), "float32"), load_tokenizer(str(embedded))
    told = finetune(model, encoder, ROWS, options, 0, tmp_path, {"stage": "train"}, ASKED).told
    assert len(graded) == told["rollouts"] == 8 and told["course"][0]["indiv"] > 0
