"""The trace browser: which traces are sampled, what is marked, and that model output cannot affect the page."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from hsir import traces
from hsir.config import Plan, load
from hsir.report import exhibits, indiv_view, page
from hsir.report.exhibits import Exhibit, Step, Trace, visible
from hsir.report.run import Made
from hsir.storage import tables

STATED = "So the answer is 7."
FAILED = traces.compose(["First 3+4=7.", STATED, "Wait, 7+1=8."], "8")
HOSTILE = [
    "<script>alert(1)</script>", "</td></li></pre><h1>x</h1>", '"><img src=x onerror=alert(1)>', "</script><script>",
    "{{ 7*7 }} {% raw %}", "&lt;b&gt;", "</textarea></style></title>",
]  # fmt: skip
ACTING = ["\u202egnp.exe", "\u200b", "\x00\x1b[31m", "\u2028", "\u2066x", "\ufeff"]


def made_in(folder: Path, questions: int, policies: int = 1, **tau: Any) -> Made:
    """Write a run of which each question has a failed solution that was recovered, and right ones that InDiv parts."""
    select = [{"kind": "right"}, {"kind": "indiv", "standardise": "none", **(tau or {"threshold": 0.0})}]
    method = {"initial": "start", "pools": ["k3", "k3-exit"], "score": "indiv", "select": select}
    names = [f"m{n}" for n in range(policies)]
    raw: dict[str, Any] = {
        "run": "r", "results": str(folder),
        "runs": {"r": {"models": ["tiny"], "tasks": ["sums"], "methods": names}},
        "models": {"tiny": {"path": "x"}}, "tasks": {"sums": {"task": {"kind": "chains"}}},
        "methods": {"start": {"iterations": 0}, **dict.fromkeys(names, method)},
        "pools": {"k3": {"kind": "sample", "samples": 3}, "k3-exit": {"kind": "veriexit", "of": "k3", "samples": 1}},
    }  # fmt: skip
    made = Made(Plan(load(raw, folder)))
    write_pools(folder / "tiny/sums/seed0", questions)
    return made


def write_pools(root: Path, questions: int) -> None:
    """Write the tables of one seed."""
    plain, judged, cuts, answers, verdicts = [], [], [], [], []
    scores: dict[str, list[tables.Row]] = {"k3": [], "k3-exit": []}
    names = [f"q{n:03d}" for n in range(questions)]
    for name in names:
        solutions = [FAILED, traces.compose(["3+4=7.", STATED] * 3, "7"), traces.compose(["3+4=7.", STATED], "7")]
        for n, text in enumerate(solutions):
            plain.append(sample(f"{name}-k3-{n}", name, text))
            judged.append(verdict(f"{name}-k3-{n}", "right" if n else "wrong"))
        scores["k3"] += [score(f"{name}-k3-1", -1.0), score(f"{name}-k3-2", 1.0)]
        cuts.append(
            {"parent_id": f"{name}-k3-0", "question_id": name, "prompt_ids": [1], "cut_step": 1, "prefix_ids": [1]}
        )
        prefix = FAILED[: FAILED.index(STATED) + len(STATED)]
        answers.append(sample(f"{name}-exit", name, prefix + traces.EXIT_PROMPT + "7\n</answer>", f"{name}-k3-0"))
        verdicts.append(verdict(f"{name}-exit", "right"))
        scores["k3-exit"].append(score(f"{name}-exit", 2.0))
    asked = [
        {"question_id": name, "question": f"What is {name}?", "gold": "7", "difficulty": 2, "options": None,
         "prompt_ids": [1], "trace": None, "trace_ids": None}
        for name in names
    ]  # fmt: skip
    tables.write("questions", asked, root / "data/unlabelled.parquet", {})
    for pool, drawn, found in (("k3", plain, judged), ("k3-exit", answers, verdicts)):
        tables.write("samples", drawn, root / f"start/{pool}/samples/0-of-1.parquet", {})
        tables.write("verified", found, root / f"start/{pool}/verified.parquet", {})
        tables.write("indiv-scores", scores[pool], root / f"start/{pool}/indiv-scores.parquet", {})
    tables.write("veriexit", cuts, root / "start/k3-exit/veriexit.parquet", {})


def sample(name: str, question: str, text: str, parent: str | None = None) -> tables.Row:
    """Make a row of samples."""
    return {
        "sample_id": name, "question_id": question, "prompt_ids": [1], "completion": text, "completion_ids": [1, 2],
        "n_tokens": 2, "n_generated": 2, "finish": "stop", "seed": 0, "parent_id": parent, "cut_step": None,
    }  # fmt: skip


def verdict(name: str, found: str) -> tables.Row:
    """Make a row of verdicts."""
    return {"sample_id": name, "extracted": "7", "verdict": found, "why": "tags"}


def score(name: str, value: float) -> tables.Row:
    """Make a row of scores."""
    parts = {"m": 2, "d": 4, "logdet": 0.0, "sum_log_attention": 0.0, "variance": 1.0, "n_tokens": 2}
    return {"sample_id": name, **parts, "indiv": value}


def gathered(made: Made) -> list[Exhibit]:
    """Choose what to show of a run."""
    return exhibits.gather(made, indiv_view.seen(made))


def test_a_failed_trace_is_shown_with_its_cut_and_what_was_answered_after_it(tmp_path: Path) -> None:
    cut, compared = gathered(made_in(tmp_path, questions=1))
    failed, recovered = cut.traces
    assert (cut.kind, cut.fate, cut.question, cut.gold) == ("VeriExit", "recovered", "What is q000?", "7")
    assert [step.mark for step in failed.steps] == ["", "arrives", "behind"]
    assert failed.rest == "<answer>\n8\n</answer>" and recovered.rest == "</think>\n<answer>\n7\n</answer>"
    dropped, kept = compared.traces
    assert (dropped.title, dropped.said) == ("dropped", "q000-k3-1: InDiv -1.00, 2 tokens, 4 steps repeated")
    assert [step.mark for step in dropped.steps] == ["", "", *["repeats"] * 4]
    assert kept.title == "kept" and not any(step.mark for step in kept.steps)


def test_what_a_quantile_drops_is_reported_as_the_filter_drops_it(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=8, threshold=0.5, threshold_is="quantile")
    (seen,) = indiv_view.seen(made)
    left = seen.chosen(indiv_view.candidates(made, seen.cell), 0)
    kept = seen.candidates[~seen.candidates["dropped"]]
    assert kept["sample_id"].tolist() == [one.sample_id for one in left]
    assert seen.by_level().to_dict("index") == {2: {"candidates": 24, "dropped": 8}} and seen.tau == 1.0


def test_the_same_sample_is_shown_each_time_and_no_more_than_a_page_holds(tmp_path: Path) -> None:
    made = made_in(tmp_path, questions=60)
    found = gathered(made)
    assert found == gathered(made)
    for kind in ("VeriExit", "InDiv"):
        asked = [one.question_id for one in found if one.kind == kind]
        assert len(asked) == len(set(asked)) == exhibits.MOST


def test_a_page_of_many_policies_holds_no_more(tmp_path: Path) -> None:
    found = gathered(made_in(tmp_path, questions=5, policies=30))
    assert sum(one.kind == "InDiv" for one in found) == exhibits.MOST
    assert len({one.place for one in found if one.kind == "InDiv"}) == exhibits.MOST


def test_a_long_trace_is_shown_in_part_but_always_where_it_reaches_the_answer() -> None:
    text = traces.compose([f"{n} " + "x" * 990 for n in range(50)] + ["y" * 9000, "end"], "1")
    marks = ["" for _ in traces.steps(text)]
    marks[50] = "arrives"
    shown = exhibits._trace("failed", "", traces.steps(text), text, marks).steps  # type: ignore[arg-type]
    assert sum(len(step.text) for step in shown) < exhibits.LONG_TRACE + 200
    arrives = next(step for step in shown if step.mark == "arrives")
    assert arrives.text.endswith("... (5,000 characters more)")
    assert [step.text for step in shown if step.mark == "left out"] == ["34 more", "1 more"]


@pytest.mark.parametrize("text", ACTING)
def test_characters_that_act_are_reported_by_their_numbers(text: str) -> None:
    told = visible(f"a\n\t{text}")
    assert told.startswith("a\n\t") and told.replace("\n", "").replace("\t", "").isprintable()
    assert f"<U+{ord(text[0]):04X}>" in told


class Tags(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")


def shown(text: str) -> Exhibit:
    """Put a text wherever a model's or a data set's text is shown."""
    said = visible(text)
    one = Trace("failed", said, [Step(said, "arrives"), Step(said, "repeats")], said)
    return Exhibit("VeriExit", said, said, 1, said, said, "recovered", [one, one])


@pytest.mark.parametrize("text", [*HOSTILE, *ACTING])
def test_no_text_of_a_model_becomes_part_of_the_page(text: str) -> None:
    plain, hostile = (Tags(page.browser("Traces", [shown(one)])) for one in ("harmless", text))
    assert hostile.tags == plain.tags and hostile.attributes == plain.attributes
    assert not any(name.startswith("on") for name in hostile.attributes)


def test_a_run_without_traces_says_so() -> None:
    assert "No policy of this run recycled failed solutions" in page.browser("Traces", [])
