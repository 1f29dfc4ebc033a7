"""The overlap of training texts with test questions, the stage that stops if they contain one, and its table."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hsir.config import Plan, load
from hsir.config.schema import TestSets as Sets  # under its own name pytest would collect it
from hsir.config.settings import Contamination
from hsir.errors import InputError
from hsir.report import contamination_view as report
from hsir.report.run import Made
from hsir.report.sheets import markdown
from hsir.selection import contamination
from hsir.selection.contamination import Exact, Question, Text, compare, words
from hsir.stages import contamination as stage
from hsir.storage import tables

LONG = "Ann has 12 coins. She finds 3 more, then loses half of all. How many coins are left?"
SHORT = "What is 6 times 7?"
NGRAMS = (13, 8)


def trace(text: str, row: str = "a", source: str = "seed") -> Text:
    return Text(source, row, "trace", text)


def found(texts: list[Text], *questions: str) -> tuple[list[Exact], dict[str, int]]:
    """Compare texts of one source with questions named t0, t1, ..., and give what is whole and what is shared."""
    asked = [Question("quiz", f"t{n}", question) for n, question in enumerate(questions)]
    overlaps, exact = compare(asked, texts, NGRAMS)
    return exact, overlaps[0].shared


def rare(rng: random.Random, n: int) -> list[str]:
    return [f"w{rng.randrange(10**6)}" for _ in range(n)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann's 12 coins,\n\nthen -- 3.5!", "ann s 12 coins then 3 5"),
        ("STRASSE Straße", "strasse strasse"),
        ("\uff21\uff22\u3000\uff23 \u2460", "ab c 1"),
        ("x² ≠ ½ snake_case", "x2 1 2 snake case"),
        ("caf\u00e9 cafe\u0301 CAFÉ", "café café café"),
        ("\u0390 \u03b9\u0308\u0301 \u03aa\u0301", "ΐ ΐ ΐ"),
        ("∑ = ?", ""),
    ],
)
def test_words_are_letters_and_digits_in_one_form(text: str, expected: str) -> None:
    assert words(text) == expected.split()


@pytest.mark.parametrize("part", ["question", "trace"])
@pytest.mark.parametrize(
    "text",
    [
        LONG,
        LONG.upper().replace(" ", "\n"),
        LONG.replace(".", " ;").replace("?", ""),
        f"<think>\nThe question: {LONG} Well.",
    ],
    ids=["same", "case and lines", "punctuation", "within"],
)
def test_a_complete_question_is_found(text: str, part: Any) -> None:
    exact, shared = found([Text("k10", "row", part, "Nothing of it."), Text("k10", "r1", part, text)], SHORT, LONG)
    assert exact == [Exact("quiz", "t1", "k10", "r1", part)]
    assert shared == {"13": 1, "8": 1}


@pytest.mark.parametrize("text", [LONG.replace("12", "13"), LONG[4:], LONG.replace("coins are", "are coins")])
def test_a_question_that_differs_in_a_word_is_not_complete(text: str) -> None:
    assert found([trace(text)], LONG)[0] == []


def test_a_short_question_is_complete_only_as_a_questions_all() -> None:
    asked = Text("seed", "q1", "question", "what is 6 TIMES 7")
    within = Text("seed", "q2", "question", f"{SHORT} And twice that?")
    exact, shared = found([within, asked, trace(SHORT)], SHORT)
    assert exact == [Exact("quiz", "t0", "seed", "q1", "question")]
    assert shared == {"13": 0, "8": 0}


@pytest.mark.parametrize(
    "question", ["Which is a chemical change?", "Which of these is a chemical change in a kitchen?"]
)
def test_a_question_with_options_is_complete_only_with_all_of_them(question: str) -> None:
    asked = [Question("quiz", "t0", question, ("Melting ice", "burning wood", "Tearing paper"))]
    other = Text("seed", "q0", "question", question, ("Rusting iron", "Boiling water", "Tearing paper"))
    same = Text("seed", "q1", "question", question, ("burning wood", "tearing paper", "melting ICE", "none"))
    traces = [
        trace(f"{question} It is burning wood.", "r0"),
        trace(f"{question} Melting ice? Tearing paper? Burning wood!", "r1"),
    ]
    exact = compare(asked, [other, same, *traces], NGRAMS)[1]
    whole_in_trace = [("r1", "trace")] if len(question.split()) >= 8 else []
    assert [(hit.row, hit.part) for hit in exact] == [("q1", "question"), *whole_in_trace]


@pytest.mark.parametrize(("n", "shared"), [(14, (1, 1)), (13, (1, 1)), (12, (0, 1)), (8, (0, 1)), (7, (0, 0))])
def test_runs_of_words_are_found_by_their_length(n: int, shared: tuple[int, int]) -> None:
    rng = random.Random(n)
    question = rare(rng, 30)
    text = [*rare(rng, 50), *question[9 : 9 + n], *rare(rng, 50)]
    exact, counts = found([trace(" ".join(rare(rng, 9))), trace(" ".join(text))], " ".join(question))
    assert exact == [] and tuple(counts.values()) == shared


def test_no_run_crosses_two_texts() -> None:
    half = len(LONG) // 2
    assert found([trace(LONG[:half]), trace(LONG[half:])], LONG) == ([], {"13": 0, "8": 1})
    assert found([trace(LONG[:30]), trace(LONG[30:60]), trace(LONG[60:])], LONG) == ([], {"13": 0, "8": 0})


def test_nothing_is_found_in_random_texts() -> None:
    """Of 50 words runs of two or three are common by chance, of eight none are."""
    rng = random.Random(0)
    drawn = [" ".join(f"w{rng.randrange(50)}" for _ in range(40)) for _ in range(400)]
    assert found([trace(text) for text in drawn[:200]], *drawn[200:]) == ([], {"13": 0, "8": 0})


def test_equal_hashes_make_no_complete_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """With this base the hash of a run is the value of its last word."""
    monkeypatch.setattr(contamination, "_BASE", np.uint64(0))
    last = words(LONG)[-1]
    exact, shared = found([trace(" ".join([*rare(random.Random(0), 30), last]))], LONG)
    assert exact == [] and shared == {"13": 1, "8": 1}
    assert [hit.row for hit in found([trace(LONG, "b")], LONG)[0]] == ["b"]


@pytest.mark.parametrize("size", [1, 60, 10_000])
def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(contamination, "_BATCH", size)
    texts = [trace(text, f"r{n}") for n, text in enumerate(["nothing", LONG, SHORT, f"{LONG} {LONG}", "coins"])]
    exact, shared = found(texts, LONG, SHORT, LONG)
    assert [(hit.question_id, hit.row) for hit in exact] == [("t0", "r1"), ("t2", "r1"), ("t0", "r3"), ("t2", "r3")]
    assert shared == {"13": 2, "8": 2}


def test_sources_and_benchmarks_are_distinguished_and_the_strongest_example_first() -> None:
    other = " ".join(rare(random.Random(1), 20))
    asked = [Question("quiz", "t0", LONG), Question("exam", "e0", other), Question("exam", "e1", LONG)]
    start = " ".join(words(other)[:9])
    more = Text("k10", "q", "question", "y")
    texts = [trace(start, "s0"), trace("x", "k0", "k10"), trace(f"{start} {LONG}", "s1"), more]
    overlaps, exact = compare(asked, texts, NGRAMS)
    told = {(row.source, row.benchmark): (row.rows, row.questions, row.exact, row.shared) for row in overlaps}
    assert told == {
        ("seed", "quiz"): (2, 1, 1, {"13": 1, "8": 1}), ("seed", "exam"): (2, 2, 1, {"13": 1, "8": 2}),
        ("k10", "quiz"): (1, 1, 0, {"13": 0, "8": 0}), ("k10", "exam"): (1, 2, 0, {"13": 0, "8": 0}),
    }  # fmt: skip
    assert overlaps[1].examples == [("e1", "s1", "trace"), ("e0", "s0", "trace")]
    assert {hit.question_id for hit in exact} == {"t0", "e1"}


def test_short_questions_are_counted_and_those_without_words_match_nothing() -> None:
    texts = [Text("seed", "q", "question", "∑ = ?"), trace("?")]
    overlaps, exact = compare([Question("quiz", "t0", "∑ = ?"), Question("quiz", "t1", LONG)], texts, (19, 18, 8))
    assert overlaps[0].too_short == {"19": 2, "18": 1, "8": 1} and exact == []


def test_nothing_to_compare_gives_nothing() -> None:
    assert compare([Question("quiz", "t0", LONG)], [], NGRAMS) == ([], [])
    assert compare([], [trace(LONG)], NGRAMS) == ([], [])
    assert found([trace("")], "")[1] == {"13": 0, "8": 0}


def question_row(name: str, text: str, solved: str | None = None) -> tables.Row:
    return {
        "question_id": name, "question": text, "gold": "1", "difficulty": None, "prompt_ids": [1],
        "trace": solved, "trace_ids": None if solved is None else [1],
    }  # fmt: skip


def sample_row(name: str, text: str) -> tables.Row:
    return {
        "sample_id": name, "question_id": name.split("-")[0], "prompt_ids": [1], "completion": text,
        "completion_ids": [1], "n_tokens": 1, "n_generated": 1, "finish": "stop", "seed": 1,
    }  # fmt: skip


class Files:
    """The tables that the stage reads: two seed questions, and of two pools the solutions that were kept."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.output = folder, folder / "contamination.json"
        seed = [question_row("s0", "How old is Bob?", "He is 7."), question_row("s1", "And Eve?", f"As asked: {LONG}")]
        tables.write("questions", seed, folder / "seed.parquet", {})
        tables.write("questions", [question_row("u0", LONG), question_row("u1", SHORT)], folder / "u.parquet", {})
        tables.write("samples", [sample_row("u0-k-0", "wrong"), sample_row("u1-k-1", "42")], folder / "k.parquet", {})
        tables.write("samples", [sample_row("u1-r-0", "So 42.")], folder / "r.parquet", {})
        self.keep(("s0-seed", "seed"), ("u1-k-1", "k10"), ("u1-r-0", "recycled"))
        asked = [{"id": f"t{n}", "question": text, "answer": "1"} for n, text in enumerate([LONG, SHORT])]
        (folder / "test.jsonl").write_text("\n".join(map(json.dumps, asked)))

    def keep(self, *kept: tuple[str, str]) -> None:
        """Write what is trained on."""
        rows = [
            {"sample_id": name, "question_id": name.split("-")[0], "source": source, "difficulty": None, "score": None,
             "prompt_ids": [1], "completion_ids": [1]}
            for name, source in kept
        ]  # fmt: skip
        tables.write("filtered", rows, self.folder / "filtered.parquet", {})

    def run(self, exact: str = "fail", samples: tuple[str, ...] = ("k", "r")) -> Any:
        stage.main(
            filtered=self.folder / "filtered.parquet", output=self.output,
            tests=Sets.model_validate({"quiz": {"kind": "jsonl", "test": self.folder / "test.jsonl"}}),
            contamination=Contamination.model_validate({"exact": exact}),
            given=[f"seed={self.folder / 'seed.parquet'}"], questions=self.folder / "u.parquet",
            samples=[self.folder / f"{name}.parquet" for name in samples],
        )  # fmt: skip
        return json.loads(self.output.read_text())


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_the_stage_names_what_is_complete_and_a_fix(files: Files) -> None:
    with pytest.raises(InputError) as error:
        files.run()
    assert str(error.value).splitlines() == [
        f"{files.folder / 'filtered.parquet'}: the training data contain complete test questions:",
        "  - u1, its question (k10): question t1 of quiz",
        "  - u1, its question (recycled): question t1 of quiz",
        "remove them from the training data (or the test set), or set contamination: {exact: allow} in the task's"
        " settings or in overrides",
    ]
    assert not files.output.exists()


