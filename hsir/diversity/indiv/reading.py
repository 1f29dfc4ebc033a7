"""The part of a solution to score: all of it or its reasoning, with one state per token, per step, or per group of
tokens."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from hsir import traces
from hsir.config.settings import Score
from hsir.diversity.indiv.states import Tokens


class Solution(NamedTuple):
    """A solution to score, and the part to score, if not all of it.

    `ends` are the places at which its states end, counted in tokens of the completion; without any, every token is a
    state.
    """

    sample_id: str
    prompt_ids: Sequence[int]
    completion_ids: Sequence[int]
    start: int = 0
    end: int | None = None
    ends: Sequence[int] = ()

    @property
    def tokens(self) -> Tokens:
        """Return the tokens for the forward pass."""
        return Tokens(self.prompt_ids, self.completion_ids, self.start, self.end, self.ends)


def read(solution: Solution, encoder: PreTrainedTokenizerBase, options: Score) -> Solution | None:
    """Restrict a solution to what a score set reads, and group its tokens; None if it has no reasoning to read.

    Steps are those of the reasoning, whatever `tokens` is. A token belongs to the step in which it begins.
    """
    if options.states == "step":
        return _by_step(solution, encoder, options)
    if options.tokens == "think":
        found = _reasoning(solution, encoder)
        if found is None:
            return None
        solution = found
    return solution if options.states == "token" else windows(solution, options.states)


def windows(solution: Solution, size: int) -> Solution:
    """Group consecutive tokens into groups of nearly equal size; sizes differ by at most one token."""
    start, end = solution.start, solution.tokens.end_or_last
    count = max(1, round((end - start) / size))
    return solution._replace(ends=[start + (end - start) * (n + 1) // count for n in range(count)])


def _by_step(solution: Solution, encoder: PreTrainedTokenizerBase, options: Score) -> Solution | None:
    ids = list(solution.completion_ids)
    text = encoder.decode(ids)
    steps = traces.steps(text, options.steps or "blank_line")
    if not steps:
        return None
    token_at = _places(ids, text, encoder)
    first = token_at(traces.reasoning_span(text)[0] + 1) - 1
    ends = [token_at(end) for _, end in steps]
    # Two steps that end in the same token share one state.
    ends = [end for before, end in pairwise([first, *ends]) if end > before]
    return solution._replace(start=first, end=ends[-1], ends=ends)


def _reasoning(solution: Solution, encoder: PreTrainedTokenizerBase) -> Solution | None:
    """Return a solution restricted to its reasoning, without tags; None if it has none."""
    ids = list(solution.completion_ids)
    text = encoder.decode(ids)
    start, end = traces.reasoning_span(text)
    if start == end:
        return None
    token_at = _places(ids, text, encoder)
    return solution._replace(start=token_at(start + 1) - 1, end=token_at(end))


def _places(ids: list[int], text: str, encoder: PreTrainedTokenizerBase) -> Callable[[int], int]:
    """Return a function from a number of characters to the number of tokens whose text contains them.

    Tokens are decoded one by one, after another token, since some tokenizers strip a leading space. Where their
    lengths do not sum up to the text, as with a character of several tokens, beginnings of the text are decoded.
    """
    alone = len(encoder.decode(ids[:1]))
    every = list(dict.fromkeys(ids[1:]))
    length = {one: len(encoder.decode([ids[0], one])) - alone for one in every}
    reached = [0, *accumulate((length[one] for one in ids[1:]), initial=alone)]
    if reached[-1] == len(text) and min(length.values(), default=0) >= 0:
        return lambda characters: bisect_left(reached, characters)
    return lambda characters: bisect_left(range(len(ids) + 1), characters, key=lambda n: len(encoder.decode(ids[:n])))
