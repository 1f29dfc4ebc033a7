"""Does a method collapse over iterations? The variety of the samples of its policies, as a table and a figure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import NamedTuple

import altair as alt
import pandas as pd

from hsir.config.plan import EVAL, samples_of, test_set
from hsir.config.pools import SamplePool
from hsir.evaluation.variety import GRAM, Variety, mean, variety
from hsir.grading.voting import plain
from hsir.reducers import Answer
from hsir.report import style
from hsir.report.labels import truth
from hsir.report.run import Cell, Drawn, Made
from hsir.report.sheets import Entry, Sheet
from hsir.storage import tables

MEASURES = {
    "pass_1": ("pass@1", "%"), "pass_k": ("pass@K", "%"), "answers": ("different answers", "per question"),
    "entropy": ("entropy of the answers", "bits"), "distinct": (f"different {GRAM}-grams", "%"),
}  # fmt: skip
NOTE = (
    "Means over questions, by the true gold answers. iteration: that of the sampled policy; 0 is a method's initial"
    " policy. drawn: K, the samples per question. The answers are those to the same question; those that are correct"
    f" count as one. {GRAM}-grams: the different sequences of {GRAM} tokens in the solutions to a question, as a share"
    " of all of them; shorter solutions repeat fewer. A method collapses where pass@1 rises, while pass@K and the"
    " entropy fall."
)


class Place(NamedTuple):
    """What a line of the figure shows: the samples of a method's policies for one pool and seed."""

    model: str
    task: str
    seed: int
    pool: str
    method: str


@dataclass(frozen=True, slots=True)
class Generation:
    """The samples of one policy of a line."""

    place: Place
    iteration: int
    policy: str
    variety: Variety


def gather(made: Made) -> list[Generation]:
    """Measure the pools and sampled evaluations of each method that has them for more than one policy."""
    courses: dict[Place, dict[int, Drawn]] = defaultdict(dict)
    for place, iteration, drawn in _generations(made):
        courses[place][iteration] = drawn
    several = {place: course for place, course in courses.items() if len(course) > 1}
    found = {drawn: _variety(made, drawn) for course in several.values() for drawn in course.values()}
    return [
        Generation(place, iteration, drawn.cell.policy, found[drawn])
        for place, course in several.items()
        for iteration, drawn in sorted(course.items())
    ]


def frame(found: Sequence[Generation]) -> pd.DataFrame:
    """Return the generations as a table with one row each; shares are from 0 to 1."""
    rows = [(*one.place, one.iteration, one.policy, *astuple(one.variety)) for one in found]
    return pd.DataFrame(rows, columns=[*Place._fields, "iteration", "policy", *Variety.__slots__])


def sheets(found: Sequence[Generation]) -> list[Sheet]:
    """Return a sheet for each model, task and pool: one row per method and iteration, means over seeds."""
    columns = ["method", "iteration", "drawn", *(f"{name}, {unit}" for name, unit in MEASURES.values())]
    made = []
    for (model, task, pool), some in _percent(frame(found)).groupby(["model", "task", "pool"], sort=False):
        means = some.groupby(["method", "iteration"], sort=False)[["drawn", *MEASURES]].mean().reset_index()
        lines = [
            [Entry(str(row["method"])), Entry(str(row["iteration"])), Entry(f"{row['drawn']:.0f}"),
             *(Entry(f"{row[name]:.{1 if unit == '%' else 2}f}") for name, (_, unit) in MEASURES.items())]
            for row in means.to_dict("records")
        ]  # fmt: skip
        made.append(Sheet(f"{model}, {task}, {pool}: variety over iterations", columns, lines, NOTE))
    return made


def draw(made: Made, found: Sequence[Generation]) -> style.Chart:
    """Draw each measure over iterations: a row of panels per model, task and pool, one line per method."""
    if not found:
        return style.sentence("No method of this run has samples of several of its policies: there is no curve.")
    rows = _percent(frame(found))
    methods = list(dict.fromkeys(rows["method"]))
    charts = [
        _panel(some, name, style.heading(title, f"{pool} {made.where(model, task)}".strip()), unit, methods)
        for place, some in rows.groupby(["model", "task", "pool"], sort=False)
        for model, task, pool in [map(str, place)]
        for name, (title, unit) in MEASURES.items()
    ]
    return style.panels(charts, "Variety of the samples over iterations", columns=len(MEASURES))


