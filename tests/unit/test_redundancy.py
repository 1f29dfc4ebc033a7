"""Redundancy on purpose: the variants, the numbers, and the stages from a pool to a table."""

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from transformers import PreTrainedTokenizerBase

from hsir import traces
from hsir.config.settings import Words
from hsir.diversity.redundancy import CONTROLS, COPIES, KINDS, TEMPLATES, Kind, inserted, variants
from hsir.errors import InputError
from hsir.evaluation.statistics import spearman
from hsir.report import redundancy_view
from hsir.stages import div as div_stage
from hsir.stages import redundancy as stage
from hsir.stages import variants as variants_stage
from hsir.storage import tables

STEPS = [f"Step {n} says {n * n}." for n in range(7)]
TRACE = traces.compose(STEPS, "36")
OTHERS = [f"Another has {n}." for n in range(50)]


def texts(completion: str) -> list[str]:
    return [step for step, _ in traces.steps(completion)]


@pytest.mark.parametrize("seed", range(20))
def test_a_span_of_steps_comes_again_as_often_as_is_said(seed: int) -> None:
    made = {(one.kind, one.copies): texts(one.completion) for one in variants(TRACE, OTHERS, str(seed))}
    assert made["original", 0] == STEPS
    more = Counter(made["repeat", 1]) - Counter(STEPS)
    span = [step for step in STEPS if more[step]]
    at = STEPS.index(span[0])
    assert set(more.values()) == {1} and STEPS[at : at + len(span)] == span and len(span) <= len(STEPS) // 3
    for n in COPIES:
        assert made["repeat", n] == [*STEPS[:at], *span * (n + 1), *STEPS[at + len(span) :]]
        control = made["other", n][at + len(span) : len(made["other", n]) - len(STEPS) + at + len(span)]
        assert control and set(control) <= set(OTHERS)
        assert [step for step in made["other", n] if step in STEPS] == STEPS


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("kind", "control"), CONTROLS.items())
def test_a_control_is_as_long_and_in_the_same_places(seed: int, kind: Kind, control: Kind) -> None:
    others = ["Another" + "." * n for n in range(50)]
    made = {(one.kind, one.copies): one.completion for one in variants(TRACE, others, str(seed))}
    for n in COPIES:
        assert abs(len(made[kind, n]) - len(made[control, n])) <= 3 * n
        assert texts(made[control, n])[0] == STEPS[0]


@pytest.mark.parametrize("seed", range(20))
def test_re_checks_restate_an_earlier_step_in_words_of_their_own(seed: int) -> None:
    made = {one.copies: texts(one.completion) for one in variants(TRACE, OTHERS, str(seed)) if one.kind == "recheck"}
    wordings = {template.format(step=step): step for template in TEMPLATES for step in STEPS}
    seen: Counter[str] = Counter()
    for n in COPIES:
        checks = [step for step in made[n] if step not in STEPS]
        assert len(checks) == n and [step for step in made[n] if step in STEPS] == STEPS
        for check in checks:
            assert made[n].index(wordings[check]) < made[n].index(check)
        assert seen <= Counter(checks), "more re-checks hold those of fewer"
        seen = Counter(checks)


def test_variants_still_parse_to_the_same_answer_and_follow_the_seed() -> None:
    made = variants(TRACE, OTHERS, "a")
    assert len(made) == 13 and all(traces.answers(one.completion) == ["36"] for one in made)
    assert made == variants(TRACE, OTHERS, "a") != variants(TRACE, OTHERS, "b")


def test_a_trace_without_tags_has_variants_and_one_without_steps_has_none() -> None:
    made = variants("One.\n\nTwo.", OTHERS, "a")
    assert len(made) == 13 and len(texts(made[3].completion)) == 2 + max(COPIES)
    assert variants("<think>\n</think>\n<answer>\n1\n</answer>", OTHERS, "a") == []
    assert variants(TRACE, STEPS, "a") == [], "no step of another solution"


def test_steps_are_put_in_in_the_order_given() -> None:
    assert inserted("ab", [(2, "3"), (1, "1"), (1, "2")]) == "a\n\n1\n\n2b\n\n3"


