"""The method on one page: it runs, and its training set follows Algorithm 2."""

import re
from collections import Counter

import pytest
from transformers import PreTrainedModel

from examples import one_page
from hsir import traces
from hsir.grading import Item


def test_what_is_trained_on_is_right_capped_and_diverse(policy: PreTrainedModel) -> None:
    U = one_page.questions("unlabelled", 0)  # noqa: N806 - 7 of them, the fewest
    rows = one_page.improve(policy, U)
    assert {row["source"] for row in rows} == {"k10", "k10-veriexit"}
    for row in rows:
        text = one_page.tokenizer.decode(row["completion_ids"], skip_special_tokens=True)
        question = U[row["question_id"]]
        assert one_page.grader.judge(Item(text, question["gold"])).verdict == "right"
        assert row["prompt_ids"] == question["prompt_ids"]
        assert (traces.EXIT_PROMPT in text) and text.endswith("</answer>")
    per_question = Counter(row["question_id"] for row in rows)
    assert len(per_question) > 3 and max(per_question.values()) <= one_page.K
    scores = [row["score"] for row in rows]
    assert min(scores) >= one_page.TAU and sum(scores) > 0  # the mean over all candidates is 0, and the lowest are gone


def test_the_page_ends_with_a_table_of_its_policies(capsys: pytest.CaptureFixture[str]) -> None:
    one_page.main(size=0)  # seven questions a set, the fewest
    out, err = capsys.readouterr()
    head, *policies = out.splitlines()
    assert head.split() == ["policy", "accuracy", "%", "tokens", "trained", "on"]
    assert [line.split()[0] for line in policies] == ["sft-initial", "hsir-sft.1"]
    trained_on = [int(line.split()[-1].replace(",", "")) for line in policies]
    (kept,) = re.findall(r"InDiv >= tau (\d+)", err)
    assert trained_on == [7, 7 + int(kept)] and int(kept) > 0
