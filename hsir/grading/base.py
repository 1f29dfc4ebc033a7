"""The base class of graders: locate an answer in a completion, and compare it with the gold answer.

A grader is an option and its strategy. Every kind looks only after the reasoning, first inside the answer tags, and
then in the places listed as fallbacks; the place where the answer was found is the verdict's `why`.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple, Self

from pydantic import Field

from hsir import traces
from hsir.grading import announced, statements
from hsir.options import Options

Verdict = Literal["right", "wrong", "no_answer", "undecided"]
Place = Literal["open_tag", "hash", "boxed", "stated", "alone", "last"]
"""Places of an answer outside closed tags: after an unclosed tag, after ####, in \\boxed{}, stated as the
answer ("the answer is ..."), alone as the whole text or one of its outer lines, last in the text."""

Choices = Mapping[str, str]
"""The options of a question: text by letter."""

MOST_TOLD = 8
"""Maximum number of different answers that a verdict lists."""

LONGEST = 20_000
"""Number of characters at a text's end that are searched for answers outside closed tags."""


SEARCHED = 1_500
"""Number of characters at a text's end that are searched first for statements."""

MARGIN = 300
"""Number of characters before a statement that may change its meaning; one that begins closer to a cut is read
again."""


class Item(NamedTuple):
    """A completion to grade, with its gold answer and options."""

    completion: str
    gold: str
    options: Choices | None = None
    truncated: bool = False
    """Whether the token limit cut it off: then only an answer in closed tags counts."""


class Judgement(NamedTuple):
    """A verdict, the extracted answer if there is one, and its place, or the reason that there is none. `no_answer`: no
    answer is given. `undecided`: there are several different answers, or one that cannot be compared.
    """

    extracted: str | None
    verdict: Verdict
    why: str


class Stated(NamedTuple):
    """An answer that a text states as the answer, with the characters [start, end) of the statement."""

    answer: str
    start: int
    end: int


class Grader(Options):
    """Base class of all answer types."""

    thinking: Literal["maybe", "always"] = Field(
        "maybe", description="`always`: a completion that never closes its reasoning (`</think>`) has no answer."
    )
    fallbacks: tuple[Place, ...] = Field(
        (), description="Places to look for the answer, in order, if there are no closed tags."
    )

    def of(self, gold: str, options: Choices | None = None) -> "Grader":
        """Return the grader of one question; only `auto` chooses by question."""
        return self

    def in_tags(self) -> Self:
        """Return the same grader without answers outside closed tags."""
        return self.model_copy(update={"fallbacks": ()})

    def judge(self, item: Item) -> Judgement:
        """Grade one completion; never raises, whatever the model wrote."""
        found, why = self.locate(item)
        if found is None:
            return Judgement(None, "no_answer", why)
        answers = self.distinct(found, item.options)
        if len(answers) > 1:
            return Judgement(" | ".join(answers), "undecided", "several")
        same = self.same(answers[0], item.gold, item.options)
        return Judgement(answers[0], "undecided" if same is None else "right" if same else "wrong", why)

    def judge_all(self, items: Iterable[Item]) -> Iterator[Judgement]:
        """Grade many completions, in order, a few at a time."""
        return map(self.judge, items)

    def locate(self, item: Item) -> tuple[list[str] | None, str]:
        """Return the answers and their place, or None and the reason."""
        text = traces.final_part(item.completion, self.thinking == "always")
        if text is None:
            return None, "truncated" if item.truncated else "unfinished"
        blocks = traces.answers(text)
        if blocks:
            given = [block for block in blocks if block]
            return (given, "tags") if given else (None, "empty")
        if item.truncated:
            return None, "truncated"
        end = announced.first_turn(text[-LONGEST:])
        for place in self.fallbacks:
            found = self.find(place, end, item.options)
            if found:
                return [found], place
        return None, "none"

    def find(self, place: Place, text: str, options: Choices | None) -> str | None:
        """Look for an answer in one place outside closed tags."""
        if place == "open_tag":
            return traces.open_answer(text)
        if place == "boxed":
            return traces.last_boxed(text)
        return self.last_stated(text, options) if place == "stated" else None

    def last_stated(self, text: str, options: Choices | None) -> str | None:
        """Return the last stated answer; none if a later "the answer is" has no answer after it."""
        last = self.latest(text, options)
        if last is None:
            return None
        later = statements.FINAL.search(text, last.end)
        return None if later else last.answer

    def latest(self, text: str, options: Choices | None) -> Stated | None:
        """Return the statement that begins last; the end of a long text is searched first, which usually suffices."""
        if len(text) > 2 * SEARCHED:
            cut = len(text) - SEARCHED
            found = self._latest(text[cut:], options)
            if found and found.start > MARGIN:
                return Stated(found.answer, cut + found.start, cut + found.end)
        return self._latest(text, options)

    def _latest(self, text: str, options: Choices | None) -> Stated | None:
        return max(self.stated(text, options), key=lambda stated: stated.start, default=None)

    def distinct(self, answers: list[str], options: Choices | None) -> list[str]:
        """Remove answers that equal an earlier one."""
        if len(answers) == 1:
            return answers
        kept: list[str] = []
        for answer in answers:
            if len(kept) == MOST_TOLD:
                break
            if not any(self.same(answer, one, options) or answer == one for one in kept):
                kept.append(answer)
        return kept

    @abstractmethod
    def check_gold(self, gold: str, options: Choices | None = None) -> str:
        """Return the gold answer in its plain form; raises ValueError with the reason if it is invalid."""

    def alternatives(self, gold: str, options: Choices | None = None) -> list[str]:
        """Return the other answers that the question offers; empty if it offers none."""
        return []

    @abstractmethod
    def same(self, answer: str, gold: str, options: Choices | None = None) -> bool | None:
        """Whether an answer equals the gold one; None if that cannot be decided."""

    @abstractmethod
    def stated(self, text: str, options: Choices | None = None) -> Iterator[Stated]:
        """Return every answer that the text states as the answer, unless it is denied, supposed, asked, or one of
        several."""
