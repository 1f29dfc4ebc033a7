"""Rollouts by vLLM in the training process (TRL's mode `colocate`): it gets the weights before each draw."""

from typing import TYPE_CHECKING, Any

import torch
from trl.generation.vllm_generation import VLLMGeneration

from hsir import stopping
from hsir.config.rollouts import VllmRollouts
from hsir.sampling.engines.base import Prompt
from hsir.sampling.engines.vllm import sampling, start
from hsir.storage.models import stop_ids
from hsir.training.drawing import Drawing, Drawn

if TYPE_CHECKING:
    from trl import GRPOTrainer
    from vllm import RequestOutput


class VllmSampler(VLLMGeneration):  # type: ignore[misc]
    """TRL gathers and names the weights; the engine, its seeds and its loop over tokens are HSIR's.

    TRL's own engine has one seed for all rollouts, so a resumed run would draw others, and SIGTERM would have to wait
    for the end of a draw. It also writes weights directly, which fails where vLLM has packed them (on a CPU).
    """

    def __init__(self, trainer: "GRPOTrainer", options: VllmRollouts, longest: int) -> None:
        self._options, self._longest = options, longest
        self._stops = stop_ids(trainer.model, trainer.processing_class)
        super().__init__(
            trainer.model, trainer.accelerator, trainer.processing_class, temperature=trainer.temperature,
            enable_sleep_mode=options.sleep and torch.cuda.is_available(),
            max_completion_length=trainer.max_completion_length,
        )  # fmt: skip

    def _init_vllm(self) -> None:
        """Start the engine; several processes have one each."""
        alone = self.accelerator.num_processes == 1
        more = {} if alone else {"distributed_executor_backend": "external_launcher"}
        self.llm = start(
            self.model.name_or_path, self._options, self._longest, enable_sleep_mode=self.enable_sleep_mode,
            # After the division by the temperature, as the trainer computes them.
            logprobs_mode="processed_logprobs", **more,
        )  # fmt: skip
        if self.enable_sleep_mode:
            self.llm.sleep(level=2)
        self.accelerator.wait_for_everyone()

    def __call__(self, prompts: list[Prompt]) -> dict[int, Drawn]:
        """Hand the weights over, and return a rollout for each prompt, by its seed."""
        self._wake("weights")
        self.sync_weights()
        self._wake("kv_cache")
        drawn = self._drawn(prompts)
        if self.enable_sleep_mode:
            self.llm.sleep(level=2)
        return drawn

    def _wake(self, part: str) -> None:
        """Give a part of vLLM its memory back, after what torch keeps in reserve was freed."""
        if self.enable_sleep_mode:
            torch.cuda.empty_cache()
            self.llm.wake_up(tags=[part])

    def sync_weights(self) -> None:
        """Hand the weights of the model in training over, and forget the prefixes computed with older ones."""
        # vLLM reads a layer once it is complete; a gathered weight or a merged adapter may be gone by then.
        copies = ((name, weight.clone()) for name, weight in self._iter_named_params())
        self.llm.collective_rpc("reload_weights", kwargs={"weights_iterator": copies})
        if not torch.cuda.is_available():
            self.llm.apply_model(pack_head)
        self.llm.reset_prefix_cache()

    def _drawn(self, prompts: list[Prompt]) -> dict[int, Drawn]:
        from vllm.sampling_params import RequestOutputKind

        engine, drawing, drawn = self.llm.llm_engine, Drawing(len(prompts)), dict[int, Drawn]()
        told = {"logprobs": 0, "output_kind": RequestOutputKind.FINAL_ONLY}
        for prompt in prompts:
            how = sampling(prompt.seed, self.temperature, self.max_completion_length, self._stops, **told)
            engine.add_request(str(prompt.seed), {"prompt_token_ids": prompt.prompt_ids}, how)
        drawing.within(0.0, 0)
        while engine.has_unfinished_requests():
            stopping.break_if_told()
            for output in engine.step():
                drawn[int(output.request_id)] = one = read(output)
                drawing.finished(1, len(one.ids))
        return drawn


def pack_head(model: torch.nn.Module) -> None:
    """On a CPU, pack the output weights again: those tied to the input's have a copy that vLLM does not reload."""
    head: Any = model.get_submodule("lm_head")
    head.quant_method.process_weights_after_loading(head)


def read(output: "RequestOutput") -> Drawn:
    """Return a finished rollout with the log-probabilities of its tokens."""
    (made,) = output.outputs
    ids = list(made.token_ids)
    return Drawn(ids, [at[token].logprob for at, token in zip(made.logprobs or (), ids, strict=True)])
