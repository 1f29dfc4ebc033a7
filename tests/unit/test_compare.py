"""`hsir compare`: which policies of two runs are paired, and on what."""

from pathlib import Path

import pytest
import yaml

from hsir.errors import InputError
from hsir.report import rows
from hsir.report.compare import main
from hsir.report.compared import Difference
from hsir.storage import tables

QUESTIONS = 12


def run(root: Path, name: str, right: dict[str, int], asked: str = "What is", model: str = "tiny") -> Path:
    """Write a finished run: of each policy the evaluation, with so many first questions right."""
    methods = list(dict.fromkeys(policy.split(".")[0] for policy in right))
    config = {
        "run": name, "results": "elsewhere",
        "runs": {name: {"models": [model], "tasks": ["sums"], "methods": methods, "iterations": 1}},
        "models": {model: {"path": "x"}}, "tasks": {"sums": {"task": {"kind": "chains"}}},
    }  # fmt: skip
    names = [f"q{n:02d}" for n in range(QUESTIONS)]
    folder = root / "runs" / name
    tables.write_text(yaml.safe_dump(config), folder / "config.yaml")
    questions = [{"question_id": one, "question": f"{asked} {one}?", "gold": "7", "prompt_ids": [1]} for one in names]
    tables.write("questions", questions, root / model / "benchmarks/sums.parquet", {})
    for policy, count in right.items():
        drawn = [
            {"sample_id": one, "question_id": one, "prompt_ids": [1], "completion": "7", "completion_ids": [1],
             "n_tokens": 10 + count, "n_generated": 1, "finish": "stop", "seed": 0}
            for one in names
        ]  # fmt: skip
        judged = [
            {"sample_id": one, "verdict": "right" if n < count else "wrong", "why": "tags"}
            for n, one in enumerate(names)
        ]
        pool = root / f"{model}/sums/seed0/{policy}/eval/sums"
        tables.write("samples", drawn, pool / "samples/0-of-1.parquet", {})
        tables.write("verified", judged, pool / "verified.parquet", {})
    return folder


def found(one: Path, two: Path, out: Path) -> dict[tuple[str, str], Difference]:
    main(one, two, out)
    return {(difference.policy, difference.other): difference for difference in rows.read(Difference, out)}


def test_in_one_results_folder_policies_of_an_iteration_are_paired(tmp_path: Path) -> None:
    """What both runs share is one policy, which differs from itself in nothing."""
    one = run(tmp_path, "a", {"sft-initial": 3, "restem.1": 4})
    two = run(tmp_path, "b", {"sft-initial": 3, "hsir-sft.1": 10})
    ((pair, difference),) = found(one, two, tmp_path / "c.csv").items()
    assert pair == ("restem.1", "hsir-sft.1")
    assert (difference.accuracy, difference.tokens, difference.questions) == (pytest.approx(-50.0), -6.0, QUESTIONS)
    assert difference.accuracy_low < -50 < difference.accuracy_high
    assert difference.p == pytest.approx(2 * 0.5**6)


def test_in_two_results_folders_policies_of_a_name_are_paired(tmp_path: Path) -> None:
    one = run(tmp_path / "x", "same", {"sft-initial": 3, "restem.1": 4})
    two = run(tmp_path / "y", "same", {"sft-initial": 5, "restem.1": 4})
    pairs = found(one, two, tmp_path / "c.csv")
    assert [a.split()[0] for a, _ in pairs] == [b.split()[0] for _, b in pairs] == ["sft-initial", "restem.1"]
    assert all(str(one) in a and str(two) in b for a, b in pairs)
    assert [round(one.accuracy * QUESTIONS / 100) for one in pairs.values()] == [-2, 0]


def test_different_models_are_paired_by_benchmark(tmp_path: Path) -> None:
    one, two = run(tmp_path, "a", {"base": 3}), run(tmp_path, "b", {"base": 5}, model="other")
    ((pair, difference),) = found(one, two, tmp_path / "c.csv").items()
    assert pair == ("base (a)", "base (b)")
    assert (difference.model, round(difference.accuracy * QUESTIONS / 100)) == ("tiny and other", -2)
    three = run(tmp_path, "c", {"sft-initial": 3, "restem.1": 4})
    assert set(found(three, two, tmp_path / "c.csv")) == {("sft-initial", "base")}, "both without an iteration"
    four = run(tmp_path, "d", {"restem.1": 4})
    assert set(found(four, two, tmp_path / "c.csv")) == {("restem.1", "base")}, "nothing else to pair"


def test_it_is_written_for_people_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = run(tmp_path, "a", {"sft-initial": 3, "restem.1": 4})
    two = run(tmp_path, "b", {"sft-initial": 3, "hsir-sft.1": 10})
    for name, said in (("c.md", "-50.0 ["), ("c.html", "<title>a and b</title>")):
        main(one, two, tmp_path / name)
        assert said in (tmp_path / name).read_text()
    assert "hsir-sft.1" in capsys.readouterr().out


def test_what_cannot_be_compared_is_named(tmp_path: Path) -> None:
    one = run(tmp_path / "x", "a", {"sft-initial": 3})
    two = run(tmp_path / "y", "b", {"sft-initial": 3}, asked="Which is")
    for folders, out, said in (
        ((one, two), None, "evaluated on different questions"),
        ((one, one), None, "no two different policies"),
        ((one, tmp_path), None, "no config.yaml"),
        ((one, two), tmp_path / "c.pdf", "the suffix must be .html, .md, .csv"),
    ):
        with pytest.raises(InputError, match=said):
            main(*folders, out)
