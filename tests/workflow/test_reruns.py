"""A change reruns only what it affects."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest

from hsir.tasks.base import Split
from hsir.tasks.chains import Chains
from tests.workflow.conftest import Job, planned, snakemake

HSIR = {
    "pools": ["k4", "k4-veriexit"], "score": "indiv",
    "select": [{"kind": "right"}, {"kind": "at_most", "per_question": 10}, {"kind": "indiv", "threshold": -0.5}],
    "iterations": 3,
}  # fmt: skip


def rules(jobs: list[Job]) -> Counter[str]:
    return Counter(job.rule for job in jobs)


def changed_method(tiny: dict[str, Any], method: dict[str, Any]) -> dict[str, Any]:
    return tiny | {"methods": tiny["methods"] | {"hsir-sft": method}}


def made(jobs: list[Job]) -> str:
    return "\n".join(output for job in jobs for output in job.outputs)


def test_nothing_to_do_when_nothing_changed(finished: Path) -> None:
    assert planned(finished, "two-rounds") == []


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": -1.0}, {"standardise": "length_residual"}, {"standardise": "none", "log_base": "10"},
        {"threshold": 0.25, "threshold_is": "quantile"},
    ],
)  # fmt: skip
def test_a_new_tau_reruns_the_filter_and_what_follows_but_no_model_of_the_first_round(
    options: dict[str, Any], finished: Path, tiny: dict[str, Any]
) -> None:
    changed = HSIR | {"select": [*HSIR["select"][:2], {"kind": "indiv", **options}]}
    jobs = planned(finished, "one-round", config=changed_method(tiny, changed))
    assert {rule: n for rule, n in rules(jobs).items() if rule in {"filter", "train", "evaluate", "report"}} == {
        "filter": 1,
        "train": 1,
        "evaluate": 1,
        "report": 1,
    }
    assert "score" not in rules(jobs) and "veriexit" not in rules(jobs)
    assert "k4" not in made(jobs)
    assert all("hsir-sft.1" in job.outputs[0] for job in jobs if job.rule != "report")


def test_a_tau_set_back_leaves_nothing_to_do(finished: Path, tiny: dict[str, Any]) -> None:
    assert planned(finished, "two-rounds", config=changed_method(tiny, HSIR)) == []


def test_a_new_benchmark_runs_only_its_evaluations(finished: Path, tiny: dict[str, Any]) -> None:
    tiny["runs"]["two-rounds"]["benchmarks"] = ["few", "others"]
    jobs = planned(finished, "two-rounds", config=tiny)
    assert rules(jobs) == {"data_test": 1, "sample": 5, "verify": 5, "evaluate": 5, "overlap": 5, "report": 1}
    assert all("others" in job.outputs[0] for job in jobs if job.rule not in {"overlap", "report"})


def test_samples_of_an_evaluation_rerun_nothing_of_the_greedy_one(finished: Path, tiny: dict[str, Any]) -> None:
    tiny["overrides"]["evaluate"]["samples"] = 4
    jobs = planned(finished, "two-rounds", config=tiny)
    assert rules(jobs) == {"sample": 5, "verify": 5, "evaluate_sampled": 5, "report": 1}
    assert all("eval/few@4" in job.outputs[0] for job in jobs if job.rule != "report")


def test_a_reducer_of_scores_scores_the_sampled_answers(finished: Path, tiny: dict[str, Any]) -> None:
    tiny["overrides"]["evaluate"] |= {"samples": 4, "reducers": [{"kind": "highest_score"}]}
    jobs = planned(finished, "two-rounds", config=tiny)
    assert rules(jobs) == {"sample": 5, "verify": 5, "score": 5, "evaluate_sampled": 5, "report": 1}
    (first, *_) = (job for job in jobs if job.rule == "evaluate_sampled")
    assert first.outputs[0].replace(".json", "/indiv-scores.parquet") in first.inputs


def test_what_training_data_may_share_with_test_sets_reruns_no_training(finished: Path, tiny: dict[str, Any]) -> None:
    tiny["overrides"]["contamination"] = {"exact": "allow", "ngrams": [10]}
    assert rules(planned(finished, "two-rounds", config=tiny)) == {"overlap": 5, "report": 1}


def test_a_new_benchmark_hides_no_other_change(finished: Path, tiny: dict[str, Any]) -> None:
    changed = HSIR | {"train": {"kind": "sft", "weight_decay": 0.1}}
    tiny["runs"]["one-round"]["benchmarks"] = ["few", "others"]
    jobs = planned(finished, "one-round", config=changed_method(tiny, changed))
    assert rules(jobs)["train"] == 1 and "hsir-sft.1/checkpoint" in made(jobs)


def test_a_new_method_samples_nothing_that_exists(finished: Path, tiny: dict[str, Any]) -> None:
    tiny["runs"]["one-round"]["methods"].append("length-driven")
    jobs = planned(finished, "one-round", config=tiny)
    once = ("filter", "contamination", "train", "ledger", "sample", "verify", "evaluate", "overlap", "report")
    assert rules(jobs) == dict.fromkeys(once, 1)
    assert "k4" not in made(jobs)


def test_a_third_iteration_leaves_two_finished_ones_alone(finished: Path, tiny: dict[str, Any]) -> None:
    tiny["runs"]["two-rounds"]["iterations"] = 3
    jobs = [job for job in planned(finished, "two-rounds", config=tiny) if job.rule != "report"]
    trained = {output for job in jobs if job.rule == "train" for output in job.outputs if "checkpoint" in output}
    assert {f"results/embedded/few/seed0/{m}.3/checkpoint" for m in ("restem", "hsir-sft")} == trained
    assert not [job for job in jobs if any(f"{name}.1/" in job.outputs[0] for name in ("restem", "hsir-sft"))]


def test_a_method_that_keeps_all_pools_reads_those_of_earlier_iterations(tmp_path: Path, tiny: dict[str, Any]) -> None:
    tiny["runs"]["two-rounds"]["methods"] = ["hsir-sft", "kept"]
    tiny["methods"]["kept"] = {"like": "hsir-sft", "keep": "all"}
    jobs = planned(tmp_path, "two-rounds", config=tiny)
    root = "results/embedded/few/seed0"
    made_of = {job.outputs[0].removeprefix(f"{root}/"): {*job.inputs} for job in jobs}
    pools, texts = ("k4", "k4-veriexit"), [f"samples/{n}-of-2.parquet" for n in (0, 1)]
    rest = [*texts, "verified.parquet", "indiv-scores.parquet"]
    first = {f"{root}/sft-initial/{pool}/{name}" for pool in pools for name in rest}
    assert made_of["kept.1/filtered.parquet"] == made_of["hsir-sft.1/filtered.parquet"] > first
    second = {f"{root}/kept.1/{pool}/{name}" for pool in pools for name in rest}
    given = {f"{root}/data/{split}.parquet" for split in ("seed", "unlabelled")}
    assert made_of["kept.2/filtered.parquet"] == first | second | given
    assert not made_of["hsir-sft.2/filtered.parquet"] & first
    read = {
        f"{root}/{policy}/{pool}/{name}" for policy in ("sft-initial", "kept.1") for pool in pools for name in texts
    }
    assert made_of["kept.2/contamination.json"] == read | given | {f"{root}/kept.2/filtered.parquet"}
    assert not made_of["kept.2/ledger.json"] & first, "old samples are no cost of a later iteration"
    assert rules(jobs)["sample"] == 3 * 4 + 4, "three policies are sampled, and four evaluated"


def test_each_iteration_samples_another_part_of_the_questions(tmp_path: Path, tiny: dict[str, Any]) -> None:
    tiny["pools"]["half"] = {"kind": "sample", "samples": 4, "parts": 2}
    tiny["methods"]["halves"] = {"like": "restem", "pools": ["half"], "iterations": 3}
    tiny["runs"] = {"halved": {"models": ["embedded"], "tasks": ["few"], "methods": ["halves"]}}
    told = snakemake(tmp_path, "--dry-run", "--printshellcmds", "halved", config=tiny | {"run": "halved"})
    found = re.findall(r"hsir.stages.ask .* --part=(\d) .*/seed0/(\S+)/half/asked.parquet", told.stdout + told.stderr)
    assert sorted(found) == [("0", "halves.2"), ("0", "sft-initial"), ("1", "halves.1")]


def test_an_adaptive_order_reads_what_all_earlier_policies_were_asked(tmp_path: Path, tiny: dict[str, Any]) -> None:
    tiny["runs"] = {"queue": {"models": ["embedded"], "tasks": ["few"], "methods": ["adastar"], "iterations": 3}}
    jobs = planned(tmp_path, "queue", config=tiny | {"run": "queue"})
    root, pool = "results/embedded/few/seed0", "k2-third-adaptive"
    read = {job.outputs[0].split("/")[-3]: {*job.inputs} for job in jobs if job.rule == "ask"}
    files = ("asked.parquet", "verified.parquet", "samples/0-of-2.parquet", "samples/1-of-2.parquet")
    questions = {f"{root}/data/unlabelled.parquet"}
    first, second = ({f"{root}/{policy}/{pool}/{name}" for name in files} for policy in ("sft-initial", "adastar.1"))
    assert read == {"sft-initial": questions, "adastar.1": questions | first, "adastar.2": questions | first | second}


def test_training_options_rerun_training_and_no_sampling_of_the_first_round(
    finished: Path, tiny: dict[str, Any]
) -> None:
    changed = HSIR | {"train": {"kind": "sft", "weight_decay": 0.1}}
    jobs = planned(finished, "one-round", config=changed_method(tiny, changed))
    assert rules(jobs)["train"] == 1 and "filter" not in rules(jobs) and "k4" not in made(jobs)


@pytest.mark.parametrize("method", ["star", "rft", "sft-oracle", "indiv-only"])
def test_a_method_has_just_the_stages_that_it_names(finished: Path, tiny: dict[str, Any], method: str) -> None:
    tiny["runs"]["one-round"]["methods"].append(method)
    jobs = [job for job in planned(finished, "one-round", config=tiny) if job.rule != "report"]
    drawn = {job.outputs[0].split("/")[-3] for job in jobs if job.rule == "sample" and "/eval/" not in job.outputs[0]}
    assert {"star": {"greedy"}, "rft": {"k30"}, "sft-oracle": set(), "indiv-only": set()}[method] == drawn


def test_a_wrong_config_stops_before_any_job_and_reports_all_errors(tmp_path: Path, tiny: dict[str, Any]) -> None:
    tiny["runs"]["one-round"]["methods"] = ["hsir-stf"]
    tiny["overrides"]["sample"]["shard"] = 2
    told = snakemake(tmp_path, "--dry-run", config=tiny)
    said = told.stdout + told.stderr
    assert told.returncode != 0
    assert "unknown method 'hsir-stf'; did you mean 'hsir-sft'?" in said
    assert "overrides.sample.shard: unknown key; did you mean 'shards'?" in said
    assert "Traceback" not in said


def test_more_unlabelled_questions_leave_the_seed_set_and_the_test_set_alone(
    finished: Path, tiny: dict[str, Any]
) -> None:
    tiny["tasks"]["few"]["task"]["unlabelled"] = 21
    jobs = planned(finished, "one-round", config=tiny)
    assert [job.outputs for job in jobs if job.rule.startswith("data")] == [
        ("results/embedded/few/seed0/data/unlabelled.parquet",)
    ]
    assert "sft-initial/checkpoint" not in made(jobs)
    assert "sft-initial/eval" not in made(jobs)


def test_wrong_gold_answers_leave_the_seed_set_and_the_test_set_alone(finished: Path, tiny: dict[str, Any]) -> None:
    tiny["tasks"]["few"]["task"]["noise"] = 0.2
    jobs = planned(finished, "one-round", config=tiny)
    assert [job.outputs for job in jobs if job.rule.startswith("data")] == [
        ("results/embedded/few/seed0/data/unlabelled.parquet",)
    ]
    assert "sft-initial/checkpoint" not in made(jobs) and "/eval/" not in made(
        [job for job in jobs if "sft-initial" in job.outputs[0]]
    )
    tiny["tasks"]["few"]["task"]["noise"] = 0.0
    assert planned(finished, "two-rounds", config=tiny) == [], "without noise, all is as before"


def test_a_label_free_method_samples_only_what_it_recycles(finished: Path, tiny: dict[str, Any]) -> None:
    tiny["pools"] |= {
        "most": {"kind": "majority", "of": "k4"}, "most-veriexit": {"kind": "veriexit", "of": "most", "samples": 5},
    }  # fmt: skip
    tiny["methods"]["free"] = {"like": "hsir-sft", "pools": ["most", "most-veriexit"]}
    tiny["runs"]["one-round"]["methods"].append("free")
    jobs = planned(finished, "one-round", config=tiny)
    counts = rules(jobs)
    assert (counts["vote"], counts["veriexit"], counts["score"], counts["train"]) == (1, 1, 2, 1)
    sampled = {job.outputs[0].split("/samples/")[0] for job in jobs if job.rule == "sample"}
    root = "results/embedded/few/seed0"
    assert sampled == {f"{root}/sft-initial/most-veriexit", f"{root}/free.1/eval/few"}
    assert f"{root}/sft-initial/most/questions.parquet" in made(jobs)


def test_what_an_empty_selection_does_reruns_no_training(finished: Path, tiny: dict[str, Any]) -> None:
    """It is what the error of an empty selection asks for; nothing that is finished may run again for it."""
    tiny["overrides"]["train"]["sft"]["limits"] = {"when_empty": "given_only"}
    jobs = planned(finished, "one-round", config=tiny)
    assert "filter" in rules(jobs)
    assert not [job for job in jobs if job.rule == "data"]


def test_a_test_question_in_the_seed_set_stops_the_run_before_training(tmp_path: Path) -> None:
    task = Chains(kind="chains", seed=8, unlabelled=1, test=8)
    sets = {split: [record.model_dump() for record in task.records(split, 0)] for split in get_args(Split)}
    sets["test"].append(sets["seed"][5] | {"id": "leaked", "question": sets["seed"][5]["question"].upper()})
    for split, records in sets.items():
        (tmp_path / f"{split}.jsonl").write_text("\n".join(map(json.dumps, records)))
    files = {split: f"{split}.jsonl" for split in sets}
    config: dict[str, Any] = {
        "run": "leaky",
        "runs": {"leaky": {"models": ["embedded"], "tasks": ["leaky"], "methods": ["sft-initial"]}},
        "tasks": {"leaky": {"task": {"kind": "jsonl", **files}}},
    }
    folder = "embedded/leaky/seed0/sft-initial"
    told = snakemake(tmp_path, f"results/{folder}/checkpoint", config=config)
    assert told.returncode != 0 and not (tmp_path / f"logs/{folder}/train.log").exists()
    said = (tmp_path / f"logs/{folder}/contamination.log").read_text()
    assert "seed-00005, its question (seed): question leaked of leaky" in said
    config["overrides"] = {"contamination": {"exact": "allow"}}
    gate = snakemake(tmp_path, f"results/{folder}/contamination.json", config=config)
    assert gate.returncode == 0, gate.stdout + gate.stderr
    assert rules(planned(tmp_path, f"results/{folder}/checkpoint", config=config)) == {"train": 1}


def test_who_watches_trainings_reruns_nothing(finished: Path, tiny: dict[str, Any]) -> None:
    assert planned(finished, "two-rounds", config=tiny | {"track": {"to": ["wandb"], "project": "mine"}}) == []
    assert list((finished / "results/tracking/tensorboard/embedded/few/seed0").glob("*/events.*"))
