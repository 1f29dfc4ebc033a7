"""Balanced selection (not from the paper): integer programming over scores, tokens and difficulty."""

from collections import defaultdict
from typing import Literal

from pydantic import Field

from hsir.errors import InputError
from hsir.options import Options
from hsir.selection.filters.base import Candidate, Candidates, by_question, scored
from hsir.selection.filters.standard import zscores

LEVELS = 4
GAP = 1e-3
"""Relative optimality gap allowed for the solver."""


class Balanced(Options):
    """Keep the solutions with the highest total score within a token budget, and some for every difficulty.

    A solution's value is its z-score above the lowest of all, so no value is negative. Every difficulty level gets at
    least `least_share` of the budget, or all that it can use within `per_question` if that is less. If the task has no
    difficulty, four levels are made from the number of correct solutions, as in the paper's figure 2.
    """

    kind: Literal["balanced"] = "balanced"
    share: float = Field(0.5, gt=0, le=1, description="Budget: tokens to keep, as a share of the candidates' tokens.")
    per_question: int = Field(10, ge=1, description="K: largest number to keep per question.")
    least_share: float = Field(
        0.1, ge=0, le=1, description="Smallest share of the budget for every level, as far as there is room."
    )

    def __call__(self, candidates: Candidates, seed: int) -> Candidates:
        if not candidates:
            return []
        worth = zscores([scored(c) for c in candidates])
        kept = _solve(candidates, [value - min(worth) for value in worth], self)
        return [c for c, stays in zip(candidates, kept, strict=True) if stays]


def levels(candidates: Candidates) -> dict[str, int]:
    """Return each question's difficulty level; if the task has none, its quartile by number of correct solutions."""
    known = {c.question_id: c.difficulty for c in candidates}
    if None not in known.values():
        return {question: int(level or 0) for question, level in known.items()}
    counts = {question: len(group) for question, group in _groups(candidates).items()}
    ordered = sorted(counts, key=lambda question: (counts[question], question))
    return {question: LEVELS * place // len(ordered) for place, question in enumerate(ordered)}


def floors(candidates: Candidates, options: Balanced) -> dict[int, int]:
    """Return the minimum number of tokens per level: within what the level has, and in total within the budget.

    The minimum of a level is at most the total of its shortest solutions, K per question, so that it is always
    feasible.
    """
    budget = options.share * sum(c.n_tokens for c in candidates)
    level = levels(candidates)
    room: dict[int, int] = defaultdict(int)
    for question, group in _groups(candidates).items():
        room[level[question]] += sum(sorted(c.n_tokens for c in group)[: options.per_question])
    longest = max(c.n_tokens for c in candidates)
    share = min(options.least_share, 1 / len(room))
    # Minus the longest solution: complete solutions can miss the minimum by at most that much.
    return {name: max(0, min(int(share * budget) - longest, tokens - longest)) for name, tokens in room.items()}


def _solve(candidates: Candidates, worth: list[float], options: Balanced) -> list[bool]:
    """Solve the integer program with CBC, in one thread and without a time limit, so that it is deterministic."""
    import pulp

    program = pulp.LpProblem("balanced", pulp.LpMaximize)
    stays = [pulp.LpVariable(f"x{n}", cat="Binary") for n in range(len(candidates))]
    places = range(len(candidates))
    program += pulp.lpSum(worth[n] * stays[n] for n in places)
    tokens = [c.n_tokens for c in candidates]
    program += pulp.lpSum(tokens[n] * stays[n] for n in places) <= options.share * sum(tokens)
    for group in by_question(places, [c.question_id for c in candidates]).values():
        if len(group) > options.per_question:
            program += pulp.lpSum(stays[n] for n in group) <= options.per_question
    level = levels(candidates)
    groups = by_question(places, [str(level[c.question_id]) for c in candidates])
    for name, least in floors(candidates, options).items():
        program += pulp.lpSum(tokens[n] * stays[n] for n in groups[str(name)]) >= least
    program.solve(pulp.PULP_CBC_CMD(msg=False, threads=1, gapRel=GAP))
    if (status := pulp.LpStatus[program.status]) != "Optimal":
        raise InputError(f"balanced: the solver reports {status!r}; lower least_share, or raise share or per_question")
    return [bool(round(one.value() or 0.0)) for one in stays]


def _groups(candidates: Candidates) -> dict[str, list[Candidate]]:
    return by_question(candidates, [c.question_id for c in candidates])
