"""Graders, compared with the labels of other graders."""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from hsir.grading import Choice, Grader, Item, Math, Number, YesNo

JUDGED = Path(os.environ.get("HSIR_SHARED", Path(__file__).parents[3] / "shared")) / "judge"
MATH = Math(workers=2, deadline=30.0)

KINDS: dict[str, Grader] = {
    "gsm8k_solution": Number(), "long_cot": MATH, "math_equiv": MATH, "math_normalise": MATH, "math_solution": MATH,
    "letter_extract": Choice(), "mcq_long_cot": Choice(thinking="always"), "mcq_cot": Choice(), "yesno_cot": YesNo(),
}  # fmt: skip
# Per cent of the labelled rows that the graders agree with; where they do not, the label is arguable, or the text is.
AGREED = {
    "aime25_r1distill_tails": 100, "gsm8k_example_model_solutions": 100, "letter_extraction_tests": 100,
    "lighteval_tests": 88.23,
    "math_verify_tests": 97.69, "medical_mcq_long_cot": 100, "mip_math_gpt4o_judged": 100,
    "mr_gsm8k_wrong_solutions": 98.96,
    "qwen_math_cot_800": 100, "small_suites_tests": 97.22, "zero_shot_cot_logs": 97.66,
}  # fmt: skip


@pytest.mark.skipif(not JUDGED.is_dir(), reason=f"the shared test data is not at {JUDGED}; set HSIR_SHARED")
@pytest.mark.parametrize("name", AGREED)
def test_graders_agree_with_the_labels_of_others(name: str) -> None:
    rows = [json.loads(line) for line in (JUDGED / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_kind[row["kind"]].append(row)
    agreed = 0
    for kind, group in by_kind.items():
        items = [Item(str(row["prediction"]), str(row["gold"]), row.get("options")) for row in group]
        for row, judged in zip(group, KINDS[kind].judge_all(items), strict=True):
            wanted = row["expected"]
            agreed += judged.verdict == "no_answer" if wanted is None else (judged.verdict == "right") == bool(wanted)
    assert 100 * agreed / len(rows) >= AGREED[name]
