"""What each page shows, computed from the tables when it is asked for."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from hsir.browse import chosen, samples
from hsir.browse.chosen import Chosen
from hsir.browse.library import Derived, Library, Note
from hsir.browse.listing import PAGE, Line, Query, Questions
from hsir.browse.places import TRAINING, Place, Pool
from hsir.browse.question import Group, Known, groups
from hsir.browse.samples import Samples
from hsir.errors import HsirError, InputError
from hsir.splitting import Layout
from hsir.storage.files import read_json
from hsir.storage.lookup import version
from hsir.storage.tables import Row

PATIENCE = 2.0
"""Seconds that a page waits for filters to be applied; those of many policies take longer, in the background."""
CUTS = "veriexit.parquet"
COLUMNS = ["question_id", "question", "gold", "difficulty"]


class Funnel(NamedTuple):
    """A policy's training set: the filters, and the number of solutions left by each."""

    policy: str
    steps: Sequence[tuple[str, int]]
    given: int
    fault: str = ""


class Overview(NamedTuple):
    """A set of questions, the number of its tables, the missing ones, and the training sets selected from it."""

    place: Place
    tables: int
    missing: Sequence[Path]
    funnels: Sequence[Funnel]


@dataclass(frozen=True)
class Listing:
    """A page of the list of questions."""

    place: Place
    query: Query
    pools: Sequence[Samples]
    levels: Sequence[str]
    lines: Sequence[Line]
    found: int
    total: int
    pages: int
    notes: Sequence[Note]


@dataclass(frozen=True)
class Shown:
    """A question, and its neighbours in the list that it was opened from."""

    place: Place
    query: Query
    row: Row
    number: int | None
    """Its number in that list, from 1; none if it is not in it."""
    found: int
    before: str | None
    after: str | None
    tallies: Sequence[tuple[str, samples.Tally]]
    """The verdicts by pool."""
    groups: Sequence[Group]
    pair: tuple[str, str] | None
    """The titles of the two policies that are shown side by side; only for a benchmark."""
    chosen: Sequence[Chosen]
    waiting: Sequence[str]
    """The policies whose filters are still being applied."""
    notes: Sequence[Note]