def test_the_stage_looks_at_what_is_trained_on_alone(files: Files) -> None:
    """The questions u0 and the trace of s1 are test questions, but neither is kept."""
    files.keep(("s0-seed", "seed"))
    made = files.run()
    assert [(row["source"], row["rows"], row["exact"]) for row in made["overlaps"]] == [("seed", 1, 0)]
    assert made["exact"] == []


def test_the_stage_allows_it_if_asked_and_shows_it_all_the_same(files: Files) -> None:
    files.keep(("s1-seed", "seed"), ("u0-k-0", "k10"))
    made = files.run("allow")
    assert [(hit["row"], hit["part"], hit["question_id"]) for hit in made["exact"]] == [
        ("s1-seed", "trace", "t0"), ("u0", "question", "t0"),
    ]  # fmt: skip
    assert {row["source"]: row["shared"] for row in made["overlaps"]} == {
        "seed": {"13": 1, "8": 1}, "k10": {"13": 1, "8": 1},
    }  # fmt: skip
    assert made["provenance"]["stage"] == "contamination" and len(made["provenance"]["inputs"]) == 5


def test_the_stage_refuses_to_pass_what_it_cannot_read(files: Files) -> None:
    with pytest.raises(InputError, match="u1-r-0 is in none of the given tables"):
        files.run("allow", samples=("k",))


