"""Stage filter: the next policy's training set, and the number of solutions left by each filter."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hsir.config.questions import PassRate
from hsir.config.training import Limits, Loser
from hsir.errors import InputError
from hsir.progress import say, warn
from hsir.selection.filters import InDiv, Selection
from hsir.selection.filters.base import Candidate
from hsir.selection.training_set import (
    candidates,
    counted,
    cut,
    draw_losers,
    given_rows,
    kept_rows,
    prefix,
    size,
    within,
)
from hsir.stages import cli
from hsir.storage import belonging, tables

ASKED = ["question_id", "difficulty", "prompt_ids"]


def main(
    output: Annotated[Path, cli.file_option("--out", "Table of training examples.", *tables.SUFFIXES)],
    funnel: Annotated[Path, typer.Option(help="JSON output: solutions left by each filter.")],
    select: Annotated[Selection, cli.json_option(Selection, "The filters, as JSON.")],
    limits: Annotated[Limits, cli.json_option(Limits, "Limits on the training examples, as JSON.")] = Limits(),
    given: Annotated[list[str], typer.Option(help="NAME=TABLE of questions with given traces.")] = [],
    questions: Annotated[Path | None, typer.Option(help="Table of the pools' questions.")] = None,
    pool: Annotated[list[str], typer.Option(help="POOL=SHARD; repeat the option for each shard.")] = [],
    verified: Annotated[list[Path], typer.Option(help="Verdicts; repeat the option for each pool.")] = [],
    scores: Annotated[list[Path], typer.Option(help="Scores; repeat the option for each pool.")] = [],
    seed: Annotated[int, typer.Option(help="Seed of random picks.")] = 0,
    pairs: Annotated[
        Loser | None, typer.Option(help="Pair each kept solution with a failed one of its question, chosen this way.")
    ] = None,
    asked: Annotated[
        PassRate | None, cli.json_option(PassRate, "Which questions to give, by the pool's verdicts, as JSON.")
    ] = None,
    other_pool: Annotated[list[str], typer.Option(help="POLICY/POOL=SHARD of another policy's pool; repeat it.")] = [],
    other_verified: Annotated[list[str], typer.Option(help="POLICY=TABLE of that pool's verdicts; repeat it.")] = [],
    other_scores: Annotated[list[str], typer.Option(help="POLICY=TABLE of that pool's scores; repeat it.")] = [],
    other_questions: Annotated[list[str], typer.Option(help="POLICY=TABLE of its pools' questions; repeat it.")] = [],
) -> None:
    """Apply the filters in order to the pools' solutions, and prepend the given data."""
    known = {row["question_id"]: row for row in tables.read("questions", questions or [], ASKED)}
    own = cli.named(given, "given")
    drawn = Drawn("", cli.named(pool, "pool"), verified, scores, questions)
    every = [drawn, *others(other_pool, other_verified, other_scores, other_questions)]
    solutions, verdicts, raw = read_pools(every)
    chosen, data = candidates(solutions, verdicts, raw, known), read_given(own)
    if asked is not None:
        chosen, data = [], ask(data, chosen, asked, output)
    steps, doubts = [counted("samples", chosen, solutions, known)], list[str]()
    for chosen_filter in select.root:
        doubts += filter(None, [chosen_filter.doubt(chosen) if isinstance(chosen_filter, InDiv) else None])
        chosen = chosen_filter(chosen, seed)
        steps.append(counted(chosen_filter.kind, chosen, solutions, known))
    if select.root:
        check_any(chosen, steps, verdicts, limits, output)
    paired = draw_losers(chosen, solutions, verdicts, limits, seed, pairs) if pairs else {}
    if pairs:
        chosen = [c for c in chosen if c.sample_id in paired]
        steps.append(counted("pairs", chosen, solutions, known))
        check_pairs(chosen, steps, output)
    rows, dropped = fitting(data + kept_rows(chosen, solutions, known, paired), limits, output)
    inputs = [path for _, path in own] + [path for one in every for path in one.tables]
    options = {"others": [one.policy for one in every[1:]]} if every[1:] else {}
    made_by = tables.provenance("filter", inputs, select=select, seed=seed, pairs=pairs, asked=asked)
    made_by["options"] |= options
    for doubt in doubts:
        warn(doubt)
    told = {"steps": steps, "given": len(rows) + dropped - len(chosen), "too_long": dropped, "doubts": doubts}
    tables.write_json(told, funnel)
    tables.write("filtered", rows, output, made_by)
    say(f"{len(rows)} solutions to train on; " + ", ".join(f"{s['filter']} {s['total']}" for s in steps))


@dataclass(frozen=True)
class Drawn:
    """The pools of one policy; without a name, of the one that the iteration samples from."""

    policy: str
    shards: list[tuple[str, Path]]
    verified: list[Path]
    scores: list[Path]
    questions: Path | None

    @property
    def tables(self) -> list[Path]:
        """The tables of solutions, verdicts and scores."""
        return [path for _, path in self.shards] + [*self.verified, *self.scores]


