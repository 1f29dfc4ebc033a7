"""TRL's GRPOTrainer on questions: prompts are token ids, and one of HSIR's samplers generates the rollouts."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from trl import GRPOTrainer
from trl.trainer.utils import split_tensor_dict

from hsir.config.rollouts import RolloutEngine, VllmRollouts
from hsir.progress import doing
from hsir.sampling.engines.base import Prompt
from hsir.sampling.engines.seeds import rollout_seed
from hsir.training.drawing import Drawn, OwnSampler, Sampler
from hsir.training.resample import Resampling

Tensors = dict[str, torch.Tensor]


class QuestionTrainer(GRPOTrainer):  # type: ignore[misc]
    """GRPO whose rollouts depend only on seed, step, question and number, and whose passes have little padding.

    `longest` is the maximum number of tokens of a prompt with its rollout.
    """

    def __init__(
        self, *args: Any, engine: RolloutEngine, longest: int, resampling: Resampling | None = None, **kwargs: Any
    ) -> None:
        self._buffered_inputs: list[Tensors] | None = None
        super().__init__(*args, **kwargs)
        self._resampling = resampling
        self._names: list[str] = []
        self._drawn_in_step: dict[int, Drawn] = {}
        """Rollouts by the seeds of their noise."""
        self._seconds = 0.0
        # TRL reads `use_vllm` again to correct the loss; its own engine is not started.
        self.use_vllm = isinstance(engine, VllmRollouts)
        self.sampler = started(self, engine, longest)

    def _tokenize_prompts(self, prompts: list[list[int]]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return prompts, None, {}

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> Tensors:
        self._drawn_in_step, self._seconds = {}, 0.0
        if self._resampling is not None:
            inputs = self._resampling(inputs, self.state.global_step, self.accelerator.process_index, self._ids)
            self._log_metric("resampled/questions", self._resampling.exchanged)
            self._log_metric("resampled/tokens", self._resampling.tokens)
        self._names = [one["question_id"] for one in inputs]
        scored: Tensors = super()._generate_and_score_completions(inputs)
        if "importance_sampling_ratio" in scored:
            share = clipped(scored, self.vllm_importance_sampling_clip_max)
            self._metrics["train"]["sampling/clipped"].append(self.accelerator.gather(share).mean().item())
        return scored

    def _rollouts(self, inputs: list[dict[str, Any]]) -> list[Drawn]:
        """Generate a rollout for each input, in order; those already generated in this step are reused."""
        began, names = time.monotonic(), [one["question_id"] for one in inputs]
        prompts = numbered([one["prompt"] for one in inputs], names, self.args.seed, self.state.global_step)
        self._drawn_in_step |= self.sampler([prompt for prompt in prompts if prompt.seed not in self._drawn_in_step])
        self._seconds += time.monotonic() - began
        return [self._drawn_in_step[prompt.seed] for prompt in prompts]

    def _ids(self, inputs: list[dict[str, Any]]) -> list[list[int]]:
        return [one.ids for one in self._rollouts(inputs)]

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], *_: Any, **__: Any
    ) -> tuple[list[list[int]], list[list[float]] | None]:
        """Generate a rollout for each prompt of this process, in order, with the log-probabilities of vLLM."""
        asked = zip(self._names, prompt_ids, strict=True)
        drawn = self._rollouts([{"question_id": name, "prompt": prompt} for name, prompt in asked])
        self._log_metric("rollouts/seconds", self._seconds)
        logps = [one.logps for one in drawn if one.logps is not None]
        return [one.ids for one in drawn], logps or None

    def _prepare_inputs(self, generation_batch: Any) -> Tensors:
        """Return the rollouts of a pass; a step's rollouts are assigned to its passes by length."""
        before = self._buffered_inputs
        inputs: Tensors = super()._prepare_inputs(generation_batch)
        passes = self.args.steps_per_generation
        if self._buffered_inputs is not None and self._buffered_inputs is not before:
            self._buffered_inputs = by_length(self._buffered_inputs)
            inputs = self._buffered_inputs[self._step % passes]
        doing(f"learning from rollouts, pass {self._step % passes + 1}/{passes}")
        return inputs

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor, logits_to_keep: int,
        batch_size: int | None = None, compute_entropy: bool = False, compute_aux_loss: bool = False, **how: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:  # fmt: skip
        """Compute rows in order of length, at most `batch_size` per pass, padded on the right only."""
        if compute_aux_loss:  # a mixture of experts is balanced over all tokens; the mask excludes padding
            found: tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]
            found = super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, batch_size, compute_entropy, True, **how
            )
            return found
        order, size, read = attention_mask.sum(1).argsort(stable=True), batch_size or len(input_ids), []
        for n, rows in enumerate(torch.split(order, size)):
            if batch_size:
                doing(f"reading rollouts, {n * size}/{len(order)}")
            ids, labels, places = aligned(input_ids[rows], attention_mask[rows], logits_to_keep)
            with self.accelerator.autocast():
                out = model(input_ids=ids, labels=labels, fused_lm_head=True)
            told = [out.log_probs, out.entropy] if compute_entropy else [out.log_probs]
            mask = attention_mask[rows, -logits_to_keep:] > 0
            read.append([one.gather(1, places).where(mask, 0.0) for one in told])
        whole = [torch.cat(one)[order.argsort()] for one in zip(*read, strict=True)]
        return whole[0], whole[1] if compute_entropy else None, None


