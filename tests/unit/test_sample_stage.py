"""Stage sample: killed and restarted, or split into shards, it yields the same samples."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from hsir.config.engines import TransformersEngine
from hsir.config.pools import SamplePool, VeriExitPool
from hsir.errors import InputError
from hsir.sampling.engines.base import Prompt, batches
from hsir.sampling.engines.seeds import sample_seed
from hsir.stages import sample
from hsir.stages.parts import Parts
from hsir.storage import tables

POOL = SamplePool(kind="sample", samples=2, max_new_tokens=80, temperature=1.5)
ENGINE = TransformersEngine(batch_size=4)
BATCHES = 3


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory, asked: Callable[[int], list[list[int]]]) -> Path:
    """A table of six questions."""
    path = tmp_path_factory.mktemp("questions") / "questions.parquet"
    rows = [{"question_id": f"q{n}", "question": "?", "gold": "1", "prompt_ids": ids} for n, ids in enumerate(asked(6))]
    tables.write("questions", rows, path, {})
    return path


def draw(questions: Path, embedded: Path, output: Path, shard: int = 0, shards: int = 1, seed: int = 0) -> None:
    """Run the stage."""
    sample.main(str(embedded), questions, POOL, "k2", output, ENGINE, seed, shard, shards)


@pytest.fixture(scope="module")
def whole(questions: Path, embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples of a run without interruptions."""
    output = tmp_path_factory.mktemp("whole") / "0-of-1.parquet"
    draw(questions, embedded, output)
    return output


def planned(questions: Path) -> list[list[Prompt]]:
    """The batches that the stage plans."""
    return list(batches(sample.planned(questions, POOL, "k2", 0), 4))


def interrupted(output: Path, questions: Path, embedded: Path, whole: Path, finished: list[int]) -> Parts[list[Prompt]]:
    """Leave the parts of a run that was killed behind some of its batches."""
    made_by = {key: value for key, value in tables.metadata(whole).items() if key != "table"}
    parts: Parts[list[Prompt]] = Parts("samples", output, made_by)
    missing = parts.missing(planned(questions))
    prompts = [prompt for batch in planned(questions) for prompt in batch]
    runner = sample.started(str(embedded), POOL, ENGINE, prompts)
    sample.draw([missing[n] for n in finished], parts, runner, len(prompts))
    return parts


def test_every_question_is_asked_as_often_as_the_pool_says(whole: Path) -> None:
    rows = tables.read("samples", whole)
    assert [row["sample_id"] for row in rows] == [f"q{n}-k2-{k:04d}" for n in range(6) for k in range(2)]
    for row in rows:
        assert row["seed"] == sample_seed(0, row["question_id"], int(row["sample_id"][-4:]))
        assert row["n_tokens"] == row["n_generated"] == len(row["completion_ids"]) <= 80
        assert row["parent_id"] is row["cut_step"] is None
    assert len({row["completion"] for row in rows}) > 6


def test_a_finished_run_leaves_no_parts(whole: Path) -> None:
    assert [path.name for path in whole.parent.iterdir() if path.suffix != ".lock"] == [whole.name]


def test_the_same_run_gives_the_same_bytes(questions: Path, embedded: Path, whole: Path, tmp_path: Path) -> None:
    draw(questions, embedded, tmp_path / "0-of-1.parquet")
    assert (tmp_path / "0-of-1.parquet").read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("finished", [[0], [1], [0, 2], [0, 1, 2]])
