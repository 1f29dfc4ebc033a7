"""The tables of a run, each verified when it is first read. A missing or damaged one is noted, and the others are
still shown."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Generic, Literal, NamedTuple, TypeVar

from hsir import disk
from hsir.errors import InputError
from hsir.storage.lookup import Lookup, Version, version

T = TypeVar("T")


class Note(NamedTuple):
    """A table that cannot be shown, and why; and the version of the file that this is true of."""

    kind: Literal["missing", "damaged"]
    path: Path
    why: str
    version: Version | None


class Library:
    """The tables that were read so far, and notes on those that cannot be."""

    def __init__(self) -> None:
        self._open: dict[Path, Lookup] = {}
        self._notes: dict[Path, Note] = {}

    def table(self, kind: str | None, path: Path) -> Lookup | None:
        """Return a verified table, of any kind if none is given; None, with a note, if it is missing or damaged."""
        if self._current(path):
            return None
        if not path.is_file():
            self._notes[path] = Note("missing", path, "not created yet", None)
            return None
        try:
            if path in self._open:
                self._open[path].verify()
            else:
                self._open[path] = Lookup(kind, path)
        except (InputError, OSError) as error:
            self.damaged(path, error)
            return None
        return self._open[path]

    def damaged(self, path: Path, error: Exception) -> None:
        """Note that a table cannot be read, and forget it."""
        why = (disk.told(error) or str(error)).removeprefix(f"{path}: ")
        self._notes[path] = Note("damaged", path, why, version(path))
        self._open.pop(path, None)

    def notes(self, paths: Iterable[Path]) -> list[Note]:
        """Return the notes on some tables, damaged ones first."""
        found = [self._notes[path] for path in dict.fromkeys(paths) if self._current(path)]
        return sorted(found, key=lambda note: note.kind)

    def _current(self, path: Path) -> bool:
        """Return whether there is a note on the version of a table that is on disk now."""
        return path in self._notes and self._notes[path].version == version(path)

    def versions(self, kind: str, paths: Iterable[Path]) -> tuple[Version | None, ...]:
        """Return which versions of tables are on disk now; what was derived from others is outdated."""
        return tuple(None if (table := self.table(kind, path)) is None else table.version for path in paths)


class Derived(Generic[T]):
    """Values that are computed from tables, by key, and again only if a table has changed."""

    def __init__(self) -> None:
        self._known: dict[object, tuple[object, T]] = {}

    def get(self, key: object, versions: object, compute: Callable[[], T]) -> T:
        """Return the value of a key; `versions` are those of its tables."""
        if key not in self._known or self._known[key][0] != versions:
            self._known[key] = versions, compute()
        return self._known[key][1]


def read(library: Library, kind: str, paths: Iterable[Path]) -> Iterator[tuple[int, Lookup]]:
    """Yield the readable ones of several tables, such as the shards of a pool, with their numbers."""
    for number, path in enumerate(paths):
        if (table := library.table(kind, path)) is not None:
            yield number, table
