"""Save a trained policy: its number format, and its files."""

from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from hsir.config.training import SaveDtype
from hsir.errors import HsirError
from hsir.storage import manifest, models

KNOWN = (torch.float32, torch.bfloat16, torch.float16)


def save(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, dtype: torch.dtype,
    weights: dict[str, torch.Tensor] | None = None,
) -> None:  # fmt: skip
    """Save a complete policy: weights in `dtype`, config, tokenizer, manifest; the model is converted in place.

    `weights` replace the model's own if these are sharded over processes. Raises HsirError for a weight outside the
    range of `dtype`.
    """
    if weights is None:
        named = dict(model.to(dtype).named_parameters())
    else:
        named = weights = {name: w.to(dtype) if w.is_floating_point() else w for name, w in weights.items()}
    beyond = [name for name, weight in named.items() if weight.numel() and not _finite(weight)]
    if beyond:
        raise HsirError(
            f"the weights {', '.join(beyond[:3])} cannot be saved in {name_of(dtype)}: they are out of its range,"
            " or not numbers; set save_dtype: float32, or a lower learning_rate"
        )
    model.save_pretrained(folder, state_dict=weights)
    model.config.dtype = name_of(dtype)  # several processes hold the model in another dtype
    model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    manifest.write(folder)


def resolved(chosen: SaveDtype, start: str) -> torch.dtype:
    """Return the number format for saving a policy; for `base`, that in the config of the model at `start`.

    Float32 if that model's config has none of the supported formats.
    """
    if chosen != "base":
        found: torch.dtype = getattr(torch, chosen)
        return found
    own = models.weights_dtype(start)
    return own if own in KNOWN else torch.float32


def name_of(dtype: torch.dtype) -> str:
    """Return the name of a number format as used in configs."""
    return str(dtype).removeprefix("torch.")


def _finite(weight: torch.Tensor) -> bool:
    low, high = weight.detach().aminmax()
    return bool(low.isfinite() & high.isfinite())
