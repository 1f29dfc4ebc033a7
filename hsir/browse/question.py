"""One question: its samples with verdicts, cuts, continuations, probes, scores, and what became of each."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from hsir import traces
from hsir.browse.chosen import Chosen, Fate, merged
from hsir.browse.samples import Samples
from hsir.splitting import Layout
from hsir.storage.tables import Row

LONGEST = 200_000
"""Largest number of characters of a completion that a page shows."""
WHY = {
    "tags": "in the answer tags",
    "open_tag": "after an answer tag that is never closed",
    "hash": "after ####",
    "boxed": r"in \boxed{}",
    "stated": "stated as the answer, outside the tags",
    "alone": "alone on a line, outside the tags",
    "last": "the last one in the text",
    "truncated": "the token limit cut it off before an answer",
    "unfinished": "the reasoning is never closed",
    "empty": "the answer tags are empty",
    "none": "there is no answer after the reasoning",
    "several": "there are several different answers",
}
"""Where a grader found the answer, or why there is none; the keys are those of hsir.grading.base."""


@dataclass(frozen=True)
class Step:
    """A step of a trace: `cut` is the one after which VeriExit cuts, `after` one that it removes."""

    text: str
    mark: Literal["", "cut", "after"] = ""
    probes: Sequence["Answer"] = ()


@dataclass(frozen=True)
class Cut:
    """What VeriExit did with a failed solution: the number of the step (from 0) after which it is cut, or none."""

    pool: str
    step: int | None
    continuations: Sequence["Answer"] = ()


@dataclass(frozen=True)
class Answer:
    """A sample, as a page shows it."""

    sample_id: str
    verdict: str | None
    why: str
    extracted: str | None
    tokens: int
    truncated: bool
    steps: Sequence[Step] = ()
    before: str = ""
    """The text before the reasoning; usually none."""
    final: str = ""
    """The text after the reasoning."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Raw scores, by score set."""
    fates: Sequence[Fate] = ()
    cuts: Sequence[Cut] = ()


@dataclass(frozen=True)
class Group:
    """The samples of a pool for a question."""

    samples: Samples
    answers: Sequence[Answer]


@dataclass(frozen=True)
class Known:
    """What is known of a policy's pools, besides the samples themselves."""

    cuts: Mapping[str, Mapping[str, int | None]]
    """By recycled pool: the step after which each failed solution is cut, by sample id."""
    scores: Mapping[tuple[str, str], Mapping[str, Mapping[str, float]]]
    """By (policy, pool) and score set: raw scores by sample id."""
    chosen: Sequence[Chosen]
    layout: Layout = "blank_line"


def groups(samples: Sequence[Samples], question: str, known: Callable[[Samples], Known]) -> list[Group]:
    """Return the samples of a question by pool; those of a recycled or probed pool are shown with the solution that
    they continue."""
    by_policy = defaultdict[str, list[Samples]](list)
    for one in samples:
        by_policy[one.pool.policy].append(one)
    shown = []
    for one in samples:
        names = {other.pool.name for other in by_policy[one.pool.policy]}
        if not (one.kind in {"veriexit", "probe"} and one.source in names):
            derived = [other for other in by_policy[one.pool.policy] if other.source == one.pool.name]
            shown.append(Group(one, _answers(one, derived, question, known(one))))
    return shown


def _answers(samples: Samples, derived: Sequence[Samples], question: str, known: Known) -> list[Answer]:
    rows = samples.rows(question)
    texts = samples.completions(row["place"] for row in rows)
    recycled = [_children(one, question) for one in derived if one.kind == "veriexit"]
    probed = [_children(one, question) for one in derived if one.kind == "probe"]
    return [_answer(samples, row, texts[row["place"]], recycled, probed, known) for row in rows]


@dataclass(frozen=True)
class _Children:
    """The samples that continue others, by the sample that they continue."""

    samples: Samples
    rows: Mapping[str, Sequence[Row]]
    texts: Mapping[int, str]


def _children(samples: Samples, question: str) -> _Children:
    found, rows = defaultdict[str, list[Row]](list), samples.rows(question)
    for row in rows:
        found[row["parent_id"]].append(row)
    return _Children(samples, found, samples.completions(row["place"] for row in rows))


def _answer(
    samples: Samples, row: Row, text: str, recycled: Iterable[_Children], probed: Sequence[_Children], known: Known
) -> Answer:
    rest, text, name = len(text) - LONGEST, text[:LONGEST], row["sample_id"]
    split, (start, end) = traces.steps(text, known.layout), traces.reasoning_span(text)
    cuts = [cut for one in recycled if (cut := _cut(one, name, text, split, known)) is not None]
    at = {cut.step for cut in cuts if cut.step is not None}
    asked = defaultdict[int, list[Answer]](list)
    for one in probed:
        for child in one.rows.get(name, ()):
            asked[child["cut_step"]].append(_continued(one, child, text, split, known))
    steps = [
        Step(step, "cut" if n in at else "after" if at and n > max(at) else "", asked.get(n, ()))
        for n, (step, _) in enumerate(split)
    ]
    before = text[:start].strip().removesuffix("<think>").strip()
    final = text[end:].strip().removeprefix("</think>").strip()
    final += f"\n... ({rest:,} more characters)" if rest > 0 else ""
    return replace(_shown(samples, row, known, final), steps=steps, before=before, cuts=cuts)


def _cut(children: _Children, name: str, text: str, split: Sequence[tuple[str, int]], known: Known) -> Cut | None:
    """Return what VeriExit did with a sample for a recycled pool; None if it was not a failed one."""
    pool = children.samples.pool.name
    if name not in (cut := known.cuts.get(pool, {})):
        return None
    return Cut(
        pool, cut[name], [_continued(children, child, text, split, known) for child in children.rows.get(name, ())]
    )


def _continued(children: _Children, row: Row, before: str, split: Sequence[tuple[str, int]], known: Known) -> Answer:
    """Show a continuation: only what follows the cut."""
    text = children.texts[row["place"]]
    end = split[row["cut_step"]][1] if row["cut_step"] is not None and row["cut_step"] < len(split) else 0
    new = text[end:] if text.startswith(before[:end]) else text
    return _shown(children.samples, row, known, new[:LONGEST].strip().removeprefix("</think>").strip())


def _shown(samples: Samples, row: Row, known: Known, final: str) -> Answer:
    place, name = (samples.pool.policy, samples.pool.name), row["sample_id"]
    scores = {one: values[name] for one, values in known.scores.get(place, {}).items() if name in values}
    fates = merged(one.fate(samples.pool.policy, name, row["verdict"]) for one in known.chosen if place in one.pools)
    why = WHY.get(row["why"], row["why"] or "")
    return Answer(
        name, row["verdict"], why, row["extracted"], row["n_tokens"], row["finish"] == "length", final=final,
        scores=scores, fates=fates,
    )  # fmt: skip
