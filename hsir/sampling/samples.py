"""The samples of a pool: the prompts, each with its own name and seed, and their completions.

A prompt is the input of an engine; a row of the table `samples` is what is kept of its completion.
"""

from collections.abc import Iterable, Sequence

from hsir.sampling.engines.base import Completion, Engine, Prompt, batches
from hsir.sampling.engines.seeds import sample_seed
from hsir.storage.tables import Row


def sample(engine: Engine, prompts: list[Prompt], batch_size: int = 64) -> list[Row]:
    """Complete all prompts; returns rows of the table `samples`, by sample id. Prompts of similar length are decoded
    together, `batch_size` at a time.
    """
    completed = (one for done in engine.stream(batches(prompts, batch_size)) for one in done)
    return sorted(map(sample_row, completed), key=lambda row: str(row["sample_id"]))


def question_prompts(
    questions: Iterable[Row], pool: str, samples: int, seed: int = 0, opening: Sequence[int] = ()
) -> list[Prompt]:
    """Prompt each question (a row of `questions`) `samples` times; completions start with the tokens of `opening`."""
    return [
        Prompt(f"{row['question_id']}-{pool}-{n:04d}", row["question_id"], row["prompt_ids"],
               sample_seed(seed, row["question_id"], n), list(opening))
        for row in questions
        for n in range(samples)
    ]  # fmt: skip


def asked_prompts(
    asked: Iterable[Row], pool: str, samples: int, seed: int = 0, opening: Sequence[int] = ()
) -> list[Prompt]:
    """Sample each row of `asked` the given number of times; if it quotes a sample, seeds depend on that sample."""
    return [
        Prompt(f"{row['question_id']}-{pool}-{_number(row['parent_id']) * samples + n:04d}", row["question_id"],
               row["prompt_ids"], sample_seed(seed, row["parent_id"] or row["question_id"], n), list(opening),
               row["parent_id"])
        for row in asked
        for n in range(row["first"], row["first"] + row["draws"])
    ]  # fmt: skip


def recycled_prompts(recycled: Iterable[Row], pool: str, samples: int, seed: int = 0) -> list[Prompt]:
    """Continue each prefix (a row of `veriexit`) `samples` times; rows without a cut are skipped."""
    return [
        Prompt(f"{row['question_id']}-{pool}-{_number(row['parent_id']) * samples + n:04d}",
               row["question_id"], row["prompt_ids"], sample_seed(seed, row["parent_id"], n),
               row["prefix_ids"], row["parent_id"], row["cut_step"])
        for row in recycled
        if row["cut_step"] is not None
        for n in range(samples)
    ]  # fmt: skip


def probe_prompts(probed: Iterable[Row], pool: str, samples: int, seed: int = 0) -> list[Prompt]:
    """Answer `samples` times after each probed step (a row of `veriexit`). The seed depends on the solution, the step
    and the number.
    """
    return [
        Prompt(f"{row['parent_id']}-{pool}-{row['cut_step']:03d}-{n:02d}", row["question_id"], row["prompt_ids"],
               sample_seed(seed, f"{row['parent_id']}\0{row['cut_step']}", n), row["prefix_ids"], row["parent_id"],
               row["cut_step"])
        for row in probed
        for n in range(samples)
    ]  # fmt: skip


def sample_row(completion: Completion) -> Row:
    """Convert a completion to a row of the table `samples`."""
    prompt = completion.prompt
    n_tokens = len(completion.completion_ids)
    return {
        "sample_id": prompt.sample_id, "question_id": prompt.question_id, "prompt_ids": prompt.prompt_ids,
        "completion": completion.text, "completion_ids": completion.completion_ids, "n_tokens": n_tokens,
        "n_generated": n_tokens - len(prompt.prefix_ids), "finish": completion.finish, "seed": prompt.seed,
        "parent_id": prompt.parent_id, "cut_step": prompt.cut_step,
    }  # fmt: skip


def _number(sample_id: str | None) -> int:
    """Return the number of a sample among those of its question."""
    return int(sample_id.rsplit("-", 1)[1]) if sample_id else 0
