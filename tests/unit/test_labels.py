"""Wrong gold answers, and gold answers by majority."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hsir.config import Plan, load, read_yaml
from hsir.config.pools import MajorityPool
from hsir.config.settings import Score
from hsir.config.training import Grpo
from hsir.errors import ConfigError, InputError
from hsir.grading import Auto, Choice, Number, Text, YesNo
from hsir.grading.base import Grader
from hsir.grading.verdicts import verdicts
from hsir.grading.voting import leading, majority, said
from hsir.recycling.matchers import Explicit
from hsir.stages import data, veriexit, verify, vote
from hsir.storage import tables
from hsir.tasks.chains import Chains
from hsir.tasks.noise import noised

ROOT = Path(__file__).parents[2]
LETTERS = {"A": "red", "B": "green", "C": "blue", "D": "red"}


def question(name: str, gold: str | None, options: dict[str, str] | None = None) -> tables.Row:
    """Make a row of the table `questions`."""
    return {
        "question_id": name, "question": "What?", "gold": gold, "difficulty": None, "options": options,
        "prompt_ids": [1, 2], "trace": None, "trace_ids": None,
    }  # fmt: skip


def test_a_share_of_the_gold_answers_is_wrong_and_the_true_ones_are_kept() -> None:
    rows = [question(f"q{n}", str(n % 7)) for n in range(2000)]
    few, many = noised(rows, 0.1, 3, Number()), noised(rows, 0.3, 3, Number())
    changed = {row["question_id"]: row for row in few if row["true_gold"] is not None}
    assert 150 < len(changed) < 250
    for before, after in zip(rows, few, strict=True):
        if after["question_id"] in changed:
            assert after["true_gold"] == before["gold"] != after["gold"]
        else:
            assert after == before | {"true_gold": None}
    assert changed.keys() < {row["question_id"] for row in many if row["true_gold"] is not None}
    assert few == noised(rows, 0.1, 3, Number()), "it depends on the seed and the id alone"
    assert few != noised(rows, 0.1, 4, Number())
    assert all(row["true_gold"] is None for row in noised(rows, 0.0, 3, Number()))
    assert all(row["true_gold"] is not None for row in noised(rows, 1.0, 3, Number()))


@pytest.mark.parametrize(
    ("grader", "gold", "options", "possible"),
    [
        (Choice(), "A", LETTERS, {"B", "C", "D"}),
        (Auto(), "B", LETTERS, {"A", "C", "D"}),
        (YesNo(), "yes", None, {"no"}),
        (Auto(), "no", None, {"yes"}),
        (Number(), "1,000", None, {"7"}),  # 1000.0 is the same number
    ],
)
def test_a_wrong_gold_answer_is_plausible(
    grader: Grader, gold: str, options: dict[str, str] | None, possible: set[str]
) -> None:
    golds = [gold, *({"7", "1000.0"} if grader.kind == "number" else ())]  # type: ignore[attr-defined]
    rows = [question(f"q{n}-{m}", one, options) for n in range(40) for m, one in enumerate(golds)]
    found = {row["gold"] for row in noised(rows, 1.0, 0, grader) if row["true_gold"] == gold}
    assert found == possible


def test_without_another_gold_answer_there_is_no_wrong_one() -> None:
    with pytest.raises(InputError, match=r"'a'.*no other question has a different gold answer than '5'"):
        noised([question("a", "5"), question("b", "5.0")], 1.0, 0, Number())


def test_only_the_unlabelled_set_has_wrong_gold_answers(tmp_path: Path, embedded: Path) -> None:
    clean = Chains(kind="chains", seed=20, unlabelled=20, test=20)
    noisy = clean.model_copy(update={"noise": 0.5})
    for split in ("seed", "test"):
        data.main(str(embedded), noisy, split, tmp_path / "some.parquet", seed=1)
        golds = {row["question_id"]: row["gold"] for row in tables.read("questions", tmp_path / "some.parquet")}
        assert golds == {one.id: one.answer for one in clean.questions(split, 1)}
        assert noisy.for_split(split) == clean.for_split(split), "noise does not recreate the other sets"
    assert noisy.for_split(None) == clean.for_split(None), "noise does not regrade"
    data.main(str(embedded), noisy, "unlabelled", tmp_path / "some.parquet", seed=1)
    truth = {one.id: one.answer for one in clean.questions("unlabelled", 1)}
    rows = tables.read("questions", tmp_path / "some.parquet")
    wrong = [row for row in rows if row["gold"] != truth[row["question_id"]]]
    assert 4 <= len(wrong) <= 16
    assert {row["question_id"]: row["true_gold"] for row in rows if row["true_gold"] is not None} == {
        row["question_id"]: truth[row["question_id"]] for row in wrong
    }
    assert noisy.for_split("unlabelled") != clean.for_split("unlabelled")
    assert "noise" not in clean.model_dump_json(), "data made before the option existed stay valid"


def test_a_table_of_a_version_without_a_column_is_read(tmp_path: Path) -> None:
    path = tmp_path / "questions.parquet"
    tables.write("questions", [question("a", "5")], path, {})
    old = pq.read_table(path).drop_columns(["true_gold"])
    pq.write_table(old.replace_schema_metadata({}), path)
    assert tables.read("questions", path)[0]["true_gold"] is None
    with pytest.raises(InputError, match="not a table of kind 'samples'"):
        tables.read("samples", path)


@pytest.mark.parametrize(
    ("completion", "grader", "options", "answer"),
    [
        ("<answer>\n 17 \n</answer>", Number(fallbacks=()), None, "17"),
        ("so the answer is 17", Number(fallbacks=()), None, None),
        ("<answer>about it</answer>", Number(), None, None),
        ("<answer>3</answer> <answer>4</answer>", Number(), None, None),
        ("<answer>3</answer> <answer>3.0</answer>", Number(), None, "3"),
        ("<answer>green</answer>", Choice(), LETTERS, "B"),
        ("<answer>C</answer>", Auto(), LETTERS, "C"),
        ("<answer>True</answer>", YesNo(), None, "yes"),
        ("<answer>12</answer>", Auto(), None, "12"),
        ("", Number(), None, None),
    ],
)
def test_an_answer_is_found_without_a_gold_answer(
    completion: str, grader: Grader, options: dict[str, str] | None, answer: str | None
) -> None:
    assert said(completion, grader, options) == answer


def test_answers_of_a_cut_completion_count_only_in_closed_tags() -> None:
    assert said("The answer is 5.", Number()) == "5"
    assert said("The answer is 5.", Number(), truncated=True) is None


@pytest.mark.parametrize(
    ("answers", "least", "gold"),
    [
        (["3", "3", "4"], 0.5, "3"),
        (["3", "3.0", "4", "4", "3"], 0.5, "3"),  # 3 and 3.0 are the same number
        (["3", "3", "4", "4"], 0.5, None),  # a tie
        (["3", "3", "4", "5"], 0.5, "3"),
        (["3", "3", "4", "5"], 0.51, None),
        (["3", "3", None, None, None], 0.5, None),  # most have no answer
        (["3", "3", None, None, None], 0.4, "3"),
        ([None, None], 0.1, None),
        ([], 0.5, None),
    ],
)
def test_the_majority_answer(answers: list[str | None], least: float, gold: str | None) -> None:
    assert majority(answers, Number(), least=least) == gold


def test_the_leading_choices() -> None:
    assert leading({"a": 2, "b": 1, "c": 2}) == ["a", "c"]
    assert leading({}) == []
    assert majority(["yes", "YES", "no"], Text()) == "yes"


def solution(question: str, n: int, text: str) -> tables.Row:
    """Make a row of the table `samples`."""
    return {
        "sample_id": f"{question}-k3-{n:04d}", "question_id": question, "prompt_ids": [1, 2], "completion": text,
        "completion_ids": [3], "n_tokens": 1, "n_generated": 1, "finish": "stop", "seed": 0, "parent_id": None,
        "cut_step": None,
    }  # fmt: skip


def trace(answer: str, *steps: str) -> str:
    """Write a completion in the trace format."""
    thought = "\n\n".join(steps or ("Hm.",))
    return f"<think>\n{thought}\n\n</think>\n<answer>\n{answer}\n</answer>"


def voted(folder: Path, golds: dict[str, str]) -> Path:
    """Vote on samples of two questions: two of three say 3 to the first, none agree on the second."""
    tables.write("questions", [question(name, gold) for name, gold in golds.items()], folder / "questions.parquet", {})
    said_by = {"a": ["3", "3.0", "4"], "b": ["1", "2", "9"]}
    rows = [
        solution(name, n, trace(answer, "So the answer is 3.", "No, 4."))
        for name, answers in said_by.items()
        for n, answer in enumerate(answers)
    ]
    tables.write("samples", rows, folder / "samples.parquet", {})
    task, pool = Chains(kind="chains"), MajorityPool(kind="majority", of="k3")
    vote.main([folder / "samples.parquet"], folder / "questions.parquet", pool, task, folder / "voted.parquet")
    return folder / "voted.parquet"


def test_the_gold_answers_are_never_read(tmp_path: Path) -> None:
    first = voted(tmp_path, {"a": "3", "b": "1"})
    rows = {row["question_id"]: row for row in tables.read("questions", first)}
    assert [rows["a"]["gold"], rows["b"]["gold"]] == ["3", None]
    assert [rows["a"]["true_gold"], rows["b"]["true_gold"]] == [None, None]
    again = voted(tmp_path, {"a": "77", "b": "88"})
    assert tables.read("questions", again) == list(rows.values())


def test_without_a_majority_no_sample_is_right_and_none_is_recycled(tmp_path: Path, embedded: Path) -> None:
    labels, samples, task = (
        voted(tmp_path, {"a": "77", "b": "1"}),
        [tmp_path / "samples.parquet"],
        Chains(kind="chains"),
    )
    verify.main(samples, labels, task, tmp_path / "verified.parquet")
    found = {row["sample_id"]: row for row in tables.read("verified", tmp_path / "verified.parquet")}
    assert [found[f"a-k3-{n:04d}"]["verdict"] for n in range(3)] == ["right", "right", "wrong"]
    lost = [found[f"b-k3-{n:04d}"] for n in range(3)]
    assert {(row["verdict"], row["why"]) for row in lost} == {("undecided", "no gold")}
    assert [row["extracted"] for row in lost] == ["1", "2", "9"]
    cuts = tmp_path / "veriexit.parquet"
    veriexit.main(samples, tmp_path / "verified.parquet", labels, task, Explicit(), str(embedded), cuts)
    rows = tables.read("veriexit", cuts)
    assert [(row["parent_id"], row["cut_step"]) for row in rows] == [("a-k3-0002", 0)]


def test_a_sample_of_an_unknown_question_is_reported_before_the_others_are_graded() -> None:
    with pytest.raises(InputError, match="answers the unknown question 'z'"):
        verdicts([solution("z", 0, "")], {"a": question("a", "3")}, Number())


def test_rollouts_are_judged_by_the_majority_of_their_group() -> None:
    pytest.importorskip("trl")
    from hsir.training.grpo import Asked, Rollouts

    texts = [trace(answer) for answer in ["5", "5.0", "7", "5", "1", "2", "1", "2"]]
    names, ids = ["a"] * 4 + ["b"] * 4, [[n] for n in range(8)]
    golds = {name: question(name, "7") for name in "ab"}

    def rights(majority: float | None) -> list[bool]:
        options = Grpo(group_size=4, majority=majority)
        groups = Rollouts(options, Asked(golds, Number(), Score())).judged([[1]] * 8, texts, ids, names)
        return [one.right for group in groups for one in group]

    assert rights(None) == [False, False, True, *[False] * 5]
    assert rights(0.5) == [True, True, False, True, *[False] * 4]
    assert rights(0.8) == [False] * 8
    assert "majority" not in Grpo().model_dump_json(), "policies trained before the option existed stay valid"


def planned(chosen: tuple[str, ...] = ("k10-majority", "k10-majority-veriexit"), **changed: Any) -> Plan:
    """Load the project's config with a method of the given pools, and more changes."""
    raw = read_yaml(ROOT / "config/config.yaml")
    raw["runs"]["demo"]["methods"] = ["mine"]
    raw["methods"] = {"mine": {"pools": list(chosen), "select": [{"kind": "right"}]}}
    return Plan(load(raw | changed, ROOT / "config"))


