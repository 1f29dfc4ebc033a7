"""Sizes, random models and examples of the benchmark on a GPU, in Qwen2.5's shapes; `TINY` is for any machine."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from hsir.storage.models import load_tokenizer

ENCODER = Path(__file__).parents[1] / "hsir" / "embedded" / "model"


class Size(NamedTuple):
    """The sizes of a benchmark: tokens are per prompt, completion or example."""

    models: dict[str, dict[str, int]]
    vocabulary: int
    batch: int
    prompt: int
    new: int
    scored: int
    lengths: tuple[int, ...]
    examples: int
    longest: int
    pass_tokens: int
    questions: int
    rounds: int
    dtype: str
    share: float

    @property
    def trained(self) -> dict[str, int]:
        """The shape of the model that generates and trains: with AdamW's state in float32, it fits on 40 GB."""
        return next(iter(self.models.values()))


FULL = Size(
    {
        "Qwen2.5-1.5B": {
            "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
            "num_key_value_heads": 2,
        },
        "Qwen2.5-7B": {
            "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
            "num_key_value_heads": 4,
        },
    },
    vocabulary=151936, batch=256, prompt=256, new=512, scored=16384, lengths=(512, 2048), examples=128, longest=4096,
    pass_tokens=16384, questions=14, rounds=10, dtype="bfloat16", share=0.4,
)  # fmt: skip
TINY = Size(
    {
        "tiny": {
            "hidden_size": 128, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4,
            "num_key_value_heads": 2,
        }
    },
    vocabulary=1024, batch=4, prompt=16, new=8, scored=2048, lengths=(256, 512), examples=16, longest=128,
    pass_tokens=256, questions=2, rounds=2, dtype="float32", share=0.05,
)  # fmt: skip


def examples(size: Size) -> list[dict[str, Any]]:
    """Return examples with lengths like those of long solutions: a quarter of the longest in the middle, log-normal."""
    generator = torch.Generator().manual_seed(0)
    lengths = (torch.randn(size.examples, generator=generator).mul(0.6).exp() * size.longest / 4).long()
    return [
        {"sample_id": str(n), "prompt_ids": [1] * 8, "loser_ids": None,
         "completion_ids": torch.randint(5, 1000, (length,), generator=generator).tolist()}
        for n, length in enumerate(lengths.clamp(8, size.longest - 8).tolist())
    ]  # fmt: skip


def tokens_of(row: dict[str, Any]) -> int:
    """Return the number of tokens of an example."""
    return len(row["prompt_ids"]) + len(row["completion_ids"])


def random_model(size: Size, shape: dict[str, int], dtype: torch.dtype, **options: str) -> PreTrainedModel:
    """Build a random model, on the GPU if there is one."""
    config = Qwen2Config(
        vocab_size=size.vocabulary, max_position_embeddings=32768, tie_word_embeddings=True, **options, **shape
    )
    with torch.device(device()):
        return Qwen2ForCausalLM(config).to(dtype).eval()


@contextmanager
def saved(size: Size, dtype: torch.dtype) -> Iterator[Path]:
    """Yield a folder with a random model and a tokenizer, and delete it afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        random_model(size, size.trained, dtype).save_pretrained(folder)
        load_tokenizer(str(ENCODER)).save_pretrained(folder)
        yield Path(folder)


def device() -> str:
    """Return where models are built."""
    return "cuda" if torch.cuda.is_available() else "cpu"