class Pages:
    """The pages of some places. Columns of tables are kept in memory; texts are read for the question that is shown."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = {place.key: place for place in places}
        self._library = Library()
        self._samples, self._questions = Derived[Samples](), Derived[list[Row]]()
        self._chosen, self._scores = Derived[Future[Chosen | None]](), Derived[dict[str, float]]()
        self._sources = Derived[frozenset[tuple[str, str]]]()
        self._later = ThreadPoolExecutor(1)
        self._cuts, self._hits = Derived[tuple[dict[str, int | None], Layout]](), Derived[set[str]]()

    def close(self) -> None:
        """Stop what is computed in the background."""
        self._later.shutdown(wait=False, cancel_futures=True)

    def overview(self) -> list[Overview]:
        """Look which tables exist, without reading them, and read the numbers of solutions left by each filter."""
        found = []
        for place in self.places.values():
            expected = [*_needed(place, place.pools), *(folder / "filtered.parquet" for folder in place.policies)]
            missing = [path for path in expected if not path.is_file()]
            funnels = [_funnel(path) for path in place.policies if (path / "funnel.json").is_file()]
            found.append(Overview(place, len(expected), missing, funnels))
        return found

    def listing(self, place: Place, query: Query) -> Listing:
        """Return a page of the questions that a query asks for."""
        questions = self._opened(place, query)
        places = questions.found(query, self._containing)
        pages = max(1, -(-len(places) // PAGE))
        query = query.model_copy(update={"page": min(query.page, pages)})
        start = (query.page - 1) * PAGE
        levels = sorted({level for level in questions.levels().values() if level is not None})
        return Listing(
            place, query, questions.samples, [str(level) for level in levels],
            questions.lines(places[start : start + PAGE]), len(places), len(questions.rows), pages,
            self._library.notes(self._tables(place, questions)),
        )  # fmt: skip

    def question(self, place: Place, name: str, query: Query) -> Shown | None:
        """Return all that is known of a question; None if there is no such question."""
        questions = self._opened(place, query)
        number = next((n for n, row in enumerate(questions.rows) if row["question_id"] == name), None)
        if number is None:
            return None
        found = questions.found(query, self._containing)
        at = found.index(number) if number in found else None
        before = found[at - 1] if at else None
        after = found[at + 1] if at is not None and at + 1 < len(found) else None
        select, waiting = self._trained(place, questions)
        shown, both = questions.samples, None
        if place.name != TRAINING:
            both = _pair([one.pool.title for one in shown], query)
            shown = [one for title in dict.fromkeys(both) for one in shown if one.pool.title == title]
        return Shown(
            place, query, questions.rows[number], None if at is None else at + 1, len(found),
            None if before is None else questions.rows[before]["question_id"],
            None if after is None else questions.rows[after]["question_id"],
            [(one.pool.title, one.tallies.get(name, samples.Tally())) for one in questions.samples],
            groups(shown, name, lambda one: self._known(place, one, select)), both, select, waiting,
            self._library.notes(self._tables(place, questions)),
        )  # fmt: skip

    def _opened(self, place: Place, query: Query) -> Questions:
        return Questions(self._rows(place), [self._loaded(pool) for pool in place.shown(query.titles)])

    def _rows(self, place: Place) -> list[Row]:
        current = self._library.versions("questions", [place.questions])

        def read() -> list[Row]:
            table = self._library.table("questions", place.questions)
            rows: list[Row] = table.columns(COLUMNS).to_pylist() if table else []
            return rows

        return self._questions.get(place.questions, current, read)

    def _loaded(self, pool: Pool) -> Samples:
        versions = self._library.versions("samples", pool.shards), self._library.versions("verified", [pool.verified])
        return self._samples.get(pool.folder, versions, lambda: samples.load(self._library, pool))

    def _trained(self, place: Place, questions: Questions) -> tuple[list[Chosen], list[str]]:
        """Return which solutions each policy was trained on, and why; and the policies for which that takes longer."""
        futures, levels = {}, questions.levels()
        for folder in self._from(place, questions):
            current = self._library.versions("filtered", [folder / "filtered.parquet"])
            every = [*questions.samples, *self._not_shown(place, folder, questions)]
            submit = partial(self._later.submit, chosen.chosen, self._library, folder, every, levels)
            futures[folder.name] = self._chosen.get(folder, (current, tuple(map(id, every))), submit)
        done, waiting = wait(futures.values(), PATIENCE)
        found = [one for future in futures.values() if future in done and (one := future.result()) is not None]
        return found, [name for name, future in futures.items() if future in waiting]

    def _not_shown(self, place: Place, folder: Path, questions: Questions) -> list[Samples]:
        """Return the samples that a training set is selected from and that are not shown: those of other policies."""
        shown = {(one.pool.policy, one.pool.name) for one in questions.samples}
        needed = self._selected_from(folder) - shown
        return [self._loaded(pool) for pool in place.pools if (pool.policy, pool.name) in needed]

    def _selected_from(self, folder: Path) -> frozenset[tuple[str, str]]:
        path = folder / "filtered.parquet"
        return self._sources.get(path, version(path), partial(chosen.sources, path))

    def _from(self, place: Place, questions: Questions) -> list[Path]:
        """Return the policies whose training set is selected from some of the pools that are shown, or from unknown
        ones."""
        shown = {(one.pool.policy, one.pool.name) for one in questions.samples}
        found = []
        for folder in place.policies:
            pools = self._selected_from(folder)
            found += [folder] if not pools or pools & shown else []
        return found

    def _known(self, place: Place, one: Samples, select: Sequence[Chosen]) -> Known:
        """Return the cuts and scores of a policy's pools."""
        pools = [pool for pool in place.pools if pool.policy == one.pool.policy]
        cuts = {pool.name: self._cut(pool) for pool in pools if (pool.folder / CUTS).is_file()}
        scored = {(pool.policy, pool.name): self._scored(pool) for pool in pools}
        layout: Layout = next((layout for _, layout in cuts.values()), "blank_line")
        return Known({name: steps for name, (steps, _) in cuts.items()}, scored, select, layout)

    def _cut(self, pool: Pool) -> tuple[dict[str, int | None], Layout]:
        """Return the step after which each failed solution is cut, and how steps are separated."""
        path = pool.folder / CUTS
        current = self._library.versions("veriexit", [path])

        def read() -> tuple[dict[str, int | None], Layout]:
            if (table := self._library.table("veriexit", path)) is None:
                return {}, "blank_line"
            names, steps = (column.to_pylist() for column in table.columns(["parent_id", "cut_step"]).columns)
            return dict(zip(names, steps, strict=True)), table.made.get("options", {}).get("steps", "blank_line")

        return self._cuts.get(path, current, read)

    def _scored(self, pool: Pool) -> Mapping[str, Mapping[str, float]]:
        """Return the raw scores of a pool by score set."""
        found = {}
        for path in sorted(pool.folder.glob("*-scores.parquet")):
            with suppress(InputError):
                scores = self._scores.get(path, version(path), partial(chosen.scores, self._library, path))
                found[path.name.removesuffix("-scores.parquet")] = scores
        return found

    def _containing(self, one: Samples, text: str) -> set[str]:
        """Return the questions with a completion that contains a text; the last search of a pool is kept."""
        return self._hits.get(one.pool.folder, (id(one), text), lambda: one.containing(text))

    def _tables(self, place: Place, questions: Questions) -> list[Path]:
        """Return the tables that a page reads."""
        pools = [one.pool for one in questions.samples]
        more = [path for pool in pools for path in (*pool.folder.glob("*-scores.parquet"), pool.folder / CUTS)]
        trained = [folder / "filtered.parquet" for folder in self._from(place, questions)]
        return [*_needed(place, pools), *(path for path in more if path.is_file()), *trained]


def _needed(place: Place, pools: Iterable[Pool]) -> list[Path]:
    return [place.questions, *(path for pool in pools for path in samples.files(pool))]


def _funnel(folder: Path) -> Funnel:
    try:
        told = read_json(folder / "funnel.json")
        steps = [(step["filter"], step["total"]) for step in told["steps"]]
        return Funnel(folder.name, steps, told["given"])
    except (HsirError, OSError, KeyError, TypeError) as error:
        return Funnel(folder.name, (), 0, str(error))


def _pair(titles: Sequence[str], query: Query) -> tuple[str, str]:
    """Return the two policies to show side by side: the asked ones, those that are compared, or the first and last."""
    chosen = (
        next((name for name in names if name in titles), default)
        for names, default in (((query.left, query.against), titles[0]), ((query.right, query.pool), titles[-1]))
    )
    left, right = chosen
    return left, right
