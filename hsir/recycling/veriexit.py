"""Verify-then-exit: cut a failed trace where it reaches the gold answer (paper, Algorithm 2)."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from hsir import traces
from hsir.grading.base import Choices, Grader
from hsir.recycling.matchers import BaseMatcher, Known
from hsir.splitting import Layout

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Row = dict[str, Any]

BYTES = 8
"""Maximum number of tokens that encode two characters."""


class Cut(NamedTuple):
    """The step (from 0) that reaches the answer, and the offset in the completion at which to cut."""

    step: int
    end: int


class Evidence(NamedTuple):
    """The results of probes and a judge for failed samples."""

    shares: Mapping[str, Mapping[str, Mapping[int, float]]] = {}
    """The share of correct answers by probe pool, sample and step."""
    concluded: Mapping[str, frozenset[int]] = {}
    """The steps that conclude the gold answer, by sample."""

    def about(self, sample_id: str) -> Known:
        """Return the evidence about one sample."""
        shares = {pool: samples.get(sample_id, {}) for pool, samples in self.shares.items()}
        return Known(0, shares, self.concluded.get(sample_id, frozenset()))


def recycle(
    failed: Iterable[Row], questions: Mapping[str, Row], matcher: BaseMatcher, grader: Grader,
    tokenizer: "PreTrainedTokenizerBase", evidence: Evidence = Evidence(), layout: Layout = "blank_line",
) -> list[Row]:  # fmt: skip
    """Cut failed samples after the first step that reaches the gold answer, and append the exit prompt.

    Takes rows of the table `samples`, and of `questions` by question id; returns rows of the table `veriexit`, in
    order. If no step reaches the answer, `cut_step` and `prefix_ids` are None: there is nothing to recycle.
    """
    rows = []
    for row in failed:
        question = questions[row["question_id"]]
        options = dict(question["options"]) if question["options"] else None
        known = evidence.about(row["sample_id"])
        cut = find_cut(row["completion"], question["gold"], matcher, grader, options, known, layout)
        rows.append(
            {
                "parent_id": row["sample_id"], "question_id": row["question_id"], "prompt_ids": row["prompt_ids"],
                "cut_step": cut.step if cut else None,
                "prefix_ids": prefix_ids(tokenizer, row["completion_ids"], cut.end) if cut else None,
            }
        )  # fmt: skip
    return rows


def find_cut(
    completion: str, gold: str, matcher: BaseMatcher, grader: Grader, options: Choices | None = None,
    known: Known = Known(), layout: Layout = "blank_line",
) -> Cut | None:  # fmt: skip
    """Find the first reasoning step that reaches the gold answer; None if no step does. `known` contains the results of
    probes and a judge for the steps of this trace.
    """
    for number, (step, end) in enumerate(traces.steps(completion, layout)):
        if matcher(step, gold, grader, options, known._replace(number=number)):
            return Cut(number, end)
    return None


def states_any(
    completion: str, gold: str, matcher: BaseMatcher, grader: Grader, options: Choices | None = None,
    layout: Layout = "blank_line",
) -> bool:  # fmt: skip
    """Whether any step states an answer, correct or not, according to the matcher."""
    return any(matcher.reads(step, gold, grader, options) for step, _ in traces.steps(completion, layout))


def boundaries(
    completion: str, most: int, holds: Callable[[str], bool] | None = None, layout: Layout = "blank_line"
) -> list[Cut]:
    """Return the ends of a trace's probed steps: all, or `most` of them, evenly spaced. The last one is always
    included. With `holds`, only steps that pass it, and the step after each, which shows whether the policy still knows
    the answer.
    """
    steps = traces.steps(completion, layout)
    cuts = [Cut(number, end) for number, (_, end) in enumerate(steps)]
    if holds is not None:
        held = [holds(step) for step, _ in steps]
        cuts = [cut for cut in cuts if any(held[max(cut.step - 1, 0) : cut.step + 1])]
    if len(cuts) <= most:
        return cuts
    return [cuts[(n + 1) * len(cuts) // most - 1] for n in range(most)]


def prefix_ids(encoder: "PreTrainedTokenizerBase", completion_ids: list[int], end: int) -> list[int]:
    """Return the sample's own tokens up to character `end`, followed by the exit prompt. The last token before the cut
    is retokenized together with the exit prompt, as if the policy had written both: `.` and a blank line are one token
    to many tokenizers.
    """
    text = _text(encoder, completion_ids)[:end]
    kept = completion_ids[: _whole_tokens(encoder, completion_ids, text)]
    rest = text[len(_text(encoder, kept)) :]
    exit_ids: list[int] = encoder(rest + traces.EXIT_PROMPT, add_special_tokens=False)["input_ids"]
    return [*kept, *exit_ids]


def _whole_tokens(encoder: "PreTrainedTokenizerBase", ids: list[int], text: str) -> int:
    """Count the tokens whose text is a proper prefix of `text`."""
    near = bisect_right(range(len(ids) + 1), len(text), key=lambda n: len(_text(encoder, ids[:n])))
    # A character of several tokens decodes to replacement characters until it is complete, so lengths may decrease.
    around = range(max(near - BYTES, 0), min(near + BYTES, len(ids)) + 1)
    texts = {n: _text(encoder, ids[:n]) for n in around}
    return max((n for n, part in texts.items() if text.startswith(part) and part != text), default=0)


def _text(encoder: "PreTrainedTokenizerBase", ids: list[int]) -> str:
    text: str = encoder.decode(ids, skip_special_tokens=True)
    return text
