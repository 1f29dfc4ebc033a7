"""Prompts that are not the plain question: hinted, guided by what was written before, or drawn more often."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from hsir import traces

PLACES = re.compile(r"\{(question|answer|previous)\}")


def filled(template: str, **texts: str) -> str:
    """Put texts into a template's places, in one pass: what stands in a text itself is never filled."""
    return PLACES.sub(lambda place: texts.get(place[1], place[0]), template)


def quoted(completion: str, characters: int) -> str:
    """Give what of a completion is quoted: its text without the tags of the trace format, and no more than a limit.

    Tags are left out, for a prompt that holds them looks like a solution that has begun.
    """
    for tag in traces.TAGS:
        completion = completion.replace(tag, "")
    return completion.strip()[:characters].rstrip()


def unsolved(asked: Sequence[str], right: Mapping[str, int]) -> list[str]:
    """Give the questions without a right solution, in order; `right` counts by question."""
    return [question for question in asked if not right.get(question)]


def shares(failed: Mapping[str, int], drawn: int, total: int) -> dict[str, int]:
    """Share `total` draws out in proportion to the failed of each question's `drawn` solutions.

    Remainders go to the largest fractions, ties by question id; where nothing failed, all get alike. Source: DART-Math
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