def test_what_belongs_to_a_majority_pool() -> None:
    plan = planned()
    assert plan.drawn_as("k10-majority") == plan.drawn_as("k10") == "k10"
    assert plan.labels("k10-majority-veriexit") == plan.labels("k10-majority") == "k10-majority"
    assert plan.labels("k10-veriexit") is None
    assert plan.labels("eval/chains") is None
    assert plan.pools_for("mine.1") == ["k10", "k10-majority", "k10-majority-veriexit"]
    assert plan.drawn_for("mine.1") == ["k10", "k10-majority-veriexit"], "nothing is sampled for the majority"
    assert [*plan.alone("demo").pools] == plan.pools_for("mine.1")


@pytest.mark.parametrize(
    ("pools", "changed", "told"),
    [
        (("k10", "k10-majority"), {}, "judged differently .k10 by the gold answers, k10-majority by k10-majority."),
        (("k10-majority-veriexit",), {}, "sampled from 'k10-majority', which is not one of the pools"),
        (("mine",), {"pools": {"mine": {"kind": "hint", "of": "k10-majority", "samples": 1}}}, "itself derived"),
        (("mine",), {"pools": {"mine": {"kind": "majority", "of": "k10-majority"}}}, "itself derived"),
        (("mine",), {"pools": {"mine": {"kind": "majority", "of": "k10", "samples": 3}}}, "samples"),
    ],
)
def test_pools_that_do_not_fit_are_rejected(pools: tuple[str, ...], changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        planned(pools, **changed)