def _panel(
    rows: pd.DataFrame, measure: str, title: alt.TitleParams, unit: str, methods: Sequence[str]
) -> alt.LayerChart:
    means = rows.groupby(["method", "iteration"], sort=False)[measure].mean().rename("value").reset_index()
    last = int(means["iteration"].max())
    looks = style.lines("method:N", methods)
    base = alt.Chart(style.data(means), width=170, height=150, title=title).encode(
        x=alt.X("iteration:Q", title="iteration", axis=alt.Axis(values=[*range(last + 1)], format="d", grid=False)),
        y=alt.Y("value:Q", title=unit, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)),
        color=looks["color"],
        tooltip=["method:N", "iteration:Q", alt.Tooltip("value:Q", format=".3g")],
    )
    line = base.mark_line(strokeWidth=1.6).encode(strokeDash=looks["strokeDash"])
    return alt.layer(line, base.mark_point(filled=True, size=40, opacity=1))


def _percent(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(**{name: 100 * rows[name] for name, (_, unit) in MEASURES.items() if unit == "%"})


def _generations(made: Made) -> Iterator[tuple[Place, int, Drawn]]:
    """Yield what is sampled several times per question, with its line and the iteration of the sampled policy."""
    evaluated = {*made.evaluated()}
    for cell in made.cells():
        method, _, number = cell.policy.partition(".")
        if not number:
            continue
        before = Cell(cell.model, cell.task, cell.seed, made.plan.parent(cell.policy))
        policies = [(cell, int(number)), *([(before, 0)] if number == "1" and before in evaluated else [])]
        drawn = [(one, int(number) - 1) for one in made.last_pools(cell) if _several(made, one)]
        drawn += [
            (made.answers(of, name), at)
            for of, at in policies
            for name, _ in made.evaluations(of)
            if samples_of(name) > 1
        ]
        for one, iteration in drawn:
            yield Place(cell.model, cell.task, cell.seed, made.plan.drawn_as(one.pool), method), iteration, one


def _several(made: Made, drawn: Drawn) -> bool:
    pool = made.plan.config.pools[made.plan.drawn_as(drawn.pool)]
    return isinstance(pool, SamplePool) and pool.samples > 1


def _variety(made: Made, drawn: Drawn) -> Variety:
    judge = _Judge(made, drawn)
    columns = ["sample_id", "extracted", "verdict"]
    verdicts = {name: said for name, *said in tables.tuples("verified", made.table(drawn, "verified"), columns)}
    samples = tables.arrow("samples", made.shards(drawn), ["sample_id", "question_id", "completion_ids"])
    texts = samples["completion_ids"].combine_chunks()
    names, questions = (samples[key].to_pylist() for key in ("sample_id", "question_id"))
    rows: dict[str, list[int]] = defaultdict(list)
    for n, question in enumerate(questions):
        rows[question].append(n)
    return mean(
        [
            variety([judge(one, *verdicts[names[n]]) for n in some], [texts[n].values.to_numpy() for n in some])
            for one, some in rows.items()
        ]
    )


class _Judge:
    """Grades a pool's answers by the true gold answers, which may differ from those that judged the pool."""

    def __init__(self, made: Made, drawn: Drawn) -> None:
        task = test_set(drawn.pool) if drawn.pool.startswith(EVAL) else drawn.cell.task
        self._grader = made.plan.config.tasks[task].task.grading
        self._true = truth(made, drawn)
        columns = ["question_id", "gold", "options"]
        self._labels = {name: (gold, dict(options or ()) or None)
                        for name, gold, options in tables.tuples("questions", made.labels(drawn), columns)}  # fmt: skip
        self._known: dict[tuple[str, str | None, str], Answer] = {}

    def __call__(self, question: str, said: str | None, verdict: str) -> Answer:
        """Return the graded answer, in its plain form."""
        key = (question, said, verdict)
        if key not in self._known:
            self._known[key] = self._graded(*key)
        return self._known[key]

    def _graded(self, question: str, said: str | None, verdict: str) -> Answer:
        label, options = self._labels[question]
        if said is None or label == self._true[question]:
            right = verdict == "right"
        else:
            right = self._grader.same(said, self._true[question], options) is True
        return Answer(right, said and (plain(said, self._grader, options) or said.strip().casefold()), 0)
