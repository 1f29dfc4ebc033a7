"""The overlap of training texts with test questions: complete questions, and n-grams of words.

Texts are compared word by word: a word is a run of letters and digits, after NFKC and case folding. N-grams are found
by 64-bit hashes; a complete question is then compared word for word, so that a hash collision cannot cause a match.
"""

import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, pairwise, repeat
from operator import attrgetter
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

WHOLE = 8
"""Minimum number of words for finding a test question inside a longer text; a shorter one must match a complete
question."""
EXAMPLES = 5
_WORD = re.compile(r"[^\W_]+")
_OTHER = 0
"""The number of all words that occur in no test question, and of the gap between two texts: never part of a counted
n-gram."""
_BATCH = 1 << 21
"""Number of characters processed together."""
_BASE = np.uint64(0x9E3779B97F4A7C15)
_NOWHERE = sys.maxsize

Places = NDArray[np.int64]
Hashes = NDArray[np.uint64]


class Question(NamedTuple):
    """A test question; one with options is complete only if all of its options are present too, in any order."""

    benchmark: str
    question_id: str
    text: str
    options: Sequence[str] = ()


class Text(NamedTuple):
    """A training text; `row` names its question, or the solution whose trace it is."""

    source: str
    row: str
    part: Literal["question", "trace"]
    text: str
    options: Sequence[str] = ()


class Exact(NamedTuple):
    """A complete test question in a training text."""

    benchmark: str
    question_id: str
    source: str
    row: str
    part: str


class Overlap(NamedTuple):
    """The number of a benchmark's questions found in the texts of one source: completely, or an n-gram of them."""

    source: str
    rows: int
    """Number of traces in the source."""
    benchmark: str
    questions: int
    exact: int
    shared: dict[str, int]
    """Number of questions that share an n-gram, by n."""
    too_short: dict[str, int]
    """Number of questions with fewer than n words, by n."""
    examples: list[tuple[str, str, str]]
    """(question, row, part) of the first few matches, strongest first."""


def words(text: str) -> list[str]:
    """Split a text into words for the comparison."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _WORD.findall(unicodedata.normalize("NFKC", folded))


def compare(
    questions: Sequence[Question], texts: Iterable[Text], ngrams: Sequence[int]
) -> tuple[list[Overlap], list[Exact]]:
    """Search texts for test questions; returns the overlap of each source and benchmark, and every complete question
    found.

    Texts are read once, batch by batch; those of one source should be adjacent.
    """
    index = _Index(questions, ngrams)
    found: dict[str, _Found] = {}
    names: list[tuple[str, str]] = []
    for source, group in groupby(texts, key=attrgetter("source")):
        into = found.setdefault(source, _Found(index))
        for batch in _batches(group):
            into.add(batch, len(names))
            names += [(text.row, text.part) for text in batch]
    overlaps = [overlap for source, own in found.items() for overlap in own.overlaps(source, names, ngrams)]
    exact = [
        Exact(questions[which].benchmark, questions[which].question_id, source, *names[text])
        for source, own in found.items()
        for which, text in own.whole
    ]
    return overlaps, exact


class _Grams:
    """The n-grams of the test questions."""

    def __init__(self, n: int, questions: Sequence[Hashes]) -> None:
        runs = [_hashes(values, n) for values in questions]
        self._n = n
        self.owners = np.repeat(np.arange(len(runs)), [len(own) for own in runs])
        """The question of each n-gram, and the n-gram's number."""
        self.known, self.places = np.unique(np.concatenate([*runs, np.empty(0, np.uint64)]), return_inverse=True)

    def find(self, values: Hashes) -> tuple[Places, Places]:
        """Return where known n-grams start in texts, and which ones they are."""
        hashes = _hashes(values, self._n)
        places = np.searchsorted(self.known, hashes)
        inside = np.flatnonzero(places < len(self.known))
        at = inside[self.known[places[inside]] == hashes[inside]]
        return at, places[at]


class _Index:
    """An index of the test questions; words and questions are numbered."""

    def __init__(self, questions: Sequence[Question], ngrams: Sequence[int]) -> None:
        split = [words(question.text) for question in questions]
        self._numbers = {word: n for n, word in enumerate(dict.fromkeys(chain.from_iterable(split)), start=1)}
        self.questions = questions
        self.ids = [np.array([self._numbers[word] for word in own], np.int64) for own in split]
        self.values = np.random.default_rng(0).integers(0, 1 << 64, len(self._numbers) + 1, np.uint64)
        self.grams = {n: _Grams(n, [self.values[own] for own in self.ids]) for n in sorted({*ngrams, WHOLE})}
        self.short: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for which, own in enumerate(self.ids):
            if 0 < len(own) < WHOLE:
                self.short[tuple(own.tolist())].append(which)
        self.anchors = self._anchors()
        self.anchored = np.isin(np.arange(len(self.grams[WHOLE].known)), list(self.anchors))

    def numbers(self, text: str) -> list[int]:
        """Return the numbers of a text's words."""
        return list(map(self._numbers.get, words(text), repeat(_OTHER)))

    def _anchors(self) -> dict[int, list[tuple[int, int]]]:
        """Choose each question's rarest n-gram to search for it; returns (question, offset) by known n-gram."""
        grams = self.grams[WHOLE]
        frequency = np.bincount(grams.places)[grams.places]
        anchors: dict[int, list[tuple[int, int]]] = defaultdict(list)
        bounds = np.searchsorted(grams.owners, np.arange(len(self.questions) + 1)).tolist()
        for which, (first, last) in enumerate(pairwise(bounds)):
            if first < last:
                offset = int(np.argmin(frequency[first:last]))
                anchors[int(grams.places[first + offset])].append((which, offset))
        return anchors