def test_a_killed_run_resumes_where_it_was(
    finished: list[int], questions: Path, embedded: Path, whole: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    output = tmp_path / "0-of-1.parquet"
    interrupted(output, questions, embedded, whole, finished)
    capsys.readouterr()
    draw(questions, embedded, output)
    assert output.read_bytes() == whole.read_bytes()
    told = capsys.readouterr().err
    assert (f"resuming: {len(finished)} of 3 batches are finished" in told) is (len(finished) < BATCHES)
    counted = re.search(r"sampling 12/12 samples, 100 %, [\d,]+ tokens/s, took 0:\d\d:\d\d\n$", told)
    assert (counted is not None) is (len(finished) < BATCHES)


def test_finished_batches_are_not_resampled(questions: Path, embedded: Path, whole: Path, tmp_path: Path) -> None:
    parts = interrupted(tmp_path / "x.parquet", questions, embedded, whole, [0, 2])
    assert parts.missing(planned(questions)) == [(1, planned(questions)[1])]


def test_a_table_without_all_of_its_batches_is_not_written(
    questions: Path, embedded: Path, whole: Path, tmp_path: Path
) -> None:
    parts = interrupted(tmp_path / "x.parquet", questions, embedded, whole, [0, 1, 2])
    (parts.folder / "00001.parquet").unlink()
    with pytest.raises(InputError, match=r"\.x\.parquet\.parts: 1 of 3 finished batches are missing; rerun"):
        parts.join()
    assert not parts.output.exists()


def foreign(part: Path, whole: Path) -> None:
    """Put a part there that another making left."""
    rows = [row | {"sample_id": "foreign"} for row in tables.read("samples", whole)]
    tables.write("samples", rows, part, tables.metadata(whole) | {"options": {"seed": 99}})


def cut_short(part: Path, whole: Path) -> None:
    """Put half a part there, as a full disk leaves it."""
    part.write_bytes(whole.read_bytes()[:1000])


def garbled(part: Path, whole: Path) -> None:
    """Put a part there whose footer is overwritten, as a broken disk leaves it."""
    content = whole.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little") + 8
    part.write_bytes(content[:-footer] + b"\xff" * (footer - 8) + content[-8:])


def temporary(part: Path, whole: Path) -> None:
    """Put a temporary file there, as a kill in the midst of writing leaves it."""
    part.with_name(f".{part.name}.123.tmp").write_bytes(whole.read_bytes()[:1000])


@pytest.mark.parametrize("number", ["00001", "00007"])
@pytest.mark.parametrize("leave", [foreign, cut_short, garbled, temporary])
def test_what_is_not_part_of_this_run_is_resampled(
    leave: Callable[[Path, Path], None], number: str, questions: Path, embedded: Path, whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "0-of-1.parquet"
    parts = interrupted(output, questions, embedded, whole, [0])
    leave(parts.folder / f"{number}.parquet", whole)
    draw(questions, embedded, output)
    assert output.read_bytes() == whole.read_bytes()


def test_a_finished_table_of_the_same_making_is_left_as_it_is(
    questions: Path, embedded: Path, whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "0-of-1.parquet"
    output.write_bytes(whole.read_bytes())
    before = output.stat()
    draw(questions, embedded, output)
    assert (output.stat().st_ino, output.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("leave", [foreign, cut_short, garbled])
def test_a_table_with_other_provenance_or_a_broken_one_is_recreated(
    leave: Callable[[Path, Path], None], questions: Path, embedded: Path, whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "0-of-1.parquet"
    leave(output, whole)
    draw(questions, embedded, output)
    assert output.read_bytes() == whole.read_bytes()


def test_three_shards_give_the_rows_of_one(questions: Path, embedded: Path, whole: Path, tmp_path: Path) -> None:
    shards = [tmp_path / f"{n}-of-3.parquet" for n in range(3)]
    for n, shard in enumerate(shards):
        draw(questions, embedded, shard, n, 3)
    rows = [tables.read("samples", shard) for shard in shards]
    assert [len(part) for part in rows] == [4, 4, 4]
    assert sorted([row for part in rows for row in part], key=lambda row: row["sample_id"]) == tables.read(
        "samples", whole
    )


def test_a_shard_without_prompts_is_an_empty_table(questions: Path, embedded: Path, tmp_path: Path) -> None:
    draw(questions, embedded, tmp_path / "x.parquet", 14, 20)
    assert tables.read("samples", tmp_path / "x.parquet") == []


def test_another_seed_gives_other_samples(questions: Path, embedded: Path, whole: Path, tmp_path: Path) -> None:
    draw(questions, embedded, tmp_path / "x.parquet", seed=1)
    ours, theirs = (tables.read("samples", path) for path in (tmp_path / "x.parquet", whole))
    assert [row["sample_id"] for row in ours] == [row["sample_id"] for row in theirs]
    assert [row["completion"] for row in ours] != [row["completion"] for row in theirs]


def test_recycled_prefixes_are_continued(
    questions: Path, embedded: Path, encoder: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    """Each prefix has its own names and its own noise; what was not recyclable is left out."""
    prefix = encoder("<think>\nSo the answer is 3.\n\n</think>\n<answer>\n")["input_ids"]
    asked = tables.read("questions", questions)[0]["prompt_ids"]
    row = {"question_id": "q0", "prompt_ids": asked, "cut_step": 1, "prefix_ids": prefix}
    rows = [
        row | {"parent_id": "q0-k10-0000"}, row | {"parent_id": "q0-k10-0003"},
        row | {"parent_id": "q0-k10-0004", "cut_step": None, "prefix_ids": None},
    ]  # fmt: skip
    tables.write("veriexit", rows, tmp_path / "veriexit.parquet", {})
    pool = VeriExitPool(kind="veriexit", of="k10", samples=3, max_new_tokens=12)
    output = tmp_path / "out.parquet"
    sample.main(str(embedded), tmp_path / "veriexit.parquet", pool, "k10-veriexit", output, ENGINE)
    drawn = tables.read("samples", output)
    assert [r["sample_id"] for r in drawn] == [f"q0-k10-veriexit-{n:04d}" for n in (0, 1, 2, 9, 10, 11)]
    assert [r["parent_id"] for r in drawn] == ["q0-k10-0000"] * 3 + ["q0-k10-0003"] * 3
    assert len({r["seed"] for r in drawn}) == 6
    for r in drawn:
        assert r["completion_ids"][: len(prefix)] == prefix
        assert r["completion"].startswith("<think>\nSo the answer is 3.\n\n</think>\n<answer>\n")
        assert r["n_generated"] == r["n_tokens"] - len(prefix) <= 12
        assert r["cut_step"] == 1
