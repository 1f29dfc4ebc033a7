"""The engine for GPUs: vLLM within this process, so that the output of a batch depends on that batch alone."""

import gc
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hsir.config.engines import VllmEngine
from hsir.config.rollouts import VllmRollouts
from hsir.errors import InputError
from hsir.progress import say
from hsir.sampling.engines.base import Completion, Prompt, Within, completion, unheard
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
STEP = 0.1
"""Step by which the memory share is lowered."""

_HELD = re.compile(r"is less than desired")
_OUT = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)
_NO_CACHE = re.compile(r"KV cache|cache blocks", re.IGNORECASE)


class VllmRunner:
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
        self._llm: LLM | None = None

    def complete(self, batch: list[Prompt], within: Within = unheard) -> list[Completion]:
        """Complete one batch, in order; if memory runs out, retry with less. Reports no progress within the batch."""
        while True:
            try:
                outputs = self.generate(batch)
            except Exception as error:
                if not short_of_memory(error):
                    raise
                told = str(error).splitlines()[0].partition(". ")[0][:300]
            else:
                return [self._completion(prompt, output) for prompt, output in zip(batch, outputs, strict=True)]
            self._lower(told)  # not within the handler, because the error keeps the engine's memory alive

    def generate(self, batch: list[Prompt]) -> "list[RequestOutput]":
        """Return vLLM's completions of a batch, which shares prefixes internally, but not with earlier batches."""
        engine = self._llm = self._llm or self._start()
        engine.reset_prefix_cache()
        prompts = [{"prompt_token_ids": [*prompt.prompt_ids, *prompt.prefix_ids]} for prompt in batch]
        made: list[RequestOutput] = engine.generate(prompts, [*map(self._sampling, batch)], use_tqdm=False)
        return made

    def noted(self) -> dict[str, Any]:
        """Return the GPUs, and the options lowered because memory ran out."""
        from vllm.platforms import current_platform

        devices = 0 if current_platform.is_cpu() else self._options.tensor_parallel
        return {"devices": devices, **({"lowered": self._lowered} if self._lowered else {})}

    def _start(self) -> "LLM":
        manifest.check(Path(self._model))
        check_files(self._model)
        return start(self._model, self._options, self._longest, tensor_parallel_size=self._options.tensor_parallel)

    def _sampling(self, prompt: Prompt) -> "SamplingParams":
        return sampling(prompt.seed, self._temperature, self._limit, self._stops, top_p=self._top_p)

    def _completion(self, prompt: Prompt, output: "RequestOutput") -> Completion:
        (drawn,) = output.outputs
        if drawn.finish_reason not in ("stop", "length"):
            raise InputError(f"{prompt.sample_id}: vLLM aborted it ({drawn.finish_reason}); see its log")
        cached = output.num_cached_tokens or 0
        return completion(prompt, list(drawn.token_ids), self._stops, self._tokenizer, cached)

    def _lower(self, told: str) -> None:
        """Free the engine, to restart it with less memory."""
        from vllm.distributed import cleanup_dist_env_and_memory

        self._llm = None
        gc.collect()
        cleanup_dist_env_and_memory()
        self._options = lower(self._options, told)
        self._lowered = self._options.model_dump(include={"memory_share", "max_sequences"})
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
    fewer = options.max_sequences if _HELD.search(told) else max(options.max_sequences // 2, 1)
    return options.model_copy(update={"memory_share": share, "max_sequences": fewer})


def short_of_memory(error: BaseException | None) -> bool:
    """Return whether an error, or one of its causes, is an out-of-memory error."""
    if error is None:
        return False
    told = str(error)
    found = isinstance(error, MemoryError) or _HELD.search(told) or _OUT.search(told)
    return bool(found) or short_of_memory(error.__cause__ or error.__context__)
