"""Score solutions by intrinsic diversity: the one function that the stage calls."""

from collections.abc import Iterator
from typing import NamedTuple

from hsir.config.settings import Score
from hsir.errors import InputError
from hsir.indiv.logdet import Parts, parts
from hsir.indiv.states import look, truncate
from hsir.models import load_model


class Solution(NamedTuple):
    """A solution to be scored."""

    sample_id: str
    prompt_ids: list[int]
    completion_ids: list[int]


def score(model: str, solutions: list[Solution], options: Score) -> Iterator[tuple[str, Parts]]:
    """Yield (sample id, parts) for each solution, in order.

    Raises InputError naming the sample whose score cannot be had.
    """
    policy = truncate(load_model(model, options.dtype, attn_implementation="eager"), options.layer)
    limit = policy.config.get_text_config().max_position_embeddings
    for solution in solutions:
        length = len(solution.prompt_ids) + len(solution.completion_ids)
        if length > limit:
            raise InputError(f"sample {solution.sample_id}: {length} tokens, but the model has {limit} positions")
        try:
            seen = look(policy, solution.prompt_ids, solution.completion_ids)
            yield solution.sample_id, parts(seen.states, seen.attention, options.alpha, options.weights)
        except ValueError as error:
            raise InputError(f"sample {solution.sample_id}: {error}") from error
