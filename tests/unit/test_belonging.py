"""Tables that do not belong together are rejected by every stage that reads several."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from hsir.config.pools import AdaptivePool, SamplePool
from hsir.config.settings import Words
from hsir.errors import InputError
from hsir.recycling.matchers import Explicit
from hsir.selection.filters import Selection
from hsir.stages import ask, contamination, div, evaluate, ledger, score, variants, veriexit, verify
from hsir.stages import filter as filter_stage
from hsir.storage import tables
from hsir.tasks.chains import Chains

TASK = Chains(kind="chains", seed=7, unlabelled=7, test=7)
QUESTIONS = {"q0": "1", "q1": "2"}
TEXT = "<think>\nso it is {0}\n</think>\n<answer>\n{0}\n</answer>"


class Run:
    """Questions, and for two policies a pool of two shards with verdicts and scores, as the stages make them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.questions = folder / "unlabelled.parquet"
        rows = [
            {"question_id": name, "question": "?", "gold": gold, "difficulty": 2, "prompt_ids": [1, 2]}
            for name, gold in QUESTIONS.items()
        ]
        tables.write("questions", rows, self.questions, {"stage": "data"})
        for seed, policy in enumerate(("one", "two")):
            self._policy(policy, seed)

    def _policy(self, policy: str, seed: int) -> None:
        weights = self.folder / policy / "checkpoint"
        weights.mkdir(parents=True)
        (weights / "model").write_text(policy)
        for shard, name in enumerate(QUESTIONS):
            rows = [
                {"sample_id": f"{name}-k2-{n}", "question_id": name, "prompt_ids": [1, 2], "n_tokens": 3,
                 "completion": TEXT.format(n + 1), "completion_ids": [5, 6, 7 + n], "n_generated": 3,
                 "finish": "stop", "seed": seed}
                for n in (0, 1)
            ]  # fmt: skip
            pool = SamplePool(kind="sample", samples=2)
            made_by = tables.provenance("sample", [self.questions, weights], pool=pool, shard=shard, shards=2)
            path = self.folder / policy / f"k2/samples/{shard}-of-2.parquet"
            tables.write("samples", rows, path, made_by)
            tables.write_json({"seconds": 1.0, "devices": 0}, path.with_suffix(".cost.json"))
        self.verify(policy)
        scored = [name for name, verdict in tables.tuples("verified", self.verified(policy), ["sample_id", "verdict"])
                  if verdict == "right"]  # fmt: skip
        parts = {"m": 1, "d": 2, "logdet": 0.0, "sum_log_attention": 0.0, "variance": 0.0, "n_tokens": 1, "indiv": 0.0}
        made_by = tables.provenance("score", [weights, *self.samples(policy), self.verified(policy)])
        tables.write("indiv-scores", [{"sample_id": name, **parts} for name in scored], self.scores(policy), made_by)
        tables.write_json({"seconds": 1.0, "devices": 0}, self.scores(policy).with_suffix(".cost.json"))

    def samples(self, policy: str = "one") -> list[Path]:
        return [self.folder / policy / f"k2/samples/{shard}-of-2.parquet" for shard in (0, 1)]

    def verified(self, policy: str = "one") -> Path:
        return self.folder / policy / "k2/verified.parquet"

    def scores(self, policy: str = "one") -> Path:
        return self.folder / policy / "k2/indiv-scores.parquet"

    def verify(self, policy: str = "one") -> None:
        verify.main(self.samples(policy), self.questions, TASK, self.verified(policy))

    def filter(self, output: str = "filtered.parquet") -> None:
        filter_stage.main(
            output=self.folder / output, funnel=self.folder / "funnel.json",
            select=Selection.model_validate([{"kind": "right"}, {"kind": "indiv", "threshold": -9.0}]),
            questions=self.questions, pool=[f"k2={path}" for path in self.samples()], verified=[self.verified()],
            scores=[self.scores()],
        )  # fmt: skip