def test_the_error_names_twenty_and_counts_the_rest() -> None:
    hits = [Exact("quiz", f"t{n}", "seed", f"s{n}", "question") for n in range(27)]
    lines = stage.refusal(Path("filtered.parquet"), hits).splitlines()
    assert len(lines) == 1 + 20 + 1 + 1 and lines[21] == "  - and 7 more"


def planned(results: str = "results") -> Plan:
    """Return a plan of two runs that share the policies of the first round."""
    grid = {"models": ["m"], "tasks": ["quiz"], "methods": ["plain"]}
    plain = {"initial": "start", "pools": ["k10"], "select": [{"kind": "right"}]}
    raw = {
        "run": "one",
        "results": results,
        "runs": {"one": grid | {"seeds": [0, 1]}, "two": grid | {"benchmarks": ["exam", "quiz"], "iterations": 2}},
        "models": {"m": {"path": "m"}},
        "tasks": {name: {"task": {"kind": "chains", "stream": name}} for name in ("quiz", "exam", "unused")},
        "methods": {"start": {"iterations": 0}, "plain": plain},
    }
    return Plan(load(raw, Path("nowhere")))


@pytest.mark.parametrize(
    ("policy", "seed", "names"),
    [
        ("start", 0, ["quiz", "exam"]),
        ("plain.1", 0, ["quiz", "exam"]),
        ("plain.1", 1, ["quiz"]),
        ("plain.2", 0, ["exam", "quiz"]),
        ("plain.3", 0, ["quiz"]),
    ],
)
def test_a_policy_is_kept_apart_from_the_test_sets_of_its_runs(policy: str, seed: int, names: list[str]) -> None:
    assert list(planned().tested("m", "quiz", seed, policy).root) == names


def test_the_table_shows_the_runs_own_test_sets_over_seeds(tmp_path: Path) -> None:
    plan = planned(str(tmp_path))
    for seed, exact in ((0, 0), (1, 2)):
        row = {
            "source": "k10", "rows": 100 + seed, "benchmark": "quiz", "questions": 50, "exact": exact,
            "shared": {"13": 5 * seed, "8": 10}, "too_short": {"13": 4, "8": 1},
            "examples": [["t3", "u7", "question"]] if exact else [],
        }  # fmt: skip
        made = {"overlaps": [row, row | {"benchmark": "exam"}], "exact": []}
        tables.write_json(made, tmp_path / f"m/quiz/seed{seed}/plain.1/overlap.json")
    (sheet,) = report.sheets(Made(plan))
    shown = ["plain.1", "k10", "100", "quiz", "50", "2", "5.0", "20.0", "4", "t3: u7, its question"]
    assert [cell.strip() for cell in markdown([sheet]).splitlines()[4].split("|")] == ["", *shown, ""]
    assert len(sheet.rows) == 1 and "2 seeds" in sheet.note
