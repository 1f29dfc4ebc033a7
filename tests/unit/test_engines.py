"""Engines by kind: how options are distinguished and merged, and how vLLM lowers its memory."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from hsir.config import Plan, load
from hsir.config.engines import Engine, TransformersEngine, VllmEngine
from hsir.config.pools import SamplePool
from hsir.errors import InputError
from hsir.sampling.engines.base import Prompt, library, room, token_limit
from hsir.sampling.engines.vllm import lower, short_of_memory

ENGINE: TypeAdapter[TransformersEngine | VllmEngine] = TypeAdapter(Engine)
SEQUENCES = {"kind": "vllm", "max_sequences": 4}
OTHERS = "Available memory on node 0 (7.56/13.21 GiB) on startup is less than desired CPU memory utilization"
OWN = "CUDA out of memory. Tried to allocate 2.00 GiB"


def config(model: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Return a config whose model and whose overrides set options of the engine."""
    return {
        "run": "r",
        "runs": {"r": {"models": ["m"], "tasks": ["t"], "methods": ["x"]}},
        "models": {"m": {"path": "m", "settings": {"sample": {"engine": model}}}},
        "tasks": {"t": {"task": {"kind": "chains"}}},
        "methods": {"x": {"iterations": 0}},
        "overrides": {"sample": {"engine": overrides}},
    }


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, TransformersEngine()),
        ({"batch_size": 8}, TransformersEngine(batch_size=8)),
        ({"kind": "transformers", "dtype": "bfloat16"}, TransformersEngine(dtype="bfloat16")),
        ({"kind": "vllm"}, VllmEngine(kind="vllm")),
        ({"kind": "vllm", "tensor_parallel": 2}, VllmEngine(kind="vllm", tensor_parallel=2)),
    ],
)
def test_an_engine_is_chosen_by_kind(given: dict[str, Any], wanted: TransformersEngine | VllmEngine) -> None:
    chosen = ENGINE.validate_python(given)
    assert (chosen, type(chosen)) == (wanted, type(wanted))
    assert ENGINE.validate_json(chosen.model_dump_json()) == wanted


def test_a_job_asks_for_the_gpus_that_its_engine_is_spread_over() -> None:
    assert TransformersEngine().devices == 1
    assert VllmEngine(kind="vllm", tensor_parallel=4).devices == 4


@pytest.mark.parametrize("given", [{"kind": "openai"}, {"kind": None}, 3])
def test_an_unknown_engine_is_rejected_with_those_that_there_are(given: object) -> None:
    with pytest.raises(ValidationError, match=r"choose transformers or vllm \(only the stage distill uses a server"):
        ENGINE.validate_python(given)


@pytest.mark.parametrize(
    ("model", "overrides", "wanted"),
    [
        (
            {"kind": "vllm", "max_sequences": 4},
            {"batch_size": 3},
            {"kind": "vllm", "max_sequences": 4, "batch_size": 3},
        ),
        ({"batch_size": 3}, {"kind": "vllm"}, {"kind": "vllm", "batch_size": 3}),
        (SEQUENCES, {"kind": "transformers", "batch_size": 3}, {"batch_size": 3}),
    ],
)
def test_options_are_laid_over_those_of_any_engine_but_of_another_kind(
    model: dict[str, Any], overrides: dict[str, Any], wanted: dict[str, Any], tmp_path: Path
) -> None:
    plan = Plan(load(config(model, overrides), tmp_path))
    assert plan.settings("m", "t").sample.engine == ENGINE.validate_python(wanted)


@pytest.mark.parametrize(
    ("told", "share", "sequences", "wanted"),
    [
        (OWN, 0.9, 256, (0.8, 128)),
        (OWN, 0.3, 1, (0.2, 1)),
        (OWN, 0.9, None, (0.8, 256)),
        (OTHERS, 0.9, 256, (0.8, 256)),
    ],
)
def test_where_memory_is_short_less_is_taken(
    told: str, share: float, sequences: int | None, wanted: tuple[float, int]
) -> None:
    """Fewer sequences free nothing that others hold."""
    lowered = lower(VllmEngine(kind="vllm", memory_share=share, max_sequences=sequences), told)
    assert (lowered.memory_share, lowered.max_sequences) == wanted


def test_lowering_ends() -> None:
    engine, shares = VllmEngine(kind="vllm", memory_share=1.0), list[float]()
    with pytest.raises(InputError, match=r"memory_share 0\.1 and max_sequences 1: CUDA out of memory.*tensor_parallel"):
        for _ in range(100):
            engine = lower(engine, OWN)
            shares.append(engine.memory_share)
    assert shares == [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (RuntimeError(OWN), True),
        (ValueError(OTHERS), True),
        (MemoryError(), True),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            True,
        ),
        (caused(RuntimeError("a worker ended"), RuntimeError(OWN)), True),
        (caused(RuntimeError("a worker ended"), OSError("no such device")), False),
        (ValueError("No available memory for the cache blocks. Try increasing `gpu_memory_utilization`"), False),
        (KeyError("x"), False),
    ],
)
def test_what_is_taken_for_a_shortage_of_memory(error: BaseException, short: bool) -> None:
    assert short_of_memory(error) is short


def test_an_engine_that_is_not_installed_is_reported_with_a_fix() -> None:
    assert library("transformers").startswith("transformers ")
    if importlib.util.find_spec("vllm") is not None:
        pytest.skip("vllm is installed here")
    with pytest.raises(InputError, match=r"the engine vllm is not installed here; .*envs/gpu\.yaml"):
        library("vllm")


def test_prompts_that_no_completion_fits_after_are_rejected_before_anything_is_drawn() -> None:
    prompts = [Prompt("a", "q", [1] * 5, 0), Prompt("b", "q", [1] * 4, 0, [1] * 3)]
    assert room(prompts, 3, 10) == 10
    assert room([], 3, 10) == 3
    with pytest.raises(InputError, match=r"10 tokens .*max_new_tokens 3. exceed the 9 positions of the model"):
        room(prompts, 3, 9)
    with pytest.raises(InputError, match="no token limit"):
        token_limit(SamplePool(kind="sample", samples=1))