Stage = Callable[[Run], Any]
MODEL = "hsir/embedded/model"
WITH_VERDICTS: dict[str, Stage] = {
    "veriexit": lambda run: veriexit.main(
        run.samples(), run.verified(), run.questions, TASK, Explicit(), MODEL, run.folder / "out.parquet"
    ),
    "evaluate": lambda run: evaluate.main(run.samples(), run.verified(), run.questions, TASK, run.folder / "out.json"),
    "ask": lambda run: ask.main(
        run.questions, AdaptivePool(kind="adaptive", of="k2", samples=2), TASK, MODEL, run.folder / "out.parquet",
        run.samples(), run.verified(),
    ),
    "filter": lambda run: run.filter(),
    "score": lambda run: score.main(
        str(run.folder / "one/checkpoint"), run.folder / "out.parquet", samples=run.samples(), verified=run.verified()
    ),
    "div": lambda run: div.main(
        run.folder / "out.parquet", samples=run.samples(), verified=run.verified(), embedder=Words()
    ),
    "variants": lambda run: variants.main(
        str(run.folder / "one/checkpoint"), run.samples(), run.verified(), run.folder / "out.jsonl"
    ),
}  # fmt: skip
LOADING = ("score", "variants")
"""Stages that go on to load the policy, which is none here."""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The tables, fresh."""
    return Run(tmp_path)


def rewrite(kind: str, path: Path, change: Callable[[list[tables.Row]], list[tables.Row]]) -> None:
    """Change rows of a table, and leave what it says of its making."""
    made_by = {key: value for key, value in tables.metadata(path).items() if key != "table"}
    tables.write(kind, change(tables.read(kind, path)), path, made_by)


@pytest.mark.parametrize("stage", WITH_VERDICTS)
def test_tables_that_belong_together_pass(stage: str, run: Run) -> None:
    if stage in LOADING:
        with pytest.raises(InputError, match="contains no model"):
            WITH_VERDICTS[stage](run)
    else:
        WITH_VERDICTS[stage](run)


DAMAGES: dict[str, tuple[Callable[[Run], Any], str]] = {
    "the verdicts of another policy": (
        lambda run: shutil.copy(run.verified("two"), run.verified()),
        r"verified.parquet: made from a different version of .*0-of-2.parquet; .*snakemake --force",
    ),
    "a shard of another policy": (
        lambda run: shutil.copy(run.samples("two")[1], run.samples()[1]), r"shard 1 of the 2 of its pool is missing",
    ),
    "a shard that is a copy": (
        lambda run: shutil.copy(run.samples()[0], run.samples()[1]), r"shard 1 of the 2 of its pool is missing",
    ),
    "half of a shard": (
        lambda run: rewrite("samples", run.samples()[1], lambda rows: rows[:1]),
        r"verified.parquet: made from a different version of .*1-of-2.parquet",
    ),
    "half of the verdicts": (
        lambda run: rewrite("verified", run.verified(), lambda rows: rows[:2]), r"no verdict on sample 'q1-k2-0'",
    ),
    "verdicts that are there twice": (
        lambda run: rewrite("verified", run.verified(), lambda rows: rows + rows[:1]), r"'q0-k2-0' occurs twice",
    ),
    "verdicts on samples that are not there": (
        lambda run: rewrite("verified", run.verified(), lambda rows: [*rows, rows[0] | {"sample_id": "x"}]),
        r"of-2.parquet: no sample 'x', which the other tables contain",
    ),
}  # fmt: skip


@pytest.mark.parametrize("stage", WITH_VERDICTS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_tables_that_do_not_belong_together_are_rejected(damage: str, stage: str, run: Run) -> None:
    make, told = DAMAGES[damage]
    make(run)
    with pytest.raises(InputError, match=told):
        WITH_VERDICTS[stage](run)
    assert not list(run.folder.glob("out.*"))


@pytest.mark.parametrize("damage", ["a shard of another policy", "a shard that is a copy"])
def test_shards_of_different_pools_get_no_verdicts(damage: str, run: Run) -> None:
    DAMAGES[damage][0](run)
    with pytest.raises(InputError, match=DAMAGES[damage][1]):
        run.verify()


@pytest.mark.parametrize("stage", ["veriexit", "evaluate", "ask", "filter"])
def test_other_questions_than_those_that_were_graded_are_rejected(stage: str, run: Run) -> None:
    rewrite("questions", run.questions, lambda rows: rows[:1])
    with pytest.raises(InputError, match=r"verified.parquet: made from a different version of .*unlabelled.parquet"):
        WITH_VERDICTS[stage](run)


def test_questions_of_tables_that_tell_nothing_of_their_making_are_looked_for(run: Run) -> None:
    rows = tables.read("verified", run.verified())
    tables.write("verified", rows, run.verified(), {})
    rewrite("questions", run.questions, lambda rows: rows[:1])
    with pytest.raises(InputError, match=r"unlabelled.parquet: no question 'q1'"):
        WITH_VERDICTS["evaluate"](run)


@pytest.mark.parametrize("stage", ["score", "variants"])
def test_a_policy_that_did_not_generate_the_samples_is_rejected(stage: str, run: Run) -> None:
    (run.folder / "one/checkpoint/model").write_text("retrained")
    with pytest.raises(InputError, match=r"0-of-2.parquet: made from a different version of .*one/checkpoint"):
        WITH_VERDICTS[stage](run)


def test_scores_of_another_policy_or_of_half_the_samples_are_rejected(run: Run) -> None:
    rewrite("indiv-scores", run.scores(), lambda rows: rows[:1])
    with pytest.raises(InputError, match=r"indiv-scores.parquet: no score of sample 'q1-k2-1'"):
        run.filter()
    shutil.copy(run.scores("two"), run.scores())
    for read in (run.filter, lambda: of_costs(run)):
        with pytest.raises(
            InputError, match=r"indiv-scores.parquet: made from a different version of .*0-of-2.parquet"
        ):
            read()


def test_the_costs_include_a_pool_that_is_not_scored(run: Run) -> None:
    of_costs(run, run.samples("two"))
    told = json.loads((run.folder / "ledger.json").read_text())
    assert set(told["pools"]) == {"k2", "probes"}


def of_costs(run: Run, probes: Sequence[Path] = ()) -> None:
    """Run the stage ledger."""
    tables.write_json({"tokens": 1}, run.folder / "train.json")
    tables.write_json({"seconds": 1.0, "devices": 0}, run.folder / "train.cost.json")
    pools = [*(f"k2={path}" for path in run.samples()), *(f"probes={path}" for path in probes)]
    ledger.main(run.folder / "train.json", run.folder / "ledger.json", pools, [run.scores()])


def test_a_training_set_is_compared_with_the_solutions_that_it_was_chosen_from(run: Run) -> None:
    run.filter()
    of_costs(run)
    given: dict[str, Any] = {
        "filtered": run.folder / "filtered.parquet", "tests": contamination.TestSets({}),
        "output": run.folder / "out.json", "questions": run.questions,
    }  # fmt: skip
    contamination.main(**given, samples=run.samples())
    with pytest.raises(InputError, match=r"filtered.parquet: made from a different version of .*two/k2/samples/0-of-2"):
        contamination.main(**given, samples=run.samples("two"))