class _Found:
    """The matches between the texts of one source and the test questions; questions and texts are numbered."""

    def __init__(self, index: _Index) -> None:
        self._index = index
        self._rows = 0
        self._first = {n: np.full(len(grams.known), _NOWHERE) for n, grams in index.grams.items()}
        """The first text that contains each known n-gram."""
        self.whole: list[tuple[int, int]] = []
        """(question, text), by text."""

    def add(self, batch: Sequence[Text], number: int) -> None:
        """Search texts; `number` is that of the first one."""
        flat, starts = list[int](), list[int]()
        whole = set()
        for at, text in enumerate(batch, start=number):
            own = self._index.numbers(text.text)
            if text.part == "question":
                whole |= {(which, at) for which in self._index.short.get(tuple(own), ())}
            starts.append(len(flat))
            flat += [*own, _OTHER]
        ids = np.array(flat, np.int64)
        values = self._index.values[ids]
        for n, grams in self._index.grams.items():
            positions, places = grams.find(values)
            texts = np.searchsorted(starts, positions, side="right") - 1 + number
            np.minimum.at(self._first[n], places, texts)
            if n == WHOLE:
                whole |= self._standing(ids, positions, places, texts)
        whole = {(which, at) for which, at in whole if _offers(batch[at - number], self._index.questions[which])}
        self.whole += sorted(whole, key=lambda pair: pair[::-1])
        self._rows += sum(text.part == "trace" for text in batch)

    def overlaps(self, source: str, names: Sequence[tuple[str, str]], ngrams: Sequence[int]) -> Iterator[Overlap]:
        """Count the matches for each benchmark."""
        index = self._index
        whole = dict(reversed(self.whole))
        shared = {n: self._sharing(n) for n in ngrams}
        best: dict[int, int] = {}
        for layer in (whole, *(shared[n] for n in sorted(ngrams, reverse=True))):
            best |= {which: text for which, text in layer.items() if which not in best}
        for benchmark in dict.fromkeys(question.benchmark for question in index.questions):
            own = {which for which, question in enumerate(index.questions) if question.benchmark == benchmark}
            yield Overlap(
                source, self._rows, benchmark, len(own), len(own & whole.keys()),
                {str(n): len(own & shared[n].keys()) for n in ngrams},
                {str(n): sum(len(index.ids[which]) < n for which in own) for n in ngrams},
                [(index.questions[w].question_id, *names[text]) for w, text in best.items() if w in own][:EXAMPLES],
            )  # fmt: skip

    def _sharing(self, n: int) -> Mapping[int, int]:
        """Return the first text that shares an n-gram with a question, by question."""
        grams = self._index.grams[n]
        first = np.full(len(self._index.questions), _NOWHERE)
        np.minimum.at(first, grams.owners, self._first[n][grams.places])
        return {which: text for which, text in enumerate(first.tolist()) if text != _NOWHERE}

    def _standing(self, ids: Places, positions: Places, places: Places, texts: Places) -> set[tuple[int, int]]:
        """Return the questions that are complete where one of their n-grams was found, each with its text."""
        near = np.flatnonzero(self._index.anchored[places])
        standing = set()
        for position, place, text in zip(*(part[near].tolist() for part in (positions, places, texts)), strict=True):
            for which, offset in self._index.anchors[place]:
                question, begin = self._index.ids[which], position - offset
                if begin >= 0 and np.array_equal(ids[begin : begin + len(question)], question):
                    standing.add((which, text))
        return standing


def _offers(text: Text, question: Question) -> bool:
    """Return whether a text has all options of a question: "Which is a chemical change?" alone matches many
    questions."""
    if not question.options:
        return True
    given = {" ".join(words(option)) for option in text.options}
    said = f" {' '.join(words(text.text))} "
    wanted = {" ".join(words(option)) for option in question.options}
    return all(option in given or f" {option} " in said for option in wanted)


def _hashes(values: Hashes, n: int) -> Hashes:
    """Hash every n-gram: a polynomial of the words' values, modulo 2**64."""
    length = max(len(values) - n + 1, 0)
    hashes = np.zeros(length, np.uint64)
    for offset in range(n if length else 0):
        hashes *= _BASE
        hashes += values[offset : offset + length]
    return hashes


def _batches(texts: Iterable[Text]) -> Iterator[list[Text]]:
    batch, size = list[Text](), 0
    for text in texts:
        batch.append(text)
        size += len(text.text)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
