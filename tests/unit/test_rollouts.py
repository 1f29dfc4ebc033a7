"""Rollouts of reinforcement learning: sampled by HSIR's engine, grouped into passes by length, and reported."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GemmaConfig, LlamaConfig, PreTrainedModel, Qwen3Config
from trl import GRPOTrainer

from hsir import progress
from hsir.config.training import Grpo, Lora
from hsir.progress import Progress, doing
from hsir.sampling.engines.base import Prompt
from hsir.sampling.engines.decode import Decoding, decode
from hsir.sampling.engines.grouped import NAME, grouped
from hsir.sampling.engines.seeds import rollout_seed
from hsir.sampling.engines.transformers import TransformersRunner
from hsir.storage.models import load_model, load_tokenizer
from hsir.training.finetune import adapters, arguments, finetune
from hsir.training.grpo import grpo
from hsir.training.questions import QuestionTrainer, aligned, by_length, numbered
from tests.unit.test_reinforcement import ASKED, ROWS, SHAPE

NAMES = [name for name in ("q0", "q1", "q2") for _ in range(4)]


def trainer(embedded: Path, folder: Path, **changed: Any) -> Any:
    options = Grpo(**{**SHAPE, **changed})
    shared = {"model": load_model(str(embedded), "float32"), "processing_class": load_tokenizer(str(embedded))}
    return grpo({**shared, "peft_config": adapters(options)}, ROWS, options, arguments(options, 0, folder, 2), ASKED)[0]


def drawn(made: Any, names: list[str], step: int = 0) -> dict[str, list[list[int]]]:
    """Draw rollouts of questions, named as often as there are to be; return them by question."""
    prompts = {row["question_id"]: row["prompt_ids"] for row in ROWS}
    made._names, made.state.global_step, found = names, step, dict[str, list[list[int]]]()
    for name, ids in zip(names, made._generate_single_turn([prompts[name] for name in names])[0], strict=True):
        found.setdefault(name, []).append(ids)
    return found


def test_a_rollout_follows_from_seed_step_question_and_number(embedded: Path, tmp_path: Path) -> None:
    """Not from batches, other questions of the process, or what was drawn before; and it is the engine's own."""
    wanted = drawn(trainer(embedded, tmp_path), NAMES)
    small = trainer(embedded, tmp_path, engine={"kind": "transformers", "batch_size": 3})
    assert drawn(small, NAMES) == wanted
    assert drawn(small, NAMES[8:] + NAMES[:4]) == {name: wanted[name] for name in ("q2", "q0")}
    others = drawn(small, NAMES, step=1)
    assert all(others[name] != ids for name, ids in wanted.items())
    assert len({tuple(ids) for ids in wanted["q0"]}) > 1
    small.args.seed = 1
    assert drawn(small, NAMES) != wanted
    model, encoder = load_model(str(embedded), "float32"), load_tokenizer(str(embedded))
    asked = [Prompt("", "q1", ROWS[1]["prompt_ids"], rollout_seed(0, 0, "q1", n)) for n in range(4)]
    told = TransformersRunner(model, encoder, 1.0, 12).complete(asked)
    assert [one.completion_ids for one in told] == wanted["q1"]


def test_the_temperature_is_that_of_the_options(embedded: Path, tmp_path: Path) -> None:
    cold = drawn(trainer(embedded, tmp_path, temperature=1e-4), NAMES)
    assert all(len({tuple(ids) for ids in found}) == 1 for found in cold.values())


def test_rollouts_of_a_question_are_numbered() -> None:
    prompts = numbered([[1], [2], [1]], ["a", "b", "a"], 5, 3)
    assert [one.sample_id for one in prompts] == ["a/0", "b/0", "a/1"]
    assert [one.seed for one in prompts] == [rollout_seed(5, 3, *one) for one in (("a", 0), ("b", 0), ("a", 1))]


