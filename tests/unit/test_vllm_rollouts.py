"""Rollouts by vLLM, without vLLM: options, the correction of the loss, the order of calls, and the memory."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from hsir import stopping
from hsir.cli.doctor import _chosen
from hsir.config import Plan, load
from hsir.config.rollouts import VllmRollouts
from hsir.config.training import Grpo
from hsir.errors import InputError
from hsir.planning import gpu_memory, memory
from hsir.planning.budget.work import work
from hsir.sampling.engines.base import Prompt
from hsir.storage.models import load_model, load_tokenizer
from hsir.training import grpo, questions
from hsir.training.drawing import Drawn, OwnSampler
from hsir.training.finetune import finetune
from hsir.training.learnt import doubts
from hsir.training.vllm import VllmSampler
from tests.unit.test_reinforcement import ASKED, ROWS, SHAPE, trainer

VLLM: dict[str, Any] = {"kind": "vllm", "dtype": "float32"}
BY_LENGTH: list[dict[str, Any]] = [{"kind": "long2short"}]


class Apart(OwnSampler):
    """The own loop, as a sampler whose first token of each rollout was less likely than for the trainer: by 2 nats."""

    def __call__(self, prompts: list[Prompt]) -> dict[int, Drawn]:
        drawn, model = super().__call__(prompts), self._trainer.model
        for prompt in prompts:
            ids = drawn[prompt.seed].ids
            with torch.no_grad():
                known = model(input_ids=torch.tensor([[*prompt.prompt_ids, *ids]])).logits[0].log_softmax(-1)
            own = known[len(prompt.prompt_ids) - 1 : -1].gather(1, torch.tensor(ids)[:, None])[:, 0].tolist()
            drawn[prompt.seed] = Drawn(ids, [own[0] - 2, *own[1:]])
        return drawn


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "started", lambda made, *_: Apart(made, Grpo().engine))
    monkeypatch.setattr(grpo, "library", str)


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ({"kind": "server"}, "unknown kind of engine; choose transformers or vllm"),
        ({**VLLM, "memory_share": 1.5}, "less than or equal to 1"),
        ({**VLLM, "largest_ratio": 1}, "greater than 1"),
        ({**VLLM, "batch_size": 8}, "Extra inputs are not permitted"),
        ({"sleep": True}, "Extra inputs are not permitted"),
        ({**VLLM, "correction": "clip"}, "sequence_mask"),
    ],
)
def test_the_options_are_checked(engine: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Grpo(engine=engine)


def test_without_vllm_it_is_said_before_anything_runs(
    embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hsir.sampling.engines.base.packages_distributions", dict)
    monkeypatch.setattr("hsir.sampling.engines.base.version", missing := Missing())
    with pytest.raises(InputError, match=r"the engine vllm is not installed here; .*train\.grpo"):
        trainer(embedded, tmp_path, engine=VLLM)
    assert missing.asked == ["vllm"]


class Missing:
    """No package is installed."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, package: str) -> str:
        from importlib.metadata import PackageNotFoundError

        self.asked.append(package)
        raise PackageNotFoundError(package)


E2 = 7.389056
CASES: list[tuple[dict[str, Any], float, float]] = [
    ({"correction": "sequence_mask"}, 0.0, 1.0), ({"correction": "sequence_mask", "largest_ratio": 8}, E2, 0.0),
    ({"correction": "sequence_truncate"}, 3.0, 1.0), ({"correction": "token_mask"}, 0.0, 0.125),
    ({"correction": "token_truncate", "largest_ratio": 5}, 5.0, 0.125),
]  # fmt: skip


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize(("given", "weight", "share"), CASES)
def test_rollouts_are_weighted_by_the_ratio_of_probabilities(
    given: dict[str, Any], weight: float, share: float, embedded: Path, tmp_path: Path
) -> None:
    """The first token's ratio is e^2; the share that is clipped is that of rollouts, or of tokens (one in eight)."""
    made, _ = trainer(embedded, tmp_path, engine={**VLLM, **given}, rewards=BY_LENGTH)
    made.model.train()
    scored = made._generate_and_score_completions([made.train_dataset[n] for n in (0, 0, 0, 0, 1, 1, 1, 1)])
    ratio, mask = scored["importance_sampling_ratio"], scored["completion_mask"]
    assert ratio[:, 0].tolist() == pytest.approx([weight] * 8, rel=1e-3)
    assert torch.allclose(ratio[:, 1:], torch.ones(8, ratio.shape[1] - 1), atol=1e-4)
    wanted = share if share in (0.0, 1.0) else 8 / mask.sum().item()
    assert made._metrics["train"]["sampling/clipped"] == [pytest.approx(wanted)]
    made.current_gradient_accumulation_steps = 1
    losses = [
        made._compute_loss(made.model, {**scored, "importance_sampling_ratio": torch.ones(8, 1) * scale})
        for scale in (1.0, 0.0)
    ]
    assert losses[0] != 0 and losses[1] == 0, "the loss is weighted"


