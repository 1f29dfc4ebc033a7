"""Prompts other than the plain question: with hints, guided by earlier completions, or with more samples."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from hsir import traces

PLACES = re.compile(r"\{(question|answer|previous)\}")


def filled(template: str, **texts: str) -> str:
    """Fill a template's placeholders in one pass: placeholders inside an inserted text are not filled."""
    return PLACES.sub(lambda place: texts.get(place[1], place[0]), template)


def quoted(completion: str, characters: int) -> str:
    """Return the quoted part of a completion: its text without the tags of the trace format, up to a limit.

    Tags are removed, because a prompt that contains them looks like the start of a solution.
    """
    for tag in traces.TAGS:
        completion = completion.replace(tag, "")
    return completion.strip()[:characters].rstrip()


def unsolved(asked: Sequence[str], right: Mapping[str, int]) -> list[str]:
    """Return the questions without a correct solution, in order; `right` counts by question."""
    return [question for question in asked if not right.get(question)]


def shares(failed: Mapping[str, int], drawn: int, total: int) -> dict[str, int]:
    """Distribute `total` samples in proportion to the failed ones among each question's `drawn` solutions.

    Remainders go to the largest fractions, with ties by question id; if nothing failed, all get the same number.
    Source: DART-Math
    (arXiv 2407.13690), prop2diff, with the total held fixed.
    """
    if not failed:
        return {}
    weights = {question: Fraction(count, drawn) for question, count in failed.items()}
    whole = sum(weights.values())
    exact = {q: (total * w / whole if whole else Fraction(total, len(failed))) for q, w in weights.items()}
    given = {question: int(share) for question, share in exact.items()}
    left = total - sum(given.values())
    for question in sorted(exact, key=lambda q: (given[q] - exact[q], q))[:left]:
        given[question] += 1
    return given
