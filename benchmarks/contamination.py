"""Time the stage contamination's comparison, with planted overlaps: `PYTHONPATH=. python benchmarks/contamination.py`.

Exits with 1 if one of them is missed, or anything else is found.
"""

import resource
import sys
import time
from collections.abc import Iterator

import numpy as np

from hsir.selection.contamination import Exact, Question, Text, compare

ROWS, WORDS, QUESTIONS, LENGTH = 10_000, 2_000, 1_319, 45
PLANTED = (LENGTH, 13, 8)
"""Numbers of words of a test question planted in a row; each in `EACH` rows. The first is all of them."""
EACH = 50
VOCABULARY = 30_000

drawn = np.random.default_rng(0)
weights = 1 / np.arange(1, VOCABULARY + 1)  # as in natural text, a few words account for most of it
weights /= weights.sum()


def main() -> None:
    """Plant overlaps, compare, and print the result."""
    questions = [Question("test", f"test-{n:05d}", " ".join(text(LENGTH))) for n in range(QUESTIONS)]
    planted = [(questions[n].text.split(), PLANTED[n // EACH]) for n in range(EACH * len(PLANTED))]
    making = 0.0

    def rows() -> Iterator[Text]:
        nonlocal making
        for n in range(ROWS):
            began = time.perf_counter()
            words = text(WORDS)
            for question, length in planted[n : n + 1]:
                words[100 : 100 + length] = [f"{word.upper()}," for word in question[-length:]]
            row = Text("k10", f"row-{n:05d}", "trace", " ".join(words))
            making += time.perf_counter() - began
            yield row

    began = time.perf_counter()
    overlaps, exact = compare(questions, rows(), PLANTED[1:])
    seconds = time.perf_counter() - began - making
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    right = exact == [Exact("test", f"test-{n:05d}", "k10", f"row-{n:05d}", "trace") for n in range(EACH)]
    right = right and overlaps[0].shared == {"13": 2 * EACH, "8": 3 * EACH}
    print(f"{ROWS:,} rows of {WORDS:,} words, {QUESTIONS:,} questions of {LENGTH}: {seconds:.1f} s, {most:.0f} MiB")
    print(f"found {overlaps[0].exact} whole, {overlaps[0].shared}: {'what was planted' if right else 'WRONG'}")
    sys.exit(not right)


def text(length: int) -> list[str]:
    """Sample words."""
    return [f"word{n}" for n in drawn.choice(VOCABULARY, length, p=weights)]


if __name__ == "__main__":
    main()
