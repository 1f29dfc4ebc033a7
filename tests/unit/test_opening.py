"""Chat templates that open the reasoning themselves: the trace is complete all the same, from prompt to verdict."""

import shutil
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from hsir import traces
from hsir.config.engines import TransformersEngine
from hsir.config.pools import HintPool, SamplePool
from hsir.errors import InputError
from hsir.recycling.matchers import Explicit
from hsir.stages import ask, data, sample, veriexit, verify
from hsir.storage import tables
from hsir.storage.chat import opening_ids, prompt_ids
from hsir.storage.models import load_tokenizer
from hsir.tasks.chains import Chains

TASK = Chains(kind="chains", seed=4, unlabelled=4, test=4)
ENDS = {
    "DeepSeek-R1 distilled": "<think>\n",
    "QwQ": "<think>\n",
    "bare": "<think>",
    "Qwen3.5": "<think>\n",
    "none": "",
}
"""What the generation prompts of reasoning models end with."""
CLOSED = ["<think>\n\n</think>\n\n", "<think></think>"]
"""And those of modes without thinking (Qwen3 with enable_thinking=False)."""


def opened(encoder: PreTrainedTokenizerBase, embedded: Path, folder: Path, end: str) -> Path:
    """Copy the embedded model, with a chat template whose generation prompt ends so."""
    shutil.copytree(embedded, folder / "model")
    template = encoder.chat_template
    assert "add_generation_prompt" in template
    written = template + "{%- if add_generation_prompt %}{{ " + repr(end) + " }}{%- endif %}"
    (folder / "model/chat_template.jinja").write_text(written)
    return folder / "model"


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_the_opening_belongs_to_the_completion_and_not_to_the_prompt(
    end: str, encoder: PreTrainedTokenizerBase, embedded: Path, tmp_path: Path
) -> None:
    changed = load_tokenizer(str(opened(encoder, embedded, tmp_path, end)))
    assert prompt_ids(changed, "2 + 2?") == prompt_ids(encoder, "2 + 2?")
    assert changed.decode(opening_ids(changed)) == end


@pytest.mark.parametrize("end", CLOSED)
def test_a_template_that_ends_the_reasoning_at_once_is_rejected(
    end: str, encoder: PreTrainedTokenizerBase, embedded: Path, tmp_path: Path
) -> None:
    changed = load_tokenizer(str(opened(encoder, embedded, tmp_path, end)))
    with pytest.raises(InputError, match=r"model: the chat template closes the reasoning .* `chat_template:`"):
        prompt_ids(changed, "2 + 2?")


def test_a_question_that_ends_with_a_tag_is_not_taken_for_the_templates_opening(
    encoder: PreTrainedTokenizerBase,
) -> None:
    """The template writes something after the question."""
    assert "<think>" in encoder.decode(prompt_ids(encoder, "What does <think>"))


@pytest.fixture
def pool(encoder: PreTrainedTokenizerBase, embedded: Path, tmp_path: Path) -> Path:
    """Questions of a model whose template opens the reasoning, with seed traces and samples of it."""
    model = str(opened(encoder, embedded, tmp_path, "<think>\n"))
    for split in ("seed", "unlabelled"):
        data.main(model, TASK, split, tmp_path / f"{split}.parquet")  # type: ignore[arg-type]
    drawn = SamplePool(kind="sample", samples=2, max_new_tokens=60)
    sample.main(model, tmp_path / "unlabelled.parquet", drawn, "k2", tmp_path / "samples.parquet", TransformersEngine())
    verify.main([tmp_path / "samples.parquet"], tmp_path / "unlabelled.parquet", TASK, tmp_path / "verified.parquet")
    return tmp_path


def test_seed_traces_and_samples_have_the_tag_once(pool: Path, encoder: PreTrainedTokenizerBase) -> None:
    for row in tables.read("questions", pool / "seed.parquet"):
        whole = encoder.decode([*row["prompt_ids"], *row["trace_ids"]])
        assert whole.count("<think>") == 1
    for row in tables.read("samples", pool / "samples.parquet"):
        assert row["completion"].startswith("<think>\n") and row["completion"].count("<think>") == 1
        assert row["n_tokens"] - row["n_generated"] == len(encoder("<think>\n")["input_ids"])
        assert encoder.decode(row["completion_ids"], skip_special_tokens=True) == row["completion"]


def test_what_the_token_limit_cuts_off_within_the_reasoning_gives_no_answer(pool: Path) -> None:
    samples = {row["sample_id"]: row for row in tables.read("samples", pool / "samples.parquet")}
    verdicts = tables.read("verified", pool / "verified.parquet")
    cut_off = [row for row in verdicts if samples[row["sample_id"]]["finish"] == "length"]
    assert cut_off and {row["verdict"] for row in cut_off} == {"no_answer"}


def test_a_recycled_prefix_and_a_hinted_prompt_open_the_reasoning_once(
    pool: Path, encoder: PreTrainedTokenizerBase
) -> None:
    given = ([pool / "samples.parquet"], pool / "verified.parquet", pool / "unlabelled.parquet", TASK)
    veriexit.main(*given, Explicit(), str(pool / "model"), pool / "veriexit.parquet")
    rows = [row for row in tables.read("veriexit", pool / "veriexit.parquet") if row["prefix_ids"]]
    for row in rows:
        assert encoder.decode(row["prefix_ids"]).count("<think>") == 1
    hint = HintPool(kind="hint", of="k2", samples=1, max_new_tokens=8)
    ask.main(
        pool / "unlabelled.parquet", hint, TASK, str(pool / "model"), pool / "asked.parquet",
        [pool / "samples.parquet"], pool / "verified.parquet",
    )  # fmt: skip
    table = pool / "asked.parquet"
    prompts = sample.planned(table, hint, "h", 0)
    assert prompts and all(encoder.decode(prompt.prefix_ids) == "<think>\n" for prompt in prompts)


def test_the_opening_is_parted_from_the_end_of_a_prompt_alone() -> None:
    assert traces.split_opening("a<think>\n") == ("a", "<think>\n")
    assert traces.split_opening("a <think> b") == ("a <think> b", "")
    assert traces.split_opening("a<think>\n\n</think>\n\n") == ("a", "<think>\n\n</think>\n\n")
