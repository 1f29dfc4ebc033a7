"""The list of questions: filters, order, and pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial, reduce
from operator import add
from typing import Literal, NamedTuple
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from hsir.browse.samples import Samples, Tally
from hsir.storage.tables import Row

PAGE = 50
"""Questions on a page of the list."""
SHARES: dict[str, Callable[[float], bool]] = {
    "none": lambda share: share == 0,
    "up to half": lambda share: 0 < share <= 0.5,
    "over half": lambda share: 0.5 < share < 1,
    "all": lambda share: share == 1,
}
"""Ranges of the share of correct samples."""
VERDICTS = ("right", "wrong", "no_answer", "undecided")
_NONE = Tally()


class Query(BaseModel):
    """What a page shows, as in its address; unknown parameters are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    text: str = Field("", max_length=500)
    within: Literal["questions", "completions"] = "questions"
    pool: str = ""
    """The title of the pool whose samples are filtered and sorted by; any, if empty."""
    solved: Literal["", "none", "up to half", "over half", "all"] = ""
    verdict: Literal["", "right", "wrong", "no_answer", "undecided"] = ""
    level: str = ""
    against: str = ""
    """Another pool: only questions on which `pool` is `better` or `worse` than it."""
    differs: Literal["", "better", "worse"] = ""
    sort: Literal["order", "-order", "solved", "-solved", "level", "-level", "tokens", "-tokens"] = "order"
    left: str = ""
    right: str = ""
    """The policies whose answers to a benchmark are shown side by side, if not `against` and `pool`."""
    page: int = Field(1, ge=1, le=1_000_000)

    @property
    def titles(self) -> frozenset[str]:
        """The pools that it names."""
        return frozenset({self.pool, self.against, self.left, self.right} - {""})

    def address(self, **changes: str | int) -> str:
        """Return the query of an address, with changes; defaults are left out."""
        given = self.model_copy(update=changes).model_dump(exclude_defaults=True)
        return urlencode(given)

    def with_id(self, name: str) -> str:
        """Return the query of a question's address within this list."""
        return urlencode({"id": name, **self.model_dump(exclude_defaults=True, exclude={"page"})})


class Line(NamedTuple):
    """A question of the list, with the tally of each pool."""

    number: int
    question_id: str
    question: str
    gold: str | None
    level: int | None
    tallies: tuple[Tally, ...]


@dataclass(frozen=True)
class Questions:
    """The questions of a place, with the samples of its pools."""

    rows: Sequence[Row]
    """question_id, question, gold, difficulty."""
    samples: Sequence[Samples]

    def levels(self) -> dict[str, int | None]:
        """Return the difficulty of each question."""
        return {row["question_id"]: row["difficulty"] for row in self.rows}

    def chosen(self, title: str) -> Sequence[Samples]:
        """Return the pool with a title; all pools, if there is none with it."""
        return [one for one in self.samples if one.pool.title == title] or self.samples

    def found(self, query: Query, containing: Callable[[Samples, str], set[str]]) -> list[int]:
        """Return the numbers of the questions that a query asks for, in its order.

        `containing` returns the questions with a completion that contains a text.
        """
        pools = self.chosen(query.pool)
        tally = cache(partial(_tally, pools))
        others = self.chosen(query.against) if query.against and query.differs else ()
        text, inside = query.text.casefold(), set[str]()
        if text and query.within == "completions":
            inside = set().union(*(containing(one, query.text) for one in pools))

        def fits(row: Row) -> bool:
            name = row["question_id"]
            return (
                (not query.solved or _within(tally(name).share, query.solved))
                and (not query.verdict or query.verdict in tally(name).verdicts)
                and (not query.level or query.level == str(row["difficulty"]))
                and (not others or _compared(tally(name), _tally(others, name)) == query.differs)
                and (not text or (name in inside if query.within == "completions" else _contains(row, text)))
            )

        places = [place for place, row in enumerate(self.rows) if fits(row)]
        return self._sorted(places, query.sort, tally, pools)

    def lines(self, places: Sequence[int]) -> list[Line]:
        """Return questions as lines of the list."""
        return [
            Line(
                place + 1, row["question_id"], row["question"], row["gold"], row["difficulty"],
                tuple(one.tallies.get(row["question_id"], _NONE) for one in self.samples),
            )
            for place in places
            for row in [self.rows[place]]
        ]  # fmt: skip

    def _sorted(
        self, places: list[int], sort: str, tally: Callable[[str], Tally], pools: Sequence[Samples]
    ) -> list[int]:
        key = sort.removeprefix("-")
        if key == "order":
            return places[::-1] if sort.startswith("-") else places
        if key == "level":
            values = {place: self.rows[place]["difficulty"] for place in places}
        elif key == "solved":
            values = {place: tally(self.rows[place]["question_id"]).share for place in places}
        else:
            means = _tokens(pools)
            values = {place: means.get(self.rows[place]["question_id"]) for place in places}
        known = [place for place in places if values[place] is not None]
        known.sort(key=lambda place: values[place], reverse=sort.startswith("-"))
        return known + [place for place in places if values[place] is None]


def _tally(pools: Sequence[Samples], question: str) -> Tally:
    return reduce(add, (one.tallies.get(question, _NONE) for one in pools), _NONE)


def _within(share: float | None, name: str) -> bool:
    return share is not None and SHARES[name](share)


def _compared(one: Tally, other: Tally) -> str:
    if one.share is None or other.share is None or one.share == other.share:
        return ""
    return "better" if one.share > other.share else "worse"


def _contains(row: Row, text: str) -> bool:
    return any(text in (row[name] or "").casefold() for name in ("question", "gold", "question_id"))


def _tokens(pools: Sequence[Samples]) -> dict[str, float]:
    """Return the mean number of tokens by question."""
    totals: dict[str, tuple[int, int]] = {}
    for one in pools:
        grouped = one.table.select(["question_id", "n_tokens"]).group_by("question_id")
        for row in grouped.aggregate([("n_tokens", "sum"), ("n_tokens", "count")]).to_pylist():
            tokens, count = totals.get(row["question_id"], (0, 0))
            totals[row["question_id"]] = (tokens + row["n_tokens_sum"], count + row["n_tokens_count"])
    return {name: tokens / count for name, (tokens, count) in totals.items()}