def test_rank_correlations_of_known_cases() -> None:
    up = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert spearman(up, [value**3 for value in up]) == pytest.approx(1)
    assert spearman(up, up[::-1]) == pytest.approx(-1)
    assert spearman([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]) == pytest.approx(0.5)
    assert spearman([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]) is None
    assert spearman(up, [2.0, 1.0, 4.0, 3.0, 5.0], up) is None, "the control explains the first altogether"
    assert spearman(up, up[::-1], [1.0] * 5) == pytest.approx(-1), "a constant explains nothing"
    assert spearman([], []) is None


def test_a_partial_correlation_is_that_of_the_textbook_formula() -> None:
    draw = np.random.default_rng(0)
    length = draw.normal(size=3000)
    copies = length + draw.normal(size=3000)
    score = -length + draw.normal(size=3000)
    a, b, c = spearman(score, copies), spearman(score, length), spearman(copies, length)
    assert a is not None and b is not None and c is not None
    partial = spearman(score, copies, length)
    assert partial == pytest.approx((a - b * c) / np.sqrt((1 - b * b) * (1 - c * c)))
    assert a < -0.4 and abs(partial or 1) < 0.05, "what looks like an effect of copies was one of length"


def figures(n: int = 30) -> pd.DataFrame:
    """Make scored variants: InDiv falls with copies, but for one solution; Div falls where steps are repeated."""
    rows = []
    for parent in range(n):
        for kind, copies in [("original", 0), *((k, c) for k in KINDS for c in COPIES)]:
            fall = copies if parent or copies < 4 else -9
            rows.append(
                {"id": f"{parent}.{kind}.{copies}", "parent": str(parent), "kind": kind, "copies": copies,
                 "tokens": 100 + parent + 10 * copies, "indiv": -fall + 0.01 * parent,
                 "div": 1 / (1 + copies) if kind == "repeat" else 1.0}
            )  # fmt: skip
    return pd.DataFrame(rows)


def test_the_figures_of_a_known_case() -> None:
    told = redundancy_view.summary(figures())
    assert (told["solutions"], told["variants"]) == (30, 390)
    falls = {(row["kind"], row["score"]): (row["from_1"], row["from_0"]) for row in told["falls"]}
    assert falls["repeat", "indiv"] == falls["other", "indiv"] == (pytest.approx(29 / 30),) * 2
    assert falls["repeat", "div"] == (1, 1) and falls["recheck", "div"] == (0, 0)
    means = {(row["kind"], row["copies"]): row for row in told["means"]}
    assert means["repeat", 2]["div"]["value"] == pytest.approx(1 / 3)
    assert means["repeat", 0] | {"kind": "other"} == means["other", 0]
    assert {(row["kind"], row["score"], row["share"], row["tokens_more"]) for row in told["below_other"]} == {
        ("repeat", "indiv", 0, 0), ("repeat", "div", 1, 0), ("recheck", "indiv", 0, 0), ("recheck", "div", 0, 0)
    }  # fmt: skip
    repeat = next(row for row in told["correlations"] if row["kind"] == "repeat")
    assert repeat["variants"] == 120 and repeat["spearman"]["div, copies"] == pytest.approx(-1)
    original = next(row for row in told["correlations"] if row["kind"] == "original")
    assert original["variants"] == 30 and original["spearman"]["indiv, copies"] is None


def test_a_variant_without_a_score_is_named() -> None:
    row = {"id": "a", "parent": "p", "kind": "original", "copies": 0}
    with pytest.raises(InputError, match=r"variant a \(and 0 more\) has no score or no Div"):
        redundancy_view.joined([row], [], [{"id": "a", "div": 1.0}])


