"""Probing: prefixes of failed solutions, answers after them, and the cut that these answers decide."""

from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerBase

from hsir import traces
from hsir.config.pools import ProbePool
from hsir.grading import Auto, Choice, Grader, Number
from hsir.recycling.matchers import AnyOf, Explicit, Probe
from hsir.recycling.mentions import mentions
from hsir.sampling.samples import probe_prompts
from hsir.stages import probe, veriexit
from hsir.storage import tables
from hsir.tasks.chains import Chains

FAILED = "<think>\n4+8=12.\n\n12+3=15.\n\n12+8=19.\n\nSo the answer is 19.\n\n</think>\n<answer>\n19\n</answer>"
RIGHT = "<think>\n12+3=15.\n\n</think>\n<answer>\n15\n</answer>"


def sampled(encoder: PreTrainedTokenizerBase, name: str, text: str, **more: Any) -> tables.Row:
    ids = encoder(text)["input_ids"]
    return {
        "sample_id": name, "question_id": "q", "prompt_ids": [1, 2], "completion": text, "completion_ids": ids,
        "n_tokens": len(ids), "n_generated": len(ids), "finish": "stop", "seed": 0, **more,
    }  # fmt: skip


def verdict(name: str, value: str) -> tables.Row:
    return {"sample_id": name, "verdict": value, "why": "tags"}


@pytest.fixture
def pool(tmp_path: Path, encoder: PreTrainedTokenizerBase) -> Path:
    """A pool of one failed and one correct solution, in a folder, with its question."""
    rows = [sampled(encoder, "q-k2-0000", FAILED), sampled(encoder, "q-k2-0001", RIGHT)]
    tables.write("samples", rows, tmp_path / "samples.parquet", {})
    verdicts = [verdict("q-k2-0000", "wrong"), verdict("q-k2-0001", "right")]
    tables.write("verified", verdicts, tmp_path / "verified.parquet", {})
    question = {"question_id": "q", "question": "?", "gold": "15", "prompt_ids": [1, 2]}
    tables.write("questions", [question], tmp_path / "questions.parquet", {})
    return tmp_path


def probed(pool: Path, embedded: Path, **options: Any) -> list[tables.Row]:
    probe.main(
        [pool / "samples.parquet"], pool / "verified.parquet", pool / "questions.parquet",
        Chains(kind="chains", grading=Number()), ProbePool(kind="probe", of="k2", **options), str(embedded),
        pool / "probes.parquet",
    )  # fmt: skip
    return tables.read("veriexit", pool / "probes.parquet")


def test_only_failed_solutions_are_probed_after_each_step(
    pool: Path, embedded: Path, encoder: PreTrainedTokenizerBase
) -> None:
    rows = probed(pool, embedded)
    assert [(row["parent_id"], row["cut_step"]) for row in rows] == [("q-k2-0000", step) for step in range(4)]
    for row in rows:
        text = encoder.decode(row["prefix_ids"])
        assert text.endswith(traces.EXIT_PROMPT) and len(traces.steps(text)) == row["cut_step"] + 1
    assert [row["cut_step"] for row in probed(pool, embedded, most=2)] == [1, 3]


def test_only_steps_that_hold_the_gold_answer_and_the_next_ones_are_probed(pool: Path, embedded: Path) -> None:
    assert [row["cut_step"] for row in probed(pool, embedded, mentions=True)] == [1, 2]


def test_solutions_that_cannot_help_are_not_probed(
    pool: Path, embedded: Path, encoder: PreTrainedTokenizerBase
) -> None:
    assert probed(pool, embedded, unsolved=True) == []
    rows = [sampled(encoder, f"q-k2-000{n}", text) for n, text in enumerate(["<think>\n7.\n\n8.", FAILED, FAILED])]
    tables.write("samples", rows, pool / "samples.parquet", {})
    tables.write("verified", [verdict(row["sample_id"], "wrong") for row in rows], pool / "verified.parquet", {})
    assert {row["parent_id"] for row in probed(pool, embedded, unsolved=True)} == {row["sample_id"] for row in rows}
    few = probed(pool, embedded, mentions=True, per_question=1)
    assert [(row["parent_id"], row["cut_step"]) for row in few] == [("q-k2-0001", 1), ("q-k2-0001", 2)]


