"""The engine for GPUs: vLLM within this process, so that requests reach it at the same steps in every run."""

import gc
import os
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hsir.config.engines import VllmEngine
from hsir.config.rollouts import VllmRollouts
from hsir.errors import InputError
from hsir.progress import say
from hsir.sampling.engines.base import Completion, Engine, Prompt, Within, completion, unheard
from hsir.storage import manifest
from hsir.storage.models import load_tokenizer, stop_ids_at
from hsir.storage.soundness import check_files

if TYPE_CHECKING:
    from vllm import LLM, RequestOutput, SamplingParams

# An engine in a separate process receives requests at arbitrary times, and batches them accordingly.
ENVIRONMENT = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_NO_USAGE_STATS": "1"}
# On a CPU, compiling takes longer than the runs, and the sampler cannot discard the token of a partial prefill.
ON_CPU = {"enforce_eager": True, "enable_chunked_prefill": False}
Shape = VllmEngine | VllmRollouts
STEP, MOST = 0.1, 512
"""Step by which the memory share is lowered; the number of sequences to halve where vLLM chose it."""

_HELD = re.compile(r"is less than desired")
_OUT = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)
_NO_CACHE = re.compile(r"KV cache|cache blocks", re.IGNORECASE)


class VllmRunner(Engine):
    """A policy that completes batches of prompts, by at most `max_new_tokens` each; temperature 0 is greedy.

    `longest` is the maximum number of tokens of a prompt with its completion; memory is allocated for it.
    """

    def __init__(
        self, model: str, temperature: float, max_new_tokens: int, longest: int, options: VllmEngine, top_p: float = 1.0
    ) -> None:
        self._model, self._temperature, self._top_p, self._options = model, temperature, top_p, options
        self._tokenizer = load_tokenizer(model)
        self._stops = stop_ids_at(model, self._tokenizer)
        self._limit, self._longest = max_new_tokens, longest
        self._lowered: dict[str, float] = {}
        self.llm: LLM | None = None
        """The running vLLM, once a batch was submitted."""
        self._submitted: set[str] = set()
        self._finished: dict[str, RequestOutput] = {}
        self._tokens = 0
        """Generated tokens of finished samples that were not yielded yet."""

    def stream(self, todo: Iterable[list[Prompt]], within: Within = unheard) -> Iterator[list[Completion]]:
        """Yield the completions of each batch, in order, while those ahead are generated, too; sample ids are unique.

        If memory runs out, vLLM restarts with less, and completes what is not finished.
        """
        waiting, batches = iter(todo), deque[list[Prompt]]()
        while True:
            batches.extend(islice(waiting, 1 + self._options.ahead - len(batches)))
            if not batches:
                return
            while told := self._generate(batches, within):
                self._lower(told)  # not within a handler, because the error keeps the engine's memory alive
            batch = batches.popleft()
            yield [self._completion(prompt) for prompt in batch]

    def _generate(self, batches: Iterable[list[Prompt]], within: Within) -> str:
        """Generate until the first batch is finished; returns the message of an error if memory runs out before."""
        try:
            engine = self.llm = self.llm or self._start()
            self._submit(engine, chain(*batches))
            self._finish(engine, next(iter(batches)), within)
        except Exception as error:
            if not short_of_memory(error):
                raise
            return (str(error) or type(error).__name__).splitlines()[0].partition(". ")[0][:300]
        return ""

    def _submit(self, engine: "LLM", prompts: Iterable[Prompt]) -> None:
        """Submit the prompts that are not submitted yet; prefixes are shared with samples that are in progress."""
        if not self._submitted:
            engine.reset_prefix_cache()
        for prompt in prompts:
            if prompt.sample_id not in self._submitted:
                given = {"prompt_token_ids": [*prompt.prompt_ids, *prompt.prefix_ids]}
                engine.llm_engine.add_request(prompt.sample_id, given, self._sampling(prompt))
                self._submitted.add(prompt.sample_id)

    def _finish(self, engine: "LLM", batch: list[Prompt], within: Within) -> None:
        missing = {prompt.sample_id for prompt in batch} - self._finished.keys()
        while missing:
            for output in engine.llm_engine.step():
                self._finished[output.request_id] = output
                missing.discard(output.request_id)
                self._tokens += len(output.outputs[0].token_ids)
                within(len(self._finished), self._tokens)

    def noted(self) -> dict[str, Any]:
        """Return the GPUs, the options that vLLM chose, and those lowered because memory ran out."""
        from vllm.platforms import current_platform

        return {
            "devices": 0 if current_platform.is_cpu() else self._options.tensor_parallel,
            **({"engine": running(self.llm)} if self.llm else {}),
            **({"lowered": self._lowered} if self._lowered else {}),
        }

    def _start(self) -> "LLM":
        manifest.check(Path(self._model))
        check_files(self._model)
        return start(self._model, self._options, self._longest, tensor_parallel_size=self._options.tensor_parallel)

    def _sampling(self, prompt: Prompt) -> "SamplingParams":
        from vllm.sampling_params import RequestOutputKind

        told = {"top_p": self._top_p, "output_kind": RequestOutputKind.FINAL_ONLY}
        return sampling(prompt.seed, self._temperature, self._limit, self._stops, **told)

    def _completion(self, prompt: Prompt) -> Completion:
        output = self._finished.pop(prompt.sample_id)
        self._submitted.discard(prompt.sample_id)
        (drawn,) = output.outputs
        self._tokens -= len(drawn.token_ids)
        if drawn.finish_reason not in ("stop", "length"):
            raise InputError(f"{prompt.sample_id}: vLLM aborted it ({drawn.finish_reason}); see its log")
        cached = output.num_cached_tokens or 0
        return completion(prompt, list(drawn.token_ids), self._stops, self._tokenizer, cached)

    def _lower(self, told: str) -> None:
        """Free the engine, to restart it with less memory."""
        from vllm.distributed import cleanup_dist_env_and_memory

        self.llm, self._submitted = None, set(self._finished)
        gc.collect()
        cleanup_dist_env_and_memory()
        self._options = lower(self._options, told)
        self._lowered = self._options.model_dump(include={"memory_share", "max_sequences"}, exclude_none=True)
        now = ", ".join(f"{name} {value:g}" for name, value in self._lowered.items())
        say(f"out of memory ({told}); retrying with {now}")


