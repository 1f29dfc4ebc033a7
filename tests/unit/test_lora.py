"""Low-rank adapters: only they are trained, merged into plain weights, resumed, and used for scoring."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from hsir.config.settings import Score
from hsir.config.training import Dpo, Grpo, Lora, Sft, Training
from hsir.diversity.indiv.reading import Solution
from hsir.diversity.indiv.score import live, score
from hsir.grading import Number
from hsir.stages import train as stage
from hsir.storage import tables
from hsir.storage.models import load_model, load_tokenizer
from hsir.tasks.chains import Chains
from hsir.training.finetune import adapters, finetune
from hsir.training.grpo import Asked

LORA = Lora(rank=4, alpha=8)
SHAPE: dict[str, Any] = {"device_batch_size": 2, "learning_rate": 1e-2, "save_steps": 1, "lora": LORA}
ONLINE: dict[str, Any] = SHAPE | {"batch_size": 1, "group_size": 2, "max_steps": 3, "max_new_tokens": 8}
KINDS: list[Training] = [
    Sft(**SHAPE, batch_size=2, epochs=1),
    Dpo(**SHAPE, batch_size=2, epochs=1),
    Grpo(**ONLINE, rewards=[{"kind": "indiv", "normalise": "minmax"}]),
]
IDS = ["sft", "dpo", "grpo"]
QUESTIONS: list[tables.Row] = [
    {"question_id": f"q{n}", "question": "?", "gold": "4", "difficulty": None, "options": None, "trace": None,
     "trace_ids": None, "prompt_ids": [10, 20 + n]}
    for n in range(6)
]  # fmt: skip
ASKED = Asked({row["question_id"]: row for row in QUESTIONS}, Number(), Score())


def rows(options: Training) -> list[tables.Row]:
    bare, pairs = options.learns_from == "questions", options.learns_from == "pairs"
    return [
        {"sample_id": f"s{n}", "question_id": f"q{n}", "source": "k10", "difficulty": None, "score": None,
         "prompt_ids": [10, 20 + n], "completion_ids": None if bare else [30 + n, 31, 32],
         "loser_id": "l" if pairs else None, "loser_ids": [60, 61, 62 + n] if pairs else None}
        for n in range(6)
    ]  # fmt: skip


@pytest.mark.parametrize("options", KINDS, ids=IDS)
def test_what_is_saved_is_plain_weights(options: Training, embedded: Path, tmp_path: Path) -> None:
    filtered, questions, policy = tmp_path / "f.parquet", tmp_path / "q.parquet", tmp_path / "policy"
    tables.write("filtered", rows(options), filtered, {})
    tables.write("questions", QUESTIONS, questions, {})
    stage.main(str(embedded), filtered, options, policy, tmp_path / "t.json", 0, None, questions, Chains(kind="chains"))
    assert not [path.name for path in policy.iterdir() if "adapter" in path.name]
    base, saved = (load_file(folder / "model.safetensors") for folder in (embedded, policy))
    assert base.keys() == saved.keys()
    changed = {name for name, weight in saved.items() if not torch.equal(weight, base[name])}
    assert changed, "something was learnt"
    assert all("_proj" in name for name in changed), "all but the adapted layers is as it was"
    moved = next(saved[name] - base[name] for name in sorted(changed))
    assert torch.linalg.matrix_rank(moved, rtol=1e-3) <= LORA.rank
    ids = torch.tensor([[10, 20, 30]])
    assert torch.isfinite(load_model(str(policy), "float32")(input_ids=ids).logits).all()
    assert json.loads((tmp_path / "t.json").read_text())["steps"] == 3


@pytest.mark.parametrize("options", KINDS, ids=IDS)
def test_adapters_are_resumed(options: Training, embedded: Path, tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        model = load_model(str(embedded), "float32")
        finetune(model, load_tokenizer(str(embedded)), rows(options), options, 0, tmp_path, {"stage": "train"}, ASKED)
        found.append(model.state_dict())
        shutil.rmtree(tmp_path / "checkpoint-3")
        assert (tmp_path / "checkpoint-2" / "adapter_model.safetensors").is_file()
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_a_policy_with_adapters_scores_as_it_would_once_merged(embedded: Path, tmp_path: Path) -> None:
    from peft import get_peft_model

    torch.manual_seed(0)
    model = get_peft_model(load_model(str(embedded), "float32"), adapters(KINDS[0])).train()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.1)
    solutions = [Solution(f"s{n}", [10, 20 + n], list(range(30, 40 + n))) for n in range(3)]
    ids = torch.tensor([[10, 20, 30, 31]])
    before = model(input_ids=ids).logits
    with live(model, Score()) as scorer:
        found = dict(scorer.score(solutions))
    assert torch.equal(before, model(input_ids=ids).logits) and model.training
    model.merge_and_unload().save_pretrained(tmp_path)
    merged, base = (dict(score(str(path), solutions, Score())) for path in (tmp_path, embedded))
    for one in solutions:
        assert found[one.sample_id].indiv == pytest.approx(merged[one.sample_id].indiv, abs=1e-5)
        assert abs(found[one.sample_id].indiv - base[one.sample_id].indiv) > 1e-3


def test_options_reach_the_adapters() -> None:
    assert adapters(Sft()) is None
    made = adapters(Sft(lora=Lora(rank=3, alpha=7, dropout=0.25, modules=("q_proj", "v_proj"))))
    assert (made.r, made.lora_alpha, made.lora_dropout) == (3, 7, 0.25)
    assert set(made.target_modules) == {"q_proj", "v_proj"}
    assert adapters(KINDS[0]).target_modules == "all-linear"
