"""Stage filter: what the next policy is trained on, and how many solutions each filter left."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from hsir.config.training import Limits
from hsir.errors import InputError
from hsir.progress import say
from hsir.selection.filters import Selection
from hsir.selection.filters.base import Candidate
from hsir.selection.pairs import draw, losers
from hsir.stages import cli
from hsir.storage import belonging, tables

ASKED = ["question_id", "difficulty", "prompt_ids"]


def main(
    output: Annotated[Path, typer.Option(help="Table of what is trained on.")],
    funnel: Annotated[Path, typer.Option(help="JSON: solutions left by each filter.")],
    select: Annotated[Selection, cli.json_option(Selection, "The filters, as JSON.")],
    limits: Annotated[Limits, cli.json_option(Limits, "What may be trained on, as JSON.")] = Limits(),
    given: Annotated[list[str], typer.Option(help="NAME=TABLE of questions with traces to train on.")] = [],
    questions: Annotated[Path | None, typer.Option(help="Table of questions that the pools answer.")] = None,
    pool: Annotated[list[str], typer.Option(help="POOL=SHARD; once for each shard.")] = [],
    verified: Annotated[list[Path], typer.Option(help="Verdicts; once for each pool.")] = [],
    scores: Annotated[list[Path], typer.Option(help="Scores; once for each pool.")] = [],
    seed: Annotated[int, typer.Option(help="Seed of random picks.")] = 0,
    pairs: Annotated[bool, typer.Option(help="Give every solution that is kept a failed one of its question.")] = False,
) -> None:
    """Apply the filters in order to the pools' solutions, and put the given data before what is left."""
    known = {row["question_id"]: row for row in tables.read("questions", questions or [], ASKED)}
    shards = [(name, Path(path)) for name, path in (entry.split("=", 1) for entry in pool)]
    belonging.check_pool([path for _, path in shards], verified, questions, scores)
    solutions = {row["sample_id"]: row | {"source": name} for name, path in shards
                 for row in tables.read("samples", path)}  # fmt: skip
    verdicts = {row["sample_id"]: row["verdict"] for row in tables.read("verified", verified)}
    raw = {name: value for path in scores for name, value in tables.scores(path)}
    chosen = candidates(solutions, verdicts, raw, known)
    steps = [count("samples", chosen, solutions, known)]
    for chosen_filter in select.root:
        chosen = chosen_filter(chosen, seed)
        steps.append(count(chosen_filter.kind, chosen, solutions, known))
    if select.root:
        check_any(chosen, steps, verdicts, limits, output)
    paired = with_losers(chosen, solutions, verdicts, limits, seed) if pairs else {}
    if pairs:
        chosen = [c for c in chosen if c.sample_id in paired]
        steps.append(count("pairs", chosen, solutions, known))
        check_pairs(chosen, steps, output)
    rows = given_rows(given) + [
        trained_row(c, solutions[c.sample_id], known) | loser(solutions, paired.get(c.sample_id)) for c in chosen
    ]
    rows, dropped = fitting(rows, limits, output)
    inputs = [Path(e.split("=", 1)[1]) for e in [*given, *pool]] + [*verified, *scores]
    made_by = tables.provenance("filter", inputs, select=select, seed=seed, pairs=pairs)
    tables.write_json({"steps": steps, "given": len(rows) + dropped - len(chosen), "too_long": dropped}, funnel)
    tables.write("filtered", rows, output, made_by)
    say(f"{len(rows)} solutions to train on; " + ", ".join(f"{s['filter']} {s['total']}" for s in steps))


def with_losers(
    chosen: list[Candidate], solutions: dict[str, tables.Row], verdicts: dict[str, str], limits: Limits, seed: int
) -> dict[str, str]:
    """Draw a failed solution for each chosen one, among those drawn afresh and short enough; give sample ids."""
    failed = [
        (row["question_id"], key)
        for key, row in solutions.items()
        if verdicts[key] in {"wrong", "no_answer"} and row["parent_id"] is None and size(row) <= limits.max_length
    ]
    return draw([(c.question_id, c.sample_id) for c in chosen], losers(failed), seed)


def check_pairs(chosen: list[Candidate], steps: list[tables.Row], output: Path) -> None:
    """Raise InputError where no kept solution has a failed one beside it."""
    if not chosen:
        left = ", ".join(f"{step['filter']} {step['total']}" for step in steps)
        raise InputError(
            f"{output}: no question has both a kept and a failed solution, so there is no pair to learn from ({left});"
            " draw more samples, or train by sft"
        )