def start(model: str, options: Shape, longest: int, **more: Any) -> "LLM":
    """Start vLLM in this process for texts of at most `longest` tokens; `more` are options of vLLM itself.

    Raises InputError if the share of the memory is too small for one such text.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from vllm import LLM
    from vllm.platforms import current_platform

    try:
        return LLM(
            model, dtype=options.dtype, load_format="safetensors", generation_config="vllm", trust_remote_code=False,
            max_model_len=longest, gpu_memory_utilization=options.memory_share, max_num_seqs=options.max_sequences,
            enable_prefix_caching=True, **(ON_CPU if current_platform.is_cpu() else {}), **more,
        )  # fmt: skip
    except ValueError as error:
        if not _NO_CACHE.search(str(error)):
            raise
        or_split = " or tensor_parallel" if "tensor_parallel_size" in more else ""
        raise InputError(
            f"{model}: a share of {options.memory_share:g} of the memory has no room for a completion of {longest}"
            f" tokens next to the model; raise memory_share{or_split} of the engine, or"
            " lower max_new_tokens"
        ) from error


def running(llm: "LLM") -> dict[str, Any]:
    """Return the options that vLLM itself chose, for the cost file."""
    config = llm.llm_engine.vllm_config
    return {
        "max_sequences": config.scheduler_config.max_num_seqs,
        "batched_tokens": config.scheduler_config.max_num_batched_tokens,
        "chunked_prefill": config.scheduler_config.enable_chunked_prefill,
        "cuda_graphs": not config.model_config.enforce_eager,
        "prefix_caching": config.cache_config.enable_prefix_caching,
    }


def sampling(seed: int, temperature: float, limit: int, stops: Collection[int], **more: Any) -> "SamplingParams":
    """Return vLLM's options for one completion; `more` are further ones of vLLM."""
    from vllm import SamplingParams

    return SamplingParams(
        temperature=temperature, max_tokens=limit, seed=None if temperature == 0 else seed,
        stop_token_ids=sorted(stops), detokenize=False, **more,
    )  # fmt: skip


def lower(options: VllmEngine, told: str) -> VllmEngine:
    """Lower the memory share by a tenth, and halve the sequences, unless other processes occupy the memory.

    Raises InputError if nothing can be lowered further.
    """
    share = round(options.memory_share - STEP, 6)
    if share <= 0:
        raise InputError(
            f"out of memory even with memory_share {options.memory_share:g} and max_sequences"
            f" {options.max_sequences}: {told}; free memory, or raise tensor_parallel of the engine"
        )
    fewer = options.max_sequences if _HELD.search(told) else max((options.max_sequences or MOST) // 2, 1)
    return options.model_copy(update={"memory_share": share, "max_sequences": fewer})


def short_of_memory(error: BaseException | None) -> bool:
    """Return whether an error, or one of its causes, is an out-of-memory error."""
    if error is None:
        return False
    told = str(error)
    found = isinstance(error, MemoryError) or _HELD.search(told) or _OUT.search(told)
    return bool(found) or short_of_memory(error.__cause__ or error.__context__)