def test_the_policy_continues_training_as_before(embedded: Path, tmp_path: Path) -> None:
    """With adapters whose dropout would disturb rollouts, and activations that are computed again."""
    made, steady = (trainer(embedded, tmp_path, lora=Lora(dropout=share, rank=4)) for share in (0.5, 0.0))
    for one in (made, steady):
        for name, weight in one.model.named_parameters():
            weight.data.add_(0.01 if "lora_B" in name else 0.0)
        one.model.gradient_checkpointing_enable()
        one.model.train()
    wanted, state = drawn(steady, NAMES), torch.get_rng_state()
    assert drawn(made, NAMES) == wanted
    assert torch.equal(torch.get_rng_state(), state)
    assert made.model.training and made.accelerator.unwrap_model(made.model).is_gradient_checkpointing
    assert made.model.config._attn_implementation == "sdpa"
    ids = torch.tensor([[10, 11, 12]])
    assert made.model(input_ids=ids).logits.requires_grad
    assert not torch.equal(made.model(input_ids=ids).logits, made.model(input_ids=ids).logits), "its dropout is on"


LENGTHS = [(5, 2), (1, 7), (3, 3), (6, 1), (2, 4)]
"""Tokens of prompts and completions, which are padded to 6 and 9."""


def padded() -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.randint(10, 300, (5, 15), generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[0] * (6 - p) + [1] * (p + c) + [0] * (9 - c) for p, c in LENGTHS])
    return ids, mask


@pytest.mark.parametrize("size", [None, 2, 3])
def test_rows_read_without_padding_are_read_as_trl_reads_them(size: int | None, embedded: Path, tmp_path: Path) -> None:
    made, (ids, mask) = trainer(embedded, tmp_path), padded()
    counted, told = mask[:, 6:].bool(), []
    for read in (QuestionTrainer, GRPOTrainer):
        made.model.zero_grad()
        logps, entropies, _ = read._get_per_token_logps_and_entropies(
            made, made.model, ids, mask, 9, size, compute_entropy=True
        )
        assert logps.shape == entropies.shape == (5, 9)
        (logps * counted).sum().backward()
        gradient = torch.cat([weight.grad.flatten() for weight in made.model.parameters()])
        told.append((logps[counted].detach(), entropies[counted].detach(), gradient))
    for ours, theirs in zip(*told, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-4)


def test_rows_are_moved_to_the_left() -> None:
    ids = torch.tensor([[0, 5, 6, 7, 0, 0], [3, 4, 5, 6, 7, 8]])
    moved, labels, places = aligned(ids, (ids > 0).long(), 3)
    assert moved[1].tolist() == ids[1].tolist() and moved[0, :3].tolist() == [5, 6, 7]
    assert labels.tolist() == [[-100, -100, 7, -100, -100, -100], [-100, -100, -100, 6, 7, 8]]
    assert labels[:, 1:].gather(1, places).tolist() == [[7, -100, -100], [6, 7, 8]]
    assert aligned(ids[:1], (ids[:1] > 0).long(), 3)[0].tolist() == [[5, 6, 7]]


def test_a_step_is_put_into_passes_by_length() -> None:
    _, mask = padded()
    names = torch.arange(4)
    whole = {"prompt_mask": mask[:4, :6], "completion_mask": mask[:4, 6:], "n": names, "num": torch.tensor(9)}
    halves = [{name: t[rows] if t.dim() else t for name, t in whole.items()} for rows in (slice(0, 2), slice(2, 4))]
    found = by_length(halves)
    assert [one["n"].tolist() for one in found] == [[2, 0], [3, 1]], "of 6, 7, 7 and 8 tokens"
    assert all(torch.equal(one["prompt_mask"], whole["prompt_mask"][one["n"]]) for one in found)
    assert [one["num"].item() for one in found] == [9, 9]


