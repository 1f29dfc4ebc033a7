"""Stage score: InDiv of the correct solutions of a pool, or of any solutions in a file."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hsir.config.settings import Score
from hsir.errors import InputError
from hsir.progress import Progress, say
from hsir.stages import cli
from hsir.stages.parts import Parts
from hsir.storage import belonging, tables
from hsir.storage.chat import rendered
from hsir.storage.models import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from hsir.diversity.indiv.reading import Solution
    from hsir.diversity.indiv.score import Batch, Scorer


def main(
    policy: Annotated[str, typer.Option(help="The policy that generated the samples: a model folder.")],
    output: Annotated[Path, cli.file_option("--out", "Table of scores and their parts.", *tables.SUFFIXES)],
    rows: Annotated[
        Path | None,
        cli.file_option("--in", "Rows of `id`, `prompt` (text, or messages), `completion`.", *tables.SUFFIXES),
    ] = None,
    samples: Annotated[
        list[Path], typer.Option(help="Alternatively, the pool's sample shards; repeat the option for each shard.")
    ] = [],
    verified: Annotated[Path | None, typer.Option(help="The pool's verdicts; correct solutions are scored.")] = None,
    score: Annotated[Score, cli.json_option(Score, "The score set, as JSON.")] = Score(),
    every: Annotated[
        bool, typer.Option("--all", help="Score the pool's failed solutions as well, as far as they have reasoning.")
    ] = False,
    cost: Annotated[Path | None, typer.Option(help="JSON output: time and tokens.")] = None,
) -> None:
    """Score solutions by intrinsic diversity: the correct ones of a pool, all of them, or all rows of a file."""
    if (rows is None) == (not samples) or bool(samples) != (verified is not None):
        raise InputError("give --in with your own rows, or --samples and --verified of a pool")
    made_by = tables.provenance(
        "score", [Path(policy), *([rows] if rows else []), *samples, *([verified] if verified else [])], score=score,
        **({"every": True} if every else {}),  # left out otherwise: scores made before it existed stay valid
    )  # fmt: skip
    parts: Parts[Batch] = Parts("indiv-scores", output, made_by, cost)
    with cli.locked(output):
        if parts.finished():
            say(f"{output}: already written by another process; skipping")
            return
        if verified:
            belonging.check_pool(samples, [verified], policy=Path(policy))
        encoder = load_tokenizer(policy)
        found = from_rows(rows, encoder) if rows else from_pool(samples, verified, every)
        run(list(read_all(found, encoder, score, every)), parts, policy, score)


def run(solutions: "list[Solution]", parts: "Parts[Batch]", policy: str, options: Score) -> None:
    """Score the solutions without a part, and join the parts."""
    from hsir.diversity.indiv.score import batches, opened

    missing = parts.missing(batches(solutions, options.token_budget))
    if missing:
        say(f"loading {policy}")
        compute(missing, parts, opened(policy, options), len(solutions))
    parts.join()


def compute(missing: "list[tuple[int, Batch]]", parts: "Parts[Batch]", scorer: "Scorer", total: int) -> None:
    """Score batches, and write each as soon as it is finished."""
    done = total - sum(len(batch) for _, batch in missing)
    tokens = {number: sum(one.tokens.length for one in batch) for number, batch in missing}
    with Progress("scoring", "solutions", total, done, sum(tokens.values())) as progress:
        for number, batch in missing:
            scored = scorer.score(batch)
            parts.write(number, [{"sample_id": name, **one._asdict(), "indiv": one.indiv} for name, one in scored])
            progress.advance(len(batch), tokens[number])


def from_pool(samples: list[Path], verified: Path | None, every: bool = False) -> "Iterator[Solution]":
    """Return the correct solutions of a pool, or all of them."""
    from hsir.diversity.indiv.reading import Solution

    right = {row["sample_id"] for row in tables.read("verified", verified or []) if row["verdict"] == "right"}
    for row in tables.read("samples", samples, ["sample_id", "prompt_ids", "completion_ids"]):
        if every or row["sample_id"] in right:
            yield Solution(**row)


def from_rows(path: Path, encoder: "PreTrainedTokenizerBase") -> "Iterator[Solution]":
    """Tokenize the rows of a file; raises InputError naming file, line and a fix."""
    from hsir.diversity.indiv.reading import Solution

    seen: dict[str, int] = {}
    for where, number, row in cli.rows(path, ("prompt", "completion")):
        name = str(row.get("id", number))
        if name in seen:
            raise InputError(f"{where}: the id {name!r} is also that of line {seen[name]}; ids must be unique")
        seen[name] = number
        prompt, completion = row["prompt"], row["completion"]
        if isinstance(prompt, list):
            prompt = rendered(encoder, messages(where, prompt))
        if not isinstance(prompt, str) or not isinstance(completion, str):
            raise InputError(f"{where}: prompt must be text or messages, completion text")
        ids = [encoder(text, add_special_tokens=False)["input_ids"] for text in (prompt, completion)]
        if not ids[1]:
            raise InputError(f"{where}: the completion is empty; remove the row")
        yield Solution(name, *ids)


def messages(where: str, prompt: list[object]) -> list[dict[str, str]]:
    """Check a chat; raises InputError for messages without `role` and `content`, which a template would omit."""
    for message in prompt:
        if not isinstance(message, dict) or not all(isinstance(message.get(key), str) for key in ("role", "content")):
            raise InputError(
                f"{where}: a message must be an object with the texts `role` and `content`, not {message!r:.80}"
            )
    if not prompt:
        raise InputError(f"{where}: the prompt has no message")
    return [dict(message) for message in prompt if isinstance(message, dict)]


def read_all(
    solutions: "Iterable[Solution]", encoder: "PreTrainedTokenizerBase", options: Score, skip: bool
) -> "Iterator[Solution]":
    """Restrict solutions to what the score set reads. One without reasoning is skipped, because a failed one may have
    none, or raises InputError."""
    from hsir.diversity.indiv.reading import read

    for solution in solutions:
        found = read(solution, encoder, options)
        if found is not None:
            yield found
        elif not skip:
            raise InputError(
                f"sample {solution.sample_id}: no reasoning to score; in the score set, set `tokens: all`, and"
                " `states` to `token`"
            )


if __name__ == "__main__":
    cli.run(main)