@pytest.mark.usefixtures("apart")
def test_without_the_correction_nothing_is_weighted(embedded: Path, tmp_path: Path) -> None:
    made, _ = trainer(embedded, tmp_path, engine={**VLLM, "correction": "none"}, rewards=BY_LENGTH)
    made.model.train()
    scored = made._generate_and_score_completions([made.train_dataset[0]] * 4 + [made.train_dataset[1]] * 4)
    assert "importance_sampling_ratio" not in scored and "sampling/clipped" not in made._metrics["train"]
    assert scored["sampling_per_token_logps"].shape == scored["completion_ids"].shape, "they are kept"


@pytest.mark.usefixtures("apart")
def test_the_correction_is_reported_at_every_step(embedded: Path, tmp_path: Path) -> None:
    """Over passes that are sorted by length, and with questions that are replaced."""
    shape = {**SHAPE, "device_batch_size": 2, "resample": 1, "rewards": BY_LENGTH}
    options = Grpo(**shape, engine={**VLLM, "correction": "token_truncate"})
    model, encoder = load_model(str(embedded), "float32"), load_tokenizer(str(embedded))
    told = finetune(model, encoder, ROWS, options, 0, tmp_path, {"stage": "train"}, ASKED).told
    for step in told["course"]:
        assert step["ratio_clipped"] == pytest.approx(8 / (8 * step["length"]), rel=1e-4)
        assert step["apart"] == pytest.approx(2 / step["length"], rel=1e-3)
        assert step["ratio"] == pytest.approx(1 + 2 / step["length"], rel=1e-3)
    assert [line for line in doubts(told) if line.startswith("vLLM's log-probabilities differ from the trainer's by")]
    for step in told["course"]:
        step["apart"] = 0.02
    assert not [line for line in doubts(told) if "vLLM" in line]


def test_rollouts_of_the_own_loop_need_no_correction(embedded: Path, tmp_path: Path) -> None:
    made, _ = trainer(embedded, tmp_path, rewards=BY_LENGTH)
    made.model.train()
    scored = made._generate_and_score_completions([made.train_dataset[0]] * 4 + [made.train_dataset[1]] * 4)
    assert not {"importance_sampling_ratio", "sampling_per_token_logps", "old_per_token_logps"} & set(scored)


class Llm:
    """Notes what is asked of vLLM."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *given, **named: self.calls.append((name, next(iter([*given, *named.values()]), None)))

    def collective_rpc(self, name: str, kwargs: dict[str, Any]) -> None:
        self.calls.append((name, [name for name, _ in kwargs["weights_iterator"]]))


def sampler(sleeps: bool) -> Any:
    made = VllmSampler.__new__(VllmSampler)
    made.llm, made.enable_sleep_mode = Llm(), sleeps
    made._iter_named_params = lambda: iter([("w", torch.ones(2))])
    made._drawn = lambda prompts: made.llm.calls.append(("drawn", prompts)) or {}
    return made


def test_it_wakes_for_the_weights_first_and_sleeps_after_the_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """As vLLM documents it: memory of the weights, the weights, memory of the cache."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    made = sampler(True)
    made([])
    assert made.llm.calls == [
        ("wake_up", ["weights"]), ("reload_weights", ["w"]), ("reset_prefix_cache", None), ("wake_up", ["kv_cache"]),
        ("drawn", []), ("sleep", 2),
    ]  # fmt: skip
    awake = sampler(False)
    awake([])
    assert [name for name, _ in awake.llm.calls] == ["reload_weights", "reset_prefix_cache", "drawn"]


def test_what_vllm_gets_outlives_the_weight_it_is_a_copy_of() -> None:
    """A gathered weight is freed, and a merged adapter is taken out, before vLLM has read the whole layer."""
    made, weight, taken = sampler(False), torch.ones(2), []
    made._iter_named_params = lambda: (("w", part) for part in [weight])
    made.llm.collective_rpc = lambda name, kwargs: taken.extend(kwargs["weights_iterator"])
    made.sync_weights()
    weight.zero_()
    assert taken[0][1].tolist() == [1, 1]


def per_gpu(engine: dict[str, Any], **changed: Any) -> float:
    train = Grpo(device_batch_size=2, batch_size=2, max_new_tokens=16, beta=0.0, engine=engine, **changed)
    return gpu_memory.each(train, int(7e9), 152_000, 80e9)