@pytest.mark.parametrize(
    ("step", "gold", "grader", "held"),
    [
        ("12+3=15.", "15", Number(), True), ("12+3=15.", "3", Number(), False), ("20-5=15.", "5", Number(), False),
        ("so 5 - 20 = -15", "15", Number(), True),
        ("1,500 coins", "1500", Number(), True), ("115.", "15", Number(), False), ("15.5", "15", Number(), False),
        ("nothing", "15", Number(), False), ("$\\frac{1}{2}$", "1/2", Auto(), True), ("x", "\\sqrt{2}", Auto(), True),
        ("So it is B", "B", Choice(), True), ("A bear", "B", Choice(), False), ("so", "yes", Auto(), True),
    ],
)  # fmt: skip
def test_whether_a_step_holds_the_gold_answer(step: str, gold: str, grader: Grader, held: bool) -> None:
    assert mentions(step, gold, grader) is held


def test_an_option_may_be_stored_as_its_text() -> None:
    assert mentions("It was a stroke.", "B", Choice(), {"A": "Flu", "B": "Stroke"})
    assert not mentions("It was the flu.", "B", Choice(), {"A": "Flu", "B": "Stroke"})


def test_each_probe_is_drawn_under_a_name_and_a_seed_of_its_own(pool: Path, embedded: Path) -> None:
    prompts = probe_prompts(probed(pool, embedded), "p", 3, 0)
    assert len(prompts) == 12
    assert len({prompt.sample_id for prompt in prompts}) == len({prompt.seed for prompt in prompts}) == 12
    assert {(prompt.parent_id, prompt.cut_step) for prompt in prompts} == {("q-k2-0000", step) for step in range(4)}


@pytest.mark.parametrize(
    ("right", "cut"),
    [([0, 1, 1, 0], 1), ([1, 0, 1, 1], 2), ([0, 0, 0, 1], 3), ([1, 0, 1, 0], None), ([0, 0, 0, 0], None)],
)
def test_the_cut_is_after_the_first_step_with_correct_answers_that_last(
    right: list[int], cut: int | None, pool: Path, embedded: Path, encoder: PreTrainedTokenizerBase
) -> None:
    rows = probed(pool, embedded)
    answers = [
        sampled(encoder, f"a{row['cut_step']}", "15", parent_id=row["parent_id"], cut_step=row["cut_step"])
        for row in rows
    ]
    tables.write("samples", answers, pool / "answers.parquet", {})
    verdicts = [verdict(f"a{step}", "right" if good else "wrong") for step, good in enumerate(right)]
    tables.write("verified", verdicts, pool / "answered.parquet", {})
    veriexit.main(
        [pool / "samples.parquet"], pool / "verified.parquet", pool / "questions.parquet",
        Chains(kind="chains", grading=Number()), Probe(kind="probe", pool="p"), str(embedded),
        pool / "veriexit.parquet", [f"p={pool / 'answers.parquet'}"], [f"p={pool / 'answered.parquet'}"],
    )  # fmt: skip
    [row] = tables.read("veriexit", pool / "veriexit.parquet")
    assert row["parent_id"] == "q-k2-0000" and row["cut_step"] == cut


MUTE = "<think>\n4+8=12.\n\n12+8=19.\n\n</think>\n<answer>\n19\n</answer>"


@pytest.mark.parametrize(("text", "stating"), [(FAILED, 1), (MUTE, 0)])
@pytest.mark.parametrize("matcher", [Explicit(), Probe(kind="probe", pool="p")])
def test_failed_solutions_that_state_no_answer_cause_a_warning(
    text: str, stating: int, matcher: Explicit | Probe, pool: Path, embedded: Path,
    encoder: PreTrainedTokenizerBase, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    rows = [sampled(encoder, "q-k2-0000", text), sampled(encoder, "q-k2-0001", RIGHT)]
    tables.write("samples", rows, pool / "samples.parquet", {})
    veriexit.main(
        [pool / "samples.parquet"], pool / "verified.parquet", pool / "questions.parquet",
        Chains(kind="chains", grading=Number()), matcher, str(embedded), pool / "veriexit.parquet",
    )  # fmt: skip
    expected = stating if isinstance(matcher, Explicit) else 1
    assert tables.metadata(pool / "veriexit.parquet")[tables.STATING] == expected
    warned = "hsir: warning: 0 of 1 failed solutions state an answer" in capsys.readouterr().err
    assert warned is (expected == 0)


@pytest.mark.parametrize(
    ("step", "conclusions", "read"),
    [
        ("So the answer is 19.", False, True),
        ("12+8=19.", False, False),
        ("Therefore, Charlie has 17 stickers left.", False, False),
        ("Therefore, Charlie has 17 stickers left.", True, True),
    ],
)
def test_what_a_matcher_reads_is_what_it_accepts_of_the_gold_answer(step: str, conclusions: bool, read: bool) -> None:
    matcher = Explicit(conclusions=conclusions)
    assert matcher.reads(step, "15", Number()) is read
    assert AnyOf(kind="any", of=(matcher, matcher)).reads(step, "15", Number()) is read