def others(pool: list[str], verified: list[str], scores: list[str], questions: list[str]) -> list[Drawn]:
    """Return the pools of other policies, in the order of their first shards."""
    shards: dict[str, list[tuple[str, Path]]] = {}
    for entry, path in cli.named(pool, "other-pool"):
        policy, _, name = entry.partition("/")
        if not name:
            raise InputError(f"--other-pool {entry}={path}: must be POLICY/POOL=SHARD")
        shards.setdefault(policy, []).append((name, path))
    judged, scored = cli.named(verified, "other-verified"), cli.named(scores, "other-scores")
    asked = dict(cli.named(questions, "other-questions"))
    return [
        Drawn(
            policy, drawn, [path for of, path in judged if of == policy],
            [path for of, path in scored if of == policy], asked.get(policy),
        )
        for policy, drawn in shards.items()
    ]  # fmt: skip


def read_pools(every: Sequence[Drawn]) -> tuple[dict[str, tables.Row], dict[str, str], dict[str, float]]:
    """Read solutions, verdicts and scores by sample id. Names of another policy's pools and samples begin with its own.

    Raises InputError unless the tables of each policy belong together.
    """
    solutions, verdicts, raw = dict[str, tables.Row](), dict[str, str](), dict[str, float]()
    for one in every:
        if one.shards and (one.questions is None or not one.verified):
            option = "--other-" if one.policy else "--"
            raise InputError(f"a pool needs {option}questions and {option}verified; give both")
        belonging.check_pool([path for _, path in one.shards], one.verified, one.questions, one.scores)
        before = prefix(one.policy)
        for name, path in one.shards:
            for row in tables.read("samples", path):
                parent = row["parent_id"] and before + row["parent_id"]
                named = {"source": before + name, "policy": one.policy, "parent_id": parent}
                solutions[before + row["sample_id"]] = row | named
        verdicts |= {before + row["sample_id"]: row["verdict"] for row in tables.read("verified", one.verified)}
        raw |= {before + name: value for path in one.scores for name, value in tables.scores(path)}
    return solutions, verdicts, raw


def ask(data: list[tables.Row], samples: list[Candidate], by: PassRate, output: Path) -> list[tables.Row]:
    """Return the questions within the pass rate; raises InputError if there are none."""
    kept, (low, high) = within(data, samples, by.pass_rate), by.pass_rate
    if not kept:
        raise InputError(
            f"{output}: of {len(data)} questions, none has a share of correct samples in {by.of} between {low:g} and"
            f" {high:g}; widen questions.pass_rate"
        )
    say(f"{len(kept)} of {len(data)} questions have a pass rate between {low:g} and {high:g} in {by.of}")
    return kept


def check_pairs(chosen: list[Candidate], steps: list[tables.Row], output: Path) -> None:
    """Raise InputError if no kept solution has a failed one of the same question."""
    if not chosen:
        left = ", ".join(f"{step['filter']} {step['total']}" for step in steps)
        raise InputError(
            f"{output}: no question has both a kept and a failed solution, so there are no pairs to learn from"
            f" ({left}); sample more, or train with sft"
        )


def check_any(
    chosen: list[Candidate], steps: list[tables.Row], verdicts: dict[str, str], limits: Limits, output: Path
) -> None:
    """Raise InputError if nothing is left to learn from, unless training on the given data only is allowed."""
    if chosen or limits.when_empty == "given_only":
        return
    counts = ", ".join(f"{verdict} {n}" for verdict, n in sorted(Counter(verdicts.values()).items()))
    left = ", ".join(f"{step['filter']} {step['total']}" for step in steps)
    raise InputError(
        f"{output}: no solution is left for training (verdicts: {counts}; left by each filter: {left}); sample"
        f" more, loosen the filters, or train only on the given data with train: {{limits: {{when_empty: given_only}}}}"
    )


def read_given(given: list[tuple[str, Path]]) -> list[tables.Row]:
    """Read given data as training rows; raises InputError for a question without a trace."""
    rows = []
    for name, path in given:
        read = tables.read("questions", path)
        bare = [row["question_id"] for row in read if row["trace_ids"] is None]
        if bare and name != "questions":
            raise InputError(f"{path}: question {bare[0]!r} has no gold trace to train on")
        rows += given_rows(read, name)
    return rows


def fitting(rows: list[tables.Row], limits: Limits, output: Path) -> tuple[list[tables.Row], int]:
    """Return the rows within the length limit, truncated if so configured, and the number dropped."""
    if not rows:
        raise InputError(f"{output}: there is nothing to train on, and no data is given; set given: [seed]")
    if limits.too_long == "cut":
        rows = [cut(row, limits.max_length) if len(row["prompt_ids"]) < limits.max_length else row for row in rows]
    fit = [row for row in rows if size(row) <= limits.max_length]
    dropped = len(rows) - len(fit)
    if (dropped and limits.too_long == "fail") or not fit:
        raise InputError(
            f"{output}: {dropped} of {len(rows)} training rows exceed max_length {limits.max_length}; raise it"
        )
    return fit, dropped


if __name__ == "__main__":
    cli.run(main)
