"""How the engine vllm submits batches ahead, with a vLLM that draws one token of each running request per step."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hsir.config.engines import VllmEngine
from hsir.sampling.engines.base import Completion, Prompt
from hsir.sampling.engines.vllm import VllmRunner

SLOTS, TOKEN = 2, 7
LONG, SHORT = 6, 2
BATCHES = [[Prompt(f"{n}{name}", "q", [1], length) for name, length in (("long", LONG), ("short", SHORT))]
           for n in range(3)]  # fmt: skip
"""The seed of a prompt is the number of tokens of its completion."""


class FakeVllm:
    """A vLLM with two slots; `fails` is the step at which memory runs out, and `told` the message."""

    def __init__(self, fails: int | None = None, told: str = "CUDA out of memory. Tried to allocate 2 GiB") -> None:
        self.llm_engine, self.fails, self.told = self, fails, told
        self.requests: dict[str, int] = {}
        self.submitted: list[str] = []
        self.steps, self.resets = 0, 0
        self.vllm_config = SimpleNamespace(
            scheduler_config=SimpleNamespace(
                max_num_seqs=SLOTS, max_num_batched_tokens=64, enable_chunked_prefill=True
            ),
            model_config=SimpleNamespace(enforce_eager=False), cache_config=SimpleNamespace(enable_prefix_caching=True),
        )  # fmt: skip

    def reset_prefix_cache(self) -> None:
        self.resets += 1

    def add_request(self, name: str, given: dict[str, list[int]], length: int) -> None:
        assert name not in self.requests and given == {"prompt_token_ids": [1]}
        self.requests[name] = length
        self.submitted.append(name)

    def step(self) -> list[Any]:
        self.steps += 1
        if self.steps == self.fails:
            raise RuntimeError(self.told)
        for name in list(self.requests)[:SLOTS]:
            self.requests[name] -= 1
        ended = [name for name, left in self.requests.items() if left == 0]
        for name in ended:
            del self.requests[name]
        return [finished(name) for name in ended]


def finished(name: str) -> Any:
    drawn = SimpleNamespace(token_ids=[TOKEN] * (LONG if "long" in name else SHORT), finish_reason="length")
    return SimpleNamespace(request_id=name, outputs=[drawn], num_cached_tokens=0)


@pytest.fixture
def engines() -> list[FakeVllm]:
    return [FakeVllm()]


@pytest.fixture
def runner(embedded: Path, engines: list[FakeVllm], monkeypatch: pytest.MonkeyPatch) -> VllmRunner:
    """A runner that starts these engines in turn."""
    made: Iterator[FakeVllm] = iter(engines)
    monkeypatch.setattr(VllmRunner, "_start", lambda self: next(made))
    monkeypatch.setattr(VllmRunner, "_sampling", lambda self, prompt: prompt.seed)
    distributed = ModuleType("vllm.distributed")
    distributed.cleanup_dist_env_and_memory = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm.distributed", distributed)
    platforms = ModuleType("vllm.platforms")
    platforms.current_platform = SimpleNamespace(is_cpu=lambda: True)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm.platforms", platforms)
    return VllmRunner(str(embedded), 1.0, 8, 16, VllmEngine(kind="vllm", ahead=0))


def ahead(runner: VllmRunner, batches: int) -> VllmRunner:
    runner._options = runner._options.model_copy(update={"ahead": batches})
    return runner


def names(done: list[Completion]) -> list[str]:
    return [one.prompt.sample_id for one in done]


def test_a_batch_alone_is_finished_before_the_next_is_submitted(runner: VllmRunner, engines: list[FakeVllm]) -> None:
    stream = runner.stream(BATCHES)
    for number, batch in enumerate(BATCHES, 1):
        assert names(next(stream)) == [prompt.sample_id for prompt in batch]
        assert len(engines[0].submitted) == 2 * number
    assert (engines[0].steps, engines[0].resets) == (3 * LONG, 3), "each batch waits for its longest sample"


def test_batches_ahead_fill_the_gaps_and_are_returned_in_order(runner: VllmRunner, engines: list[FakeVllm]) -> None:
    stream = ahead(runner, 1).stream(BATCHES)
    assert names(next(stream)) == ["0long", "0short"]
    assert engines[0].submitted == ["0long", "0short", "1long", "1short"]
    assert [names(done) for done in stream] == [["1long", "1short"], ["2long", "2short"]]
    assert engines[0].steps < 3 * LONG
    assert engines[0].resets == 1


def test_the_progress_counts_samples_that_are_finished_ahead(runner: VllmRunner) -> None:
    seen: list[tuple[float, int]] = []
    stream = ahead(runner, 2).stream(BATCHES, lambda share, tokens: seen.append((share, tokens)))
    next(stream)
    assert seen == [(1, SHORT), (2, SHORT + LONG)]
    list(stream)
    assert seen[-1][1] <= 2 * (LONG + SHORT), "batches that were returned are not counted again"


@pytest.mark.parametrize("engines", [[FakeVllm(fails=4), FakeVllm()]])
def test_if_memory_runs_out_only_unfinished_samples_are_repeated(runner: VllmRunner, engines: list[FakeVllm]) -> None:
    done = list(ahead(runner, 1).stream(BATCHES))
    assert [names(one) for one in done] == [[prompt.sample_id for prompt in batch] for batch in BATCHES]
    assert "0short" not in engines[1].submitted and "0long" in engines[1].submitted
    assert runner.noted()["lowered"] == {"memory_share": 0.8, "max_sequences": 256}
    assert runner.noted()["engine"]["max_sequences"] == SLOTS, "what vLLM chose is noted, too"


@pytest.mark.parametrize("engines", [[FakeVllm(1, "free memory is less than desired"), FakeVllm()]])
def test_if_others_hold_the_memory_vllm_still_chooses_the_number_of_sequences(runner: VllmRunner) -> None:
    assert len(list(runner.stream(BATCHES))) == 3
    assert runner.noted()["lowered"] == {"memory_share": 0.8}
