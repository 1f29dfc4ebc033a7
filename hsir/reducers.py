"""Reducers: what several graded answers to one question amount to. Graders judge an answer; reducers never look at
its text."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import comb
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field, RootModel

from hsir.grading.voting import leading
from hsir.options import Name, Options

Count = Annotated[int, Field(ge=1)]


class Answer(NamedTuple):
    """A graded answer: whether it is correct, the extracted answer, and its length in tokens."""

    right: bool
    said: str | None
    tokens: int
    scores: Mapping[str, float] = MappingProxyType({})
    """Its raw scores by score set, if a reducer reads them."""


class BaseReducer(Options):
    """Reduces all answers to a question to one value."""

    kind: str
    unit: ClassVar[Literal["share", "tokens"]] = "share"
    """A share runs from 0 to 1."""

    def name(self, samples: int) -> str:
        """Name the value, with the number of samples per question where it matters."""
        return f"{self.label}@{samples}"

    @property
    def needs(self) -> int:
        """Smallest number of answers per question."""
        return 1

    @property
    def reads(self) -> str | None:
        """The score set that it reads, if any: then every answer must be scored."""
        return None

    @property
    @abstractmethod
    def label(self) -> str:
        """Name the measure, without a number of samples."""

    @abstractmethod
    def __call__(self, answers: Sequence[Answer]) -> float | None:
        """Return the value of a question; None if the question does not count."""


class Mean(BaseReducer):
    """Share of correct answers (avg@k)."""

    kind: Literal["mean"] = "mean"

    @property
    def label(self) -> str:
        return "avg"

    def __call__(self, answers: Sequence[Answer]) -> float:
        return sum(answer.right for answer in answers) / len(answers)


class Majority(BaseReducer):
    """Whether the most frequent answer is correct (maj@k, self-consistency, arXiv 2203.11171); in a tie, the share of
    correct ones.

    All correct answers count as the same; samples without an answer do not vote.
    """

    kind: Literal["majority"] = "majority"

    @property
    def label(self) -> str:
        return "maj"

    def __call__(self, answers: Sequence[Answer]) -> float:
        votes = Counter(
            (answer.right, "" if answer.right else str(answer.said).strip().casefold())
            for answer in answers
            if _answered(answer)
        )
        return _share([right for right, _ in leading(votes)])


class AtLeast(BaseReducer):
    """Whether at least `n` answers are correct."""

    kind: Literal["at_least"] = "at_least"
    n: Count = Field(description="Number of correct answers needed.")

    @property
    def label(self) -> str:
        return f"at least {self.n} correct"

    @property
    def needs(self) -> int:
        return self.n

    def __call__(self, answers: Sequence[Answer]) -> float:
        return float(sum(answer.right for answer in answers) >= self.n)


class PassAt(BaseReducer):
    """Probability that at least one of k answers is correct, estimated without bias from all answers (pass@k, Chen et
    al., arXiv 2107.03374).

    Raises ValueError if k exceeds the number of answers.
    """

    kind: Literal["pass_at"] = "pass_at"
    k: Count | None = Field(None, description="Number of answers; all samples, if none.")

    @property
    def label(self) -> str:
        return "pass"

    @property
    def needs(self) -> int:
        return self.k or 1

    def name(self, samples: int) -> str:
        return f"pass@{self.k or samples}"

    def __call__(self, answers: Sequence[Answer]) -> float:
        k, drawn = self.k or len(answers), len(answers)
        if k > drawn:
            raise ValueError(f"pass@{k} needs {k} samples per question, but there are {drawn}")
        wrong = sum(not answer.right for answer in answers)
        return 1 - comb(wrong, k) / comb(drawn, k)


class ShortestCorrect(BaseReducer):
    """Tokens of the shortest correct answer; questions without a correct answer do not count."""

    kind: Literal["shortest_correct"] = "shortest_correct"
    unit: ClassVar[Literal["share", "tokens"]] = "tokens"

    @property
    def label(self) -> str:
        return "shortest correct, tokens"

    def __call__(self, answers: Sequence[Answer]) -> float | None:
        return min((float(answer.tokens) for answer in answers if answer.right), default=None)


class HighestScore(BaseReducer):
    """Whether the answer with the highest score is correct (best-of-n without a verifier); in a tie, the share of
    correct ones.

    Samples without an answer are not chosen.
    """

    kind: Literal["highest_score"] = "highest_score"
    score: Name = Field("indiv", description="Score set, of kind indiv.")

    @property
    def reads(self) -> str:
        return self.score

    @property
    def label(self) -> str:
        return f"highest {self.score}"

    def __call__(self, answers: Sequence[Answer]) -> float:
        known = [answer for answer in answers if _answered(answer) and self.score in answer.scores]
        most = max((answer.scores[self.score] for answer in known), default=0.0)
        return _share([answer.right for answer in known if answer.scores[self.score] == most])


class Shortest(BaseReducer):
    """Whether the shortest answer is correct (a control for the highest score); in a tie, the share of correct ones.

    Samples without an answer are not chosen.
    """

    kind: Literal["shortest"] = "shortest"

    @property
    def label(self) -> str:
        return "shortest"

    def __call__(self, answers: Sequence[Answer]) -> float:
        known = [answer for answer in answers if _answered(answer)]
        least = min((answer.tokens for answer in known), default=0)
        return _share([answer.right for answer in known if answer.tokens == least])


Reducer = Annotated[
    Mean | Majority | AtLeast | PassAt | ShortestCorrect | HighestScore | Shortest, Field(discriminator="kind")
]


class Reducers(RootModel[tuple[Reducer, ...]]):
    """Reducers, as the stage evaluate takes them."""


def scores_read(reducers: Iterable[BaseReducer]) -> tuple[str, ...]:
    """Return the score sets that reducers read, each once."""
    return tuple(dict.fromkeys(reducer.reads for reducer in reducers if reducer.reads is not None))


def _answered(answer: Answer) -> bool:
    return answer.right or answer.said is not None


def _share(right: Sequence[bool]) -> float:
    return sum(right) / len(right) if right else 0.0


DEFAULT: tuple[Reducer, ...] = (Mean(), PassAt(), Majority(), ShortestCorrect())
