"""Wrong gold answers, and gold answers by majority."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hsir.errors import InputError
from hsir.grading import Auto, Choice, Number, YesNo
from hsir.grading.base import Grader
from hsir.stages import data
from hsir.storage import tables
from hsir.tasks.chains import Chains
from hsir.tasks.noise import noised

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
