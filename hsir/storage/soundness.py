"""Check that a loaded model is complete: loaders fill missing weights at random, and a broken model still answers."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hsir.errors import InputError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ROUND_TRIP = "The answer is 42."
NAMED = 3
"""Maximum number of weights that an error names; the rest are counted."""
REMEDY = "download or copy the model again; if HSIR trained this checkpoint, delete it and retrain"


def check_weights(path: str, model: "PreTrainedModel", told: Mapping[str, Any]) -> None:
    """Raise InputError unless each weight of the model was in its files, with the right shape, finite, and not all
    zeros.

    `told` is the loading report of transformers (`output_loading_info`); it omits tied weights, and those that a model
    class ignores on purpose.
    """
    mismatched = [f"{name} {list(found)}, not {list(wanted)}" for name, found, wanted in told["mismatched_keys"]]
    _refuse(path, "of a different shape than in config.json", mismatched)
    _refuse(path, "missing", told["missing_keys"])
    _refuse(path, "not part of the model in config.json", told["unexpected_keys"])
    _refuse(path, "not readable", told["error_msgs"])
    _check_values(path, model.named_parameters())


def check_files(path: str) -> None:
    """Raise InputError if weights in a folder are not finite, or all zeros, before another library loads them."""
    from safetensors import safe_open

    for file in sorted(Path(path).glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            _check_values(path, ((name, tensors.get_tensor(name)) for name in tensors.offset_keys()))


def check_tokenizer(path: str, tokenizer: "PreTrainedTokenizerBase") -> None:
    """Raise InputError for a tokenizer that loses text: without its files, transformers builds an empty one."""
    ids = tokenizer(ROUND_TRIP, add_special_tokens=False)["input_ids"]
    text = tokenizer.decode(ids, skip_special_tokens=True)
    if _letters(text) != _letters(ROUND_TRIP):
        raise InputError(
            f"{path}: the tokenizer turns {ROUND_TRIP!r} into {text!r} ({len(tokenizer):,} tokens in its vocabulary);"
            f" its files (tokenizer.json, or tokenizer.model) are missing or damaged: {REMEDY}"
        )


def check_logits(path: str, chosen: "torch.Tensor", logits: "torch.Tensor", first: bool) -> None:
    """Raise InputError if the next tokens' logits [b, vocabulary] are not numbers, or, in the first step, all the same.

    `chosen` [b, 1] are the chosen tokens: argmax picks NaN, so that a NaN is among them.
    """
    if not logits.gather(1, chosen).isfinite().all():
        raise InputError(f"{path}: the model's logits are not finite numbers; {REMEDY}, or set dtype: float32")
    if first and (logits == logits[:, :1]).all(1).any():
        raise InputError(f"{path}: the model's logits are the same for every token; {REMEDY}")


def _check_values(path: str, weights: Iterable[tuple[str, "torch.Tensor"]]) -> None:
    infinite, zeros = [], []
    for name, weight in weights:
        if weight.numel() and weight.is_floating_point() and weight.element_size() > 1:  # else quantized, or elsewhere
            low, high = weight.detach().aminmax()  # NaN if any value is NaN; makes no copy
            infinite += [name] * (not bool(low.isfinite() & high.isfinite()))
            zeros += [name] * (weight.dim() > 1 and not low and not high)  # biases and scales may be all zeros
    _refuse(path, "not finite numbers", infinite)
    _refuse(path, "all zeros", zeros)


def _refuse(path: str, fault: str, names: Iterable[str]) -> None:
    ordered = sorted(names)
    if ordered:
        more = f" and {len(ordered) - NAMED} more" if len(ordered) > NAMED else ""
        raise InputError(f"{path}: weights are {fault}: {', '.join(ordered[:NAMED])}{more}; {REMEDY}")


def _letters(text: str) -> str:
    return "".join(text.split()).casefold()