def test_the_passes_of_a_step_are_those(embedded: Path, tmp_path: Path) -> None:
    made = trainer(embedded, tmp_path, device_batch_size=4, rewards=[{"kind": "long2short"}])
    made.model.train()
    inputs = [made.train_dataset[n] for n in (0, 0, 0, 0, 1, 1, 1, 1)]
    first = made._prepare_inputs(inputs)
    made._step += 1
    second = made._prepare_inputs(inputs)
    lengths = [one["completion_mask"].sum(1) for one in (first, second)]
    assert lengths[0].max() <= lengths[1].min() and lengths[0].min() < lengths[1].max()
    assert first["num_items_in_batch"] == sum(map(torch.sum, lengths))


MODELS = {
    "grouped": LlamaConfig(num_key_value_heads=2), "one group": Qwen3Config(num_key_value_heads=1, head_dim=16),
    "all": LlamaConfig(num_key_value_heads=4), "wide heads": GemmaConfig(num_key_value_heads=2, head_dim=32),
}  # fmt: skip


@pytest.mark.parametrize("family", MODELS)
def test_heads_that_share_keys_attend_as_they_would_alone(family: str) -> None:
    config = MODELS[family]
    config.update({
        "vocab_size": 64, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 256, "pad_token_id": 0, "eos_token_id": 2,
    })  # fmt: skip
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config).eval()
    for block in model.get_decoder().layers:  # attention that is far from uniform
        for weight in block.self_attn.parameters():
            weight.data.mul_(6)
    prompts, how = [[5, 6, 7, 8], [9], [10, 11]], Decoding(1.0, 20, frozenset([2]))
    wanted = decode(model, prompts, [1, 2, 3], how)
    with grouped(model):
        assert model.config._attn_implementation == NAME
        assert decode(model, prompts, [1, 2, 3], how) == wanted
        assert decode(model, prompts[1:2], [2], how) == wanted[1:2], "no padding, no mask"
    assert model.config._attn_implementation == "sdpa"
    model.set_attn_implementation("eager")
    with grouped(model):
        assert model.config._attn_implementation == "eager"


def test_a_step_shows_where_it_is(embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    note = Progress.doing

    def noted(self: Progress, what: str) -> None:
        note(self, what)
        lines.append(self.line())

    monkeypatch.setattr(Progress, "doing", noted)
    options = Grpo(**{**SHAPE, "device_batch_size": 4, "max_steps": 1, "rewards": [{"kind": "indiv"}]})
    model, encoder = load_model(str(embedded), "float32"), load_tokenizer(str(embedded))
    finetune(model, encoder, ROWS, options, 0, tmp_path, {"stage": "train"}, ASKED)
    said = [line.removeprefix("training 0/1 steps, 0 %, ") for line in lines]
    drawing = [line for line in said if line.startswith("sampling rollouts, ")]
    assert drawing[0].startswith("sampling rollouts, 0/8, ") and drawing[-1].startswith("sampling rollouts, 8/8, ")
    assert drawing[-1].endswith(" tokens/s") and len(drawing) == 13, "at every token, and when all are there"
    for what in ("grading 8 rollouts", "scoring rollouts, 0/8", "reading rollouts, 4/8"):
        assert what in said
    assert [line for line in said if "learning" in line] == [f"learning from rollouts, pass {n}/2" for n in (1, 2)]
    assert not any("rollouts" in line for line in lines if line.startswith("training 1/1"))


def test_what_is_done_within_a_step_is_shown_by_the_innermost_progress(capsys: pytest.CaptureFixture[str]) -> None:
    doing("nothing is shown")
    with Progress("training", "steps", 2) as outer:
        with Progress("scoring", "rows", 2) as inner:
            doing("reading")
            assert inner.line() == "scoring 0/2 rows, 0 %, reading" and outer.line() == "training 0/2 steps, 0 %"
        doing("grading")
        assert outer.line() == "training 0/2 steps, 0 %, grading"
        outer.advance(2, remark="loss 1")
    assert progress._shown == []
    assert capsys.readouterr().err.endswith(", loss 1\n")