def test_the_share_of_vllm_is_counted_once_the_policy_is_trained_only_if_it_does_not_sleep() -> None:
    own, asleep, awake = (per_gpu(one) for one in ({}, VLLM, {**VLLM, "sleep": False}))
    assert asleep == pytest.approx(7e9 * 16 + 0.3 * 80e9 + 1e9)
    assert awake == pytest.approx(own + 0.3 * 80e9)
    split = {"devices": {"kind": "zero3", "processes": 2}}
    assert per_gpu(VLLM, **split) == pytest.approx(7e9 * 8 + 0.3 * 80e9 + 1e9), "it gathers one weight at a time"


def test_on_a_cpu_it_takes_its_share_of_the_machine() -> None:
    assert memory.engine_share(Grpo(engine={**VLLM, "memory_share": 0.25})) == 0.25
    assert memory.engine_share(Grpo()) == 0.0


def planned(**config: Any) -> Plan:
    """Return the plan of H-GRPO by vLLM."""
    run = {"models": ["embedded"], "tasks": ["chains"], "methods": ["h-grpo"]}
    raw = {"run": "r", "runs": {"r": run}, "overrides": {"train": {"grpo": {"engine": VLLM}}}, **config}
    return Plan(load(raw, Path(__file__).parents[2] / "config"))


def test_doctor_looks_for_vllm_and_a_rehearsal_does_without_it() -> None:
    plan = planned()
    assert plan.train("embedded", "chains", "h-grpo.1").engine == VllmRollouts(**VLLM)  # type: ignore[union-attr]
    assert _chosen(plan, work(plan, ["r"])) == {"transformers", "vllm"}
    own = planned(overrides={})
    assert _chosen(own, work(own, ["r"])) == {"transformers"}
    rehearsed = planned(rehearse=True)
    assert _chosen(rehearsed, work(rehearsed, ["r"])) == {"transformers"}


class Engine:
    """Finishes one request per step; SIGTERM arrives in the step that `told_at` names."""

    def __init__(self, told: threading.Event, told_at: int) -> None:
        self.asked: dict[str, Any] = {}
        self._told, self._left = told, told_at

    def add_request(self, name: str, prompt: dict[str, list[int]], how: Any) -> None:
        self.asked[name] = prompt["prompt_token_ids"], how

    def has_unfinished_requests(self) -> bool:
        return bool(self.asked)

    def step(self) -> list[Any]:
        self._left -= 1
        if not self._left:
            self._told.set()
        name, (ids, _) = self.asked.popitem()
        logps = [{one: SimpleNamespace(logprob=-one / 10)} for one in ids]
        return [SimpleNamespace(request_id=name, outputs=[SimpleNamespace(token_ids=tuple(ids), logprobs=logps)])]


@pytest.mark.parametrize("told_at", [99, 2])
def test_a_draw_has_the_seed_of_each_rollout_and_ends_between_two_tokens(
    told_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = SimpleNamespace(RequestOutputKind=SimpleNamespace(FINAL_ONLY="final"))
    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(SamplingParams=lambda **how: SimpleNamespace(**how)))
    monkeypatch.setitem(sys.modules, "vllm.sampling_params", kinds)
    made, told = sampler(False), threading.Event()
    del made._drawn
    made.temperature, made.max_completion_length, made._stops = 0.7, 12, {5, 3}
    made.llm.llm_engine = engine = Engine(told, told_at)
    prompts, asked = [Prompt("", "q", [n, n + 1], 100 + n) for n in range(4)], dict[str, Any]()
    add = engine.add_request
    engine.add_request = lambda *given: asked.update({given[0]: given[2]}) or add(*given)  # type: ignore[method-assign]
    with stopping.breakable(told):
        if told_at < 4:
            with pytest.raises(stopping.Told):
                made._drawn(prompts)
        else:
            drawn = made._drawn(prompts)
            assert drawn == {100 + n: Drawn([n, n + 1], [-n / 10, -(n + 1) / 10]) for n in range(4)}
    assert [how.seed for how in asked.values()] == [100, 101, 102, 103]
    (how, *_) = asked.values()
    assert (how.temperature, how.max_tokens, how.stop_token_ids, how.logprobs) == (0.7, 12, [3, 5], 0)


def test_the_defaults_of_the_correction_are_those_of_trl() -> None:
    from trl import GRPOConfig

    given = grpo.correction(VllmRollouts(kind="vllm"))
    fields = GRPOConfig.__dataclass_fields__
    assert {name: fields[name].default for name in given} == given
    assert not grpo.correction(Grpo().engine)["vllm_importance_sampling_correction"]