def pool(folder: Path, encoder: PreTrainedTokenizerBase, long: bool = False) -> dict[str, Any]:
    """Write a pool of four right solutions and a wrong one."""
    rows, verdicts = [], []
    for n in range(5):
        trace = traces.compose([f"Ann has {k * n} coins." for k in range(3 + n + 200 * (long and n == 0))], str(n))
        ids = encoder(trace)["input_ids"]
        rows.append(
            {"sample_id": f"q{n}", "question_id": f"q{n}", "prompt_ids": [404, 348, 198], "completion": trace,
             "completion_ids": ids, "n_tokens": len(ids), "n_generated": len(ids), "finish": "stop", "seed": 1}
        )  # fmt: skip
        verdicts.append({"sample_id": f"q{n}", "verdict": "wrong" if n == 4 else "right", "why": ""})
    tables.write("samples", rows, folder / "samples.parquet", {})
    tables.write("verified", verdicts, folder / "verified.parquet", {})
    return {"samples": [folder / "samples.parquet"], "verified": folder / "verified.parquet"}


def test_the_stages_from_a_pool_to_a_table(tmp_path: Path, encoder: PreTrainedTokenizerBase, embedded: Path) -> None:
    rows, scores, div = tmp_path / "rows.jsonl", tmp_path / "scores.parquet", tmp_path / "div.parquet"
    variants_stage.main(policy=str(embedded), output=rows, **pool(tmp_path, encoder))
    lines = [json.loads(line) for line in rows.read_text().splitlines()]
    assert len(lines) == 52 and {line["parent"] for line in lines} == {"q0", "q1", "q2", "q3"}
    assert encoder(lines[0]["prompt"], add_special_tokens=False)["input_ids"] == [404, 348, 198]
    random = Random(0)
    scored = [{"sample_id": line["id"], "m": len(line["completion"]), "d": 2, "logdet": 0.0, "sum_log_attention": 0.0,
               "variance": 0.0, "n_tokens": len(line["completion"]), "indiv": random.random()}
              for line in lines]  # fmt: skip
    tables.write("indiv-scores", scored, scores, {"options": {"score": {"kind": "indiv"}}})
    div_stage.main(div, rows, embedder=Words())
    stage.main(rows, scores, div, tmp_path / "out", "a pool")
    told = json.loads((tmp_path / "out/redundancy.json").read_text())
    assert (told["solutions"], told["of"], told["threshold"]) == (4, "a pool", 0.85)
    assert (told["embedder"]["kind"], told["score"]) == ("words", {"kind": "indiv"})
    table = (tmp_path / "out/redundancy.csv").read_text().splitlines()
    assert len(table) == 53 and table[0] == "id,parent,kind,copies,tokens,indiv,steps,kept,div"
    assert "4 correct solutions (a pool)" in (tmp_path / "out/redundancy.md").read_text()
    assert "cannot detect paraphrases" in (tmp_path / "out/redundancy.html").read_text()
    assert (tmp_path / "out/redundancy.svg").read_text().startswith("<svg")


def test_a_solution_whose_copies_find_no_positions_is_left_out(
    tmp_path: Path, encoder: PreTrainedTokenizerBase, embedded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "rows.jsonl"
    variants_stage.main(policy=str(embedded), output=rows, **pool(tmp_path, encoder, long=True))
    assert {json.loads(line)["parent"] for line in rows.read_text().splitlines()} == {"q1", "q2", "q3"}
    assert "3 correct solutions; 1 skipped" in capsys.readouterr().err


def test_as_many_solutions_are_drawn_as_asked_by_the_seed(
    tmp_path: Path, encoder: PreTrainedTokenizerBase, embedded: Path
) -> None:
    given, drawn = pool(tmp_path, encoder), set()
    for seed in range(6):
        variants_stage.main(policy=str(embedded), output=tmp_path / "r", solutions=1, seed=seed, **given)
        parents = {json.loads(line)["parent"] for line in (tmp_path / "r").read_text().splitlines()}
        assert len(parents) == 1
        drawn |= parents
    assert len(drawn) > 1


def test_no_right_solution_stops_it(tmp_path: Path, encoder: PreTrainedTokenizerBase, embedded: Path) -> None:
    given = pool(tmp_path, encoder)
    wrong = [row | {"verdict": "wrong"} for row in tables.read("verified", given["verified"])]
    tables.write("verified", wrong, given["verified"], {})
    with pytest.raises(InputError, match="no correct solution with steps"):
        variants_stage.main(policy=str(embedded), output=tmp_path / "rows.jsonl", **given)
    assert not (tmp_path / "rows.jsonl").exists()
