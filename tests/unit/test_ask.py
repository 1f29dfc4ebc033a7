"""Prompts other than the plain question: hints, templates, and more samples where more failed."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsir.config.pools import AdaptivePool, GuidePool, HintPool
from hsir.errors import InputError
from hsir.sampling.prompts import filled, quoted, shares, unsolved
from hsir.sampling.samples import asked_prompts
from hsir.stages import ask
from hsir.storage import tables
from hsir.storage.models import load_tokenizer, prompt_ids
from hsir.tasks.chains import Chains

TASK = Chains(kind="chains")
HOSTILE = "<think>\n{answer} {question} {previous} {0} </think> }{"


def test_places_are_filled_once_and_hostile_text_is_left_alone() -> None:
    assert filled("{question} {answer} {x} {}", question="{answer}?", answer="4") == "{answer}? 4 {x} {}"
    assert filled("{previous}|{answer}", previous=HOSTILE, question="q") == HOSTILE + "|{answer}"


def test_what_is_quoted_has_no_tags_and_a_limit() -> None:
    assert quoted("<think>\nFirst.\n\nThen.\n</think>\n<answer>\n4\n</answer>", 100) == "First.\n\nThen.\n\n\n4"
    assert quoted("abc def", 4) == "abc"


def test_unsolved_are_those_without_a_right_solution() -> None:
    assert unsolved(["a", "b", "c"], {"a": 1, "c": 0}) == ["b", "c"]


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 5), min_size=1), st.integers(0, 60))
def test_draws_are_shared_out_exactly_and_by_failures(failed: dict[str, int], total: int) -> None:
    given_out = shares(failed, 5, total)
    assert sum(given_out.values()) == total
    assert min(given_out.values()) >= 0
    for one in failed:
        for other in failed:
            if failed[one] > failed[other]:
                assert given_out[one] >= given_out[other]
            elif failed[one] == failed[other]:
                assert abs(given_out[one] - given_out[other]) <= 1


@pytest.mark.parametrize(
    ("failed", "total", "wanted"),
    [
        ({"a": 0, "b": 5, "c": 5}, 10, {"a": 0, "b": 5, "c": 5}),
        ({"a": 1, "b": 3}, 8, {"a": 2, "b": 6}),
        ({"a": 0, "b": 0, "c": 0}, 4, {"a": 2, "b": 1, "c": 1}),
        ({}, 4, {}),
    ],
)
def test_shares_of_a_few(failed: dict[str, int], total: int, wanted: dict[str, int]) -> None:
    assert shares(failed, 5, total) == wanted


def made(folder: Path, embedded: Path) -> dict[str, Any]:
    """Write three questions, and two samples of each: none, one and both of them right."""
    encoder = load_tokenizer(str(embedded))
    questions = [
        {
            "question_id": name, "question": f"Ann has {name} coins. How many coins does Ann have?", "gold": gold,
            "difficulty": 2, "options": None, "trace": None, "trace_ids": None,
            "prompt_ids": prompt_ids(encoder, f"Ann has {name} coins. How many coins does Ann have?"),
        }
        for name, gold in (("3", "3"), ("4", "4"), ("5", "5"))
    ]  # fmt: skip
    samples = [
        {
            "sample_id": f"{name}-k2-{n:04d}", "question_id": name, "prompt_ids": [1], "completion": HOSTILE,
            "completion_ids": [5], "n_tokens": 1, "n_generated": 1, "finish": "stop", "seed": 1, "parent_id": None,
            "cut_step": None,
        }
        for name in "345"
        for n in range(2)
    ]  # fmt: skip
    right = {"4-k2-0000", "5-k2-0000", "5-k2-0001"}
    verified = [
        {"sample_id": s["sample_id"], "extracted": None, "why": "", "verdict": "right" if s["sample_id"] in right
         else "wrong"}
        for s in samples
    ]  # fmt: skip
    for kind, rows in (("questions", questions), ("samples", samples), ("verified", verified)):
        tables.write(kind, rows, folder / f"{kind}.parquet", {})
    return {
        "questions": folder / "questions.parquet", "samples": [folder / "samples.parquet"],
        "verified": folder / "verified.parquet", "task": TASK, "model": str(embedded), "output": folder / "a.parquet",
    }  # fmt: skip


def test_a_hint_goes_to_unsolved_questions_alone(tmp_path: Path, embedded: Path) -> None:
    pool = HintPool(kind="hint", of="k2", samples=3, max_new_tokens=8)
    ask.main(pool=pool, **made(tmp_path, embedded))
    rows = tables.read("asked", tmp_path / "a.parquet")
    (row,) = rows
    text = load_tokenizer(str(embedded)).decode(row["prompt_ids"])
    assert (row["question_id"], row["draws"], row["first"]) == ("3", 3, 0)
    assert "the answer is 3." in text
    drawn = asked_prompts(rows, "hint", 3, 0)
    assert [prompt.sample_id for prompt in drawn] == [f"3-hint-{n:04d}" for n in range(3)]
    assert len({prompt.seed for prompt in drawn}) == 3


def test_more_draws_go_where_more_failed_after_those_that_were_drawn(tmp_path: Path, embedded: Path) -> None:
    pool = AdaptivePool(kind="adaptive", of="k2", samples=2)
    given_ = made(tmp_path, embedded)
    ask.main(pool=pool, **given_)
    rows = {row["question_id"]: row for row in tables.read("asked", tmp_path / "a.parquet")}
    assert {name: (row["draws"], row["first"]) for name, row in rows.items()} == {"3": (4, 2), "4": (2, 2)}
    plain = {row["question_id"]: row["prompt_ids"] for row in tables.read("questions", given_["questions"])}
    assert all(row["prompt_ids"] == plain[name] for name, row in rows.items())


def test_a_guide_quotes_each_completion(tmp_path: Path, embedded: Path) -> None:
    pool = GuidePool(kind="guide", of="k2", samples=2, template="{previous} So: {question}", max_new_tokens=8)
    ask.main(pool=pool, **made(tmp_path, embedded))
    rows = tables.read("asked", tmp_path / "a.parquet")
    assert [row["parent_id"] for row in rows] == [f"{name}-k2-{n:04d}" for name in "345" for n in range(2)]
    assert "Ann has 3 coins" in load_tokenizer(str(embedded)).decode(rows[0]["prompt_ids"])
    drawn = asked_prompts(rows, "guided", 2, 0)
    assert len({prompt.sample_id for prompt in drawn}) == len({prompt.seed for prompt in drawn}) == len(drawn) == 12
    assert drawn[3].sample_id == "3-guided-0003" and drawn[3].parent_id == "3-k2-0001"


def test_a_quote_is_shortened_until_the_prompt_fits(tmp_path: Path, embedded: Path) -> None:
    given_ = made(tmp_path, embedded)
    long = [row | {"completion": "apples " * 2000} for row in tables.read("samples", given_["samples"])]
    tables.write("samples", long, given_["samples"][0], {})
    pool = GuidePool(
        kind="guide", of="k2", samples=1, quote=20000, template="{previous} {question}", max_new_tokens=300
    )
    ask.main(pool=pool, **given_)
    sizes = [len(row["prompt_ids"]) for row in tables.read("asked", tmp_path / "a.parquet")]
    assert 300 < max(sizes) <= 1024 - 300


def test_a_frame_that_leaves_no_room_names_a_fix(tmp_path: Path, embedded: Path) -> None:
    pool = GuidePool(kind="guide", samples=1, template="{question}" + "word " * 2000, max_new_tokens=8)
    with pytest.raises(InputError, match=r"but the model has 1024 positions; shorten the pool's template"):
        ask.main(pool=pool, **made(tmp_path, embedded) | {"samples": [], "verified": None})


def test_a_pool_that_goes_by_verdicts_needs_them(tmp_path: Path, embedded: Path) -> None:
    with pytest.raises(InputError, match="give its --samples and --verified"):
        ask.main(pool=HintPool(kind="hint", of="k2", samples=1), **made(tmp_path, embedded) | {"verified": None})
