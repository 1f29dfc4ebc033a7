"""Scoring in batches: a budget, out of memory, kills, and the user's own files."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from hsir.config.settings import Score
from hsir.diversity.indiv import score as scoring
from hsir.diversity.indiv.reading import Solution
from hsir.diversity.indiv.score import batches, opened
from hsir.errors import InputError
from hsir.stages import score as stage
from hsir.stages.parts import Parts
from hsir.storage import tables
from hsir.storage.models import load_tokenizer

LENGTHS = (30, 7, 19, 30, 3, 12, 25, 8)
SOLUTIONS = [Solution(f"s{n}", [406, 198], [5 + (3 * k + n) % 200 for k in range(m)]) for n, m in enumerate(LENGTHS)]


def test_batches_keep_the_budget_with_their_padding_and_lose_nothing() -> None:
    planned = batches(SOLUTIONS, 70)
    assert sorted(one.sample_id for batch in planned for one in batch) == sorted(one.sample_id for one in SOLUTIONS)
    for batch in planned:
        longest = max(one.tokens.length for one in batch)
        assert longest * len(batch) <= 70
        assert batch[0].tokens.length == longest
    assert planned == batches(SOLUTIONS[::-1], 70)


def test_a_solution_over_the_budget_is_a_batch_of_its_own() -> None:
    assert [len(batch) for batch in batches(SOLUTIONS[:2], 5)] == [1, 1]


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("out"), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")]
)
def test_where_memory_is_short_batches_are_halved_and_it_is_said(
    error: RuntimeError, embedded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = dict(opened(str(embedded), Score()).score(SOLUTIONS))
    sizes: list[int] = []

    def short(model: Any, rows: list[Any], *options: Any) -> Any:
        sizes.append(len(rows))
        if len(rows) > 2:
            raise error
        return look(model, rows, *options)

    look = scoring.look
    monkeypatch.setattr(scoring, "look", short)
    scorer = opened(str(embedded), Score())
    got = dict(scorer.score(SOLUTIONS))
    assert got.keys() == wanted.keys()
    for name in wanted:
        assert got[name] == pytest.approx(wanted[name], rel=1e-5)
    assert sizes == [8, 4, 2, 2, 4, 2, 2]
    assert "retrying with half" in capsys.readouterr().err


def test_one_solution_that_memory_is_too_short_for_is_named(embedded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(scoring, "look", short)
    with pytest.raises(InputError, match="sample s0: 32 tokens do not fit"):
        opened(str(embedded), Score()).score(SOLUTIONS[:1])


def test_other_errors_are_not_taken_for_memory(embedded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(scoring, "look", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        opened(str(embedded), Score()).score(SOLUTIONS)


def rows_file(folder: Path, *rows: Any) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


ROW = {"id": "a", "prompt": "How many?", "completion": "<think>\nAnn has 5.\n\n</think>\n<answer>\n5\n</answer>"}
CHAT = ROW | {"id": "b", "prompt": [{"role": "user", "content": "How many?"}]}


def test_a_file_of_ones_own_is_scored(tmp_path: Path, embedded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "scores.parquet"
    stage.main(str(embedded), out, rows_file(tmp_path, ROW, CHAT))
    assert "scoring 2/2 solutions, 100 %, " in capsys.readouterr().err
    one, other = tables.read("indiv-scores", out)
    assert (one["sample_id"], other["sample_id"]) == ("a", "b")
    assert one["indiv"] == one["logdet"] / one["m"] != other["indiv"]


def test_formats_change_no_score(tmp_path: Path, embedded: Path) -> None:
    stage.main(str(embedded), tmp_path / "scores.parquet", rows_file(tmp_path, ROW, CHAT))
    pq.write_table(pa.Table.from_pylist([ROW]), tmp_path / "rows.parquet")
    stage.main(str(embedded), tmp_path / "scores.jsonl", tmp_path / "rows.parquet")
    (one,), (other, _) = (tables.read("indiv-scores", tmp_path / f"scores.{kind}") for kind in ("jsonl", "parquet"))
    assert one["m"] == other["m"] and one["indiv"] == pytest.approx(other["indiv"], rel=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "rows.jsonl", "rows.parquet", "scores.jsonl", "scores.parquet",
    ]  # fmt: skip


def test_the_reasoning_alone_is_fewer_tokens(tmp_path: Path, embedded: Path) -> None:
    whole, inner = tmp_path / "whole.parquet", tmp_path / "inner.parquet"
    path = rows_file(tmp_path, ROW)
    stage.main(str(embedded), whole, path)
    stage.main(str(embedded), inner, path, score=Score(tokens="think"))
    assert 0 < tables.read("indiv-scores", inner)[0]["m"] < tables.read("indiv-scores", whole)[0]["m"] - 5


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["{"], "line 1: not JSON"),
        ([ROW, "[1]"], "line 2: a list, not an object with prompt and completion"),
        ([{"prompt": "x"}], "line 1: no 'completion'; the row has prompt"),
        ([ROW, ROW], "line 2: the id 'a' is also that of line 1"),
        ([ROW | {"completion": ""}], "line 1: the completion is empty"),
        ([ROW | {"prompt": 5}], "line 1: prompt must be text or messages"),
    ],
)
def test_a_bad_row_is_named_with_its_line(rows: list[Any], told: str, tmp_path: Path, embedded: Path) -> None:
    with pytest.raises(InputError, match=told) as error:
        stage.main(str(embedded), tmp_path / "x.parquet", rows_file(tmp_path, *rows))
    assert "rows.jsonl" in str(error.value)


def test_neither_or_both_sources_are_rejected(tmp_path: Path, embedded: Path) -> None:
    with pytest.raises(InputError, match="give --in"):
        stage.main(str(embedded), tmp_path / "x.parquet")
    with pytest.raises(InputError, match="give --in"):
        stage.main(str(embedded), tmp_path / "x.parquet", rows_file(tmp_path, ROW), [tmp_path / "s"], tmp_path / "v")


def test_a_killed_run_scores_only_what_is_missing(tmp_path: Path, embedded: Path) -> None:
    path = rows_file(tmp_path, *(ROW | {"id": f"r{n}", "completion": "Ann has 5. " * (n + 1)} for n in range(6)))
    options = Score(token_budget=60)
    stage.main(str(embedded), tmp_path / "whole.parquet", path, score=options)
    whole = (tmp_path / "whole.parquet").read_bytes()
    made_by = {k: v for k, v in tables.metadata(tmp_path / "whole.parquet").items() if k != "table"}
    output = tmp_path / "again.parquet"
    parts: Parts[list[Solution]] = Parts("indiv-scores", output, made_by)
    planned = batches(list(stage.from_rows(path, stage.load_tokenizer(str(embedded)))), 60)
    missing = parts.missing(planned)
    assert len(missing) == len(planned) > 2
    scorer = opened(str(embedded), options)
    for number, batch in missing[1:]:
        scored = scorer.score(batch)
        parts.write(number, [{"sample_id": name, **one._asdict(), "indiv": one.indiv} for name, one in scored])
    assert [number for number, _ in parts.missing(planned)] == [0]
    stage.main(str(embedded), output, path, score=options)
    assert output.read_bytes() == whole and not parts.folder.exists()


@pytest.mark.parametrize(("every", "scored"), [(False, ["a"]), (True, ["a", "b"])])
def test_failed_solutions_of_a_pool_are_scored_only_if_asked(
    every: bool, scored: list[str], tmp_path: Path, embedded: Path
) -> None:
    """The third solution has no reasoning, which the score set reads."""
    reasoning = {"a": "Add 3 and 4.", "b": "Add 3 and 5.", "c": ""}
    texts = {name: f"<think>\n{text}\n</think>7" for name, text in reasoning.items()}
    tokenizer = load_tokenizer(str(embedded))
    rows = [
        {"sample_id": name, "question_id": "q", "prompt_ids": [1], "completion": text, "completion_ids": ids,
         "n_tokens": len(ids), "n_generated": len(ids), "finish": "stop", "seed": 1}
        for name, text in texts.items()
        for ids in [tokenizer(text, add_special_tokens=False)["input_ids"]]
    ]  # fmt: skip
    tables.write("samples", rows, tmp_path / "s.parquet", {})
    judged = [{"sample_id": name, "verdict": "right" if name == "a" else "wrong", "why": "tags"} for name in texts]
    tables.write("verified", judged, tmp_path / "v.parquet", {})
    stage.main(
        str(embedded), tmp_path / "out.parquet", samples=[tmp_path / "s.parquet"], verified=tmp_path / "v.parquet",
        score=Score(tokens="think"), every=every,
    )  # fmt: skip
    assert [name for name, _ in tables.scores(tmp_path / "out.parquet")] == scored
