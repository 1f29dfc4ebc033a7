"""The training set of a policy, as rows of the table `filtered`: kept solutions, and given data. Solutions are rows of
the table `samples` with the pool's name as their `source`, and with their `policy`, if it is not the one that the
iteration samples from. Questions are rows of `questions`. Both are keyed by their ids.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from hsir.config.training import Limits, Loser
from hsir.selection.filters.base import Candidate, Candidates
from hsir.selection.pairs import Sampled, draw, losers
from hsir.storage.tables import Row

Rows = Mapping[str, Row]


def prefix(policy: str) -> str:
    """Return what the names of another policy's pools and samples begin with in a training set: two policies have
    samples of the same name. It is empty for the policy that the iteration samples from, which has no name here."""
    return f"{policy}/" if policy else ""


def candidates(solutions: Rows, verdicts: Mapping[str, str], raw: Mapping[str, float], questions: Rows) -> Candidates:
    """Join solutions with their verdicts and, if any, their raw scores; ordered by sample id."""
    return [
        Candidate(
            sample_id=key, question_id=row["question_id"], n_tokens=row["n_tokens"], right=verdicts[key] == "right",
            completion_ids=tuple(row["completion_ids"]), completion=row["completion"],
            difficulty=questions[row["question_id"]]["difficulty"], raw=raw.get(key), policy=row.get("policy", ""),
        )
        for key, row in sorted(solutions.items())
    ]  # fmt: skip


def kept_rows(kept: Iterable[Candidate], solutions: Rows, questions: Rows, paired: Mapping[str, str] = {}) -> list[Row]:
    """Return the kept solutions as training rows; the prompt is the plain question, even if the pool used another.
    `paired` maps a kept solution to its failed one, for pairs.
    """
    rows = []
    for one in kept:
        question, solution = questions[one.question_id], solutions[one.sample_id]
        loser = paired.get(one.sample_id)
        rows.append(
            {
                "sample_id": one.sample_id, "question_id": one.question_id, "source": solution["source"],
                "difficulty": question["difficulty"], "score": one.score, "prompt_ids": question["prompt_ids"],
                "completion_ids": solution["completion_ids"], "loser_id": loser,
                "loser_ids": solutions[loser]["completion_ids"] if loser else None,
            }
        )  # fmt: skip
    return rows


def given_rows(questions: Iterable[Row], source: str) -> list[Row]:
    """Return questions with their own traces as training rows; without traces if the source is `questions`."""
    return [
        {
            "sample_id": f"{row['question_id']}-{source}", "question_id": row["question_id"], "source": source,
            "difficulty": row["difficulty"], "score": None, "prompt_ids": row["prompt_ids"],
            "completion_ids": None if source == "questions" else row["trace_ids"], "loser_id": None, "loser_ids": None,
        }
        for row in questions
    ]  # fmt: skip


def within(questions: Iterable[Row], samples: Candidates, bounds: tuple[float, float]) -> list[Row]:
    """Return the questions whose share of correct samples lies within bounds, both included; one without samples does
    not.
    """
    verdicts: dict[str, list[bool]] = defaultdict(list)
    for one in samples:
        verdicts[one.question_id].append(one.right)
    shares = {name: sum(right) / len(right) for name, right in verdicts.items()}
    return [row for row in questions if bounds[0] <= shares.get(row["question_id"], -1.0) <= bounds[1]]


def draw_losers(
    kept: Iterable[Candidate], solutions: Rows, verdicts: Mapping[str, str], limits: Limits, seed: int,
    by: Loser = "random",
) -> dict[str, str]:  # fmt: skip
    """Pair kept solutions with failed ones of the same question and policy; returns sample ids. Recycled solutions are
    never used as failed ones. A failed one that is too long counts only if it may be truncated.
    """
    failed = [
        _sampled(key, row)
        for key, row in solutions.items()
        if verdicts[key] in {"wrong", "no_answer"}
        and row["parent_id"] is None
        and (limits.too_long == "cut" or size(row) <= limits.max_length)
    ]
    return draw([_sampled(one.sample_id, solutions[one.sample_id]) for one in kept], losers(failed), seed, by)


def _sampled(key: str, row: Row) -> Sampled:
    return Sampled(prefix(row.get("policy", "")) + row["question_id"], key, row["n_tokens"], row["parent_id"])


def size(row: Row) -> int:
    """Return the number of tokens of a solution and its prompt, or of a question's prompt."""
    return len(row["prompt_ids"]) + len(row["completion_ids"] or ())


def cut(row: Row, longest: int) -> Row:
    """Truncate a solution and its loser, so both fit with their prompt."""
    room = longest - len(row["prompt_ids"])
    kept = {key: row[key] and row[key][:room] for key in ("completion_ids", "loser_ids")}
    return row | kept


def counted(name: str, left: Sequence[Candidate], solutions: Rows, questions: Rows) -> Row:
    """Count the solutions left by a filter: in total, by pool and by difficulty, and their questions."""
    by_pool = Counter(solutions[one.sample_id]["source"] for one in left)
    levels = Counter(questions[one.question_id]["difficulty"] for one in left)
    every = {row["difficulty"] for row in questions.values()} - {None}
    return {
        "filter": name, "total": len(left), "questions": len({one.question_id for one in left}),
        "by_pool": dict(sorted(by_pool.items())), "by_difficulty": {str(n): levels[n] for n in sorted(every)},
    }  # fmt: skip