def started(trainer: QuestionTrainer, engine: RolloutEngine, longest: int) -> Sampler:
    """Return the sampler of rollouts; only vLLM's imports vLLM."""
    if isinstance(engine, VllmRollouts):
        from hsir.training.vllm import VllmSampler

        return VllmSampler(trainer, engine, longest)
    return OwnSampler(trainer, engine)


def clipped(scored: Tensors, largest: float) -> torch.Tensor:
    """Return the share of probability ratios (trainer to vLLM) above the largest: of rollouts, or of tokens."""
    mask = scored["completion_mask"]
    # As in TRL, a token without a log-probability does not count.
    apart = ((scored["old_per_token_logps"] - scored["sampling_per_token_logps"]) * mask).nan_to_num()
    if scored["importance_sampling_ratio"].shape[1] == 1:
        return (apart.sum(1).exp() > largest).float().mean()
    return ((apart.exp() > largest) * mask).sum() / mask.sum()


def numbered(contexts: Sequence[list[int]], names: Sequence[str], seed: int, step: int) -> list[Prompt]:
    """Build prompts from contexts (token ids) and question names; the rollouts of a question are numbered."""
    seen, prompts = Counter[str](), []
    for context, name in zip(contexts, names, strict=True):
        n = seen[name]
        prompts.append(Prompt(f"{name}/{n}", name, context, rollout_seed(seed, step, name, n)))
        seen[name] += 1
    return prompts


def by_length(passes: Sequence[Tensors]) -> list[Tensors]:
    """Redistribute a step's rollouts over the same number of passes, shortest first; scalars stay unchanged."""
    whole = {
        name: torch.cat([one[name] for one in passes]) if tensor.dim() else tensor for name, tensor in passes[0].items()
    }
    order = (whole["prompt_mask"].sum(1) + whole["completion_mask"].sum(1)).argsort(stable=True)
    ordered = {name: tensor[order] if tensor.dim() else tensor for name, tensor in whole.items()}
    split: list[Tensors] = split_tensor_dict(ordered, len(passes))
    return split


def aligned(ids: torch.Tensor, mask: torch.Tensor, completion: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Shift rows to the left: a causal model then needs no mask, because no token attends to the padding after it.

    Ids and mask [n, w] are those of prompts, padded on the left, and of completions in the last columns, padded on the
    right. Returns ids and labels [n, longest], -100 outside completions, and [n, completion]: the index of each
    completion token in the next-token outputs, [n, longest - 1]; any index where there is no token.
    """
    lengths, first, width = mask.sum(1), mask.argmax(1), ids.shape[1]
    longest = int(lengths.max())
    columns = torch.arange(longest, device=ids.device)
    moved = ids.gather(1, (first[:, None] + columns).clamp_max(width - 1))
    prompts = width - completion - first
    outside = (columns < prompts[:, None]) | (columns >= lengths[:, None])
    places = prompts[:, None] - 1 + torch.arange(completion, device=ids.device)
    return moved, moved.masked_fill(outside, -100), places.clamp_max(longest - 2)