def loser(solutions: dict[str, tables.Row], sample_id: str | None) -> tables.Row:
    """Give the columns of a row that hold its failed solution."""
    return {"loser_id": sample_id, "loser_ids": solutions[sample_id]["completion_ids"] if sample_id else None}


def size(row: tables.Row) -> int:
    """Count the tokens of a solution and its prompt; of a bare question, the prompt's."""
    return len(row["prompt_ids"]) + len(row["completion_ids"] or ())


def candidates(
    solutions: dict[str, tables.Row], verdicts: dict[str, str], raw: dict[str, float], known: dict[str, tables.Row]
) -> list[Candidate]:
    """Join samples, verdicts and scores, ordered by sample id."""
    return [
        Candidate(
            sample_id=key, question_id=row["question_id"], n_tokens=row["n_tokens"], right=verdicts[key] == "right",
            completion_ids=tuple(row["completion_ids"]), completion=row["completion"],
            difficulty=known[row["question_id"]]["difficulty"], raw=raw.get(key),
        )
        for key, row in sorted(solutions.items())
    ]  # fmt: skip


def count(
    name: str, left: list[Candidate], solutions: dict[str, tables.Row], known: dict[str, tables.Row]
) -> tables.Row:
    """Count what a filter left: in total, by pool, by difficulty, and the questions that have any."""
    by_pool = Counter(solutions[c.sample_id]["source"] for c in left)
    levels = Counter(known[c.question_id]["difficulty"] for c in left)
    every = {row["difficulty"] for row in known.values()} - {None}
    by_difficulty = {str(level): levels[level] for level in sorted(every)}
    return {
        "filter": name, "total": len(left), "questions": len({c.question_id for c in left}),
        "by_pool": dict(sorted(by_pool.items())), "by_difficulty": by_difficulty,
    }  # fmt: skip


def check_any(
    chosen: list[Candidate], steps: list[tables.Row], verdicts: dict[str, str], limits: Limits, output: Path
) -> None:
    """Raise InputError where nothing is left to learn from, unless the given data alone was asked for."""
    if chosen or limits.when_empty == "given_only":
        return
    counts = ", ".join(f"{verdict} {n}" for verdict, n in sorted(Counter(verdicts.values()).items()))
    left = ", ".join(f"{step['filter']} {step['total']}" for step in steps)
    raise InputError(
        f"{output}: no solution is left to train on (verdicts: {counts}; left by each filter: {left}); draw more"
        " samples, loosen the filters, or train on the given data alone with train: {limits: {when_empty: given_only}}"
    )


def given_rows(given: list[str]) -> list[tables.Row]:
    """Read given data as rows to train on."""
    rows = []
    for name, path in (entry.split("=", 1) for entry in given):
        for row in tables.read("questions", Path(path)):
            if row["trace_ids"] is None and name != "questions":
                raise InputError(f"{path}: question {row['question_id']!r} has no gold trace to train on")
            rows.append(
                {
                    "sample_id": f"{row['question_id']}-{name}", "question_id": row["question_id"], "source": name,
                    "difficulty": row["difficulty"], "score": None, "prompt_ids": row["prompt_ids"],
                    "completion_ids": None if name == "questions" else row["trace_ids"], **loser({}, None),
                }
            )  # fmt: skip
    return rows


def trained_row(candidate: Candidate, solution: tables.Row, known: dict[str, tables.Row]) -> tables.Row:
    """Write a kept solution as a row to train on; its prompt is the plain question, however that was asked."""
    question = known[candidate.question_id]
    return {
        "sample_id": candidate.sample_id, "question_id": candidate.question_id, "source": solution["source"],
        "difficulty": question["difficulty"], "score": candidate.score,
        "prompt_ids": question["prompt_ids"], "completion_ids": solution["completion_ids"],
    }  # fmt: skip


def fitting(rows: list[tables.Row], limits: Limits, output: Path) -> tuple[list[tables.Row], int]:
    """Give the rows within the length limit, and how many are not; nothing is ever cut short."""
    if not rows:
        raise InputError(f"{output}: nothing is left to train on, and no data is given; set given: [seed]")
    fit = [row for row in rows if size(row) <= limits.max_length]
    dropped = len(rows) - len(fit)
    if (dropped and limits.too_long == "fail") or not fit:
        raise InputError(
            f"{output}: {dropped} of {len(rows)} rows to train on exceed max_length {limits.max_length}; raise it"
        )
    return fit, dropped


if __name__ == "__main__":
    cli.run(main)
