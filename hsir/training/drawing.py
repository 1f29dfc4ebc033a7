"""What generates rollouts: for the prompts of a step, the tokens, and the log-probabilities if vLLM drew them."""

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from trl.models.utils import unwrap_model_for_generation

from hsir.config.rollouts import TransformersRollouts
from hsir.progress import doing
from hsir.sampling.engines.base import Prompt, batches
from hsir.sampling.engines.transformers import TransformersRunner

if TYPE_CHECKING:
    from trl import GRPOTrainer


class Drawn(NamedTuple):
    """A rollout: token ids (with the stop token), and its tokens' log-probabilities if they are not the trainer's."""

    ids: list[int]
    logps: list[float] | None = None


class Sampler(Protocol):
    """Generates rollouts with the policy as it is now."""

    def __call__(self, prompts: list[Prompt]) -> dict[int, Drawn]:
        """Return a rollout for each prompt, by its seed; all processes call this together, even without prompts."""
        ...


class OwnSampler:
    """The decoding loop of the stage sample, with the model in training itself."""

    def __init__(self, trainer: "GRPOTrainer", options: TransformersRollouts) -> None:
        self._trainer, self._size = trainer, options.batch_size

    def __call__(self, prompts: list[Prompt]) -> dict[int, Drawn]:
        """Return a rollout for each prompt, by its seed; TRL's `generate` would continue finished ones."""
        trainer, args = self._trainer, self._trainer.args
        given = {"gather_deepspeed3_params": args.ds3_gather_for_generation}
        checkpointing = {"gradient_checkpointing_kwargs": args.gradient_checkpointing_kwargs}
        drawn, drawing = dict[int, Drawn](), Drawing(len(prompts))
        # All processes gather sharded weights together, even those without a prompt.
        with unwrap_model_for_generation(trainer.model_wrapped, trainer.accelerator, **given, **checkpointing) as model:
            limit = trainer.max_completion_length
            runner = TransformersRunner(model, trainer.processing_class, trainer.temperature, limit)
            training = model.training
            model.eval()
            try:
                for batch in batches(prompts, self._size):
                    completed = runner.complete(batch, drawing.within)
                    drawn |= {one.prompt.seed: Drawn(one.completion_ids) for one in completed}
                    drawing.finished(len(completed), sum(len(one.completion_ids) for one in completed))
            finally:
                model.train(training)
        return drawn


class Drawing:
    """Reports the progress of a step's rollouts."""

    def __init__(self, total: int) -> None:
        self._total, self._began, self._done, self._tokens = total, time.monotonic(), 0, 0

    def finished(self, rollouts: int, tokens: int) -> None:
        """Count the rollouts of a batch, and their tokens."""
        self._done, self._tokens = self._done + rollouts, self._tokens + tokens
        self.within(0.0, 0)

    def within(self, share: float, tokens: int) -> None:
        """Report the progress of the current batch."""
        rate = (self._tokens + tokens) / max(time.monotonic() - self._began, 1e-6)
        doing(f"sampling rollouts, {int(self._done + share)}/{self._total}, {rate:,.0f} tokens/s")
