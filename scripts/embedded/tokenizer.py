"""The embedded models' tokenizer: a miniature of Qwen2's."""

import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import Qwen2Tokenizer

from hsir import traces
from scripts.embedded.recipes import Recipe

PAD, TURN, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
# Qwen2's own pattern: AutoTokenizer replaces any other for this architecture.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build(recipe: Recipe) -> Qwen2Tokenizer:
    """Train the tokenizer on generated problems; integers up to 99 are single tokens."""
    rng = random.Random(0)
    corpus = []
    for _ in range(2000):
        solved = recipe.words(rng, rng.randint(1, len(recipe.weights)))
        corpus.append(f"user\n{solved.question}\nassistant\n{solved.trace}")
    core = Tokenizer(models.BPE())
    core.normalizer = normalizers.NFC()
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core.train_from_iterator(
        corpus, trainers.BpeTrainer(vocab_size=512, initial_alphabet=alphabet, show_progress=False)
    )
    core.add_special_tokens([AddedToken(token, special=True) for token in (PAD, TURN, END)])
    core.add_tokens([AddedToken(tag, normalized=False) for tag in traces.TAGS])
    core.add_tokens([AddedToken(str(n), single_word=True, normalized=False) for n in range(100)])
    tokenizer = Qwen2Tokenizer(tokenizer_object=core, eos_token=END, pad_token=PAD, unk_token=None)
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
