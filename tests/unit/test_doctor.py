"""The doctor: what passes, what does not, and the remedy."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hsir.config import Plan, load
from hsir.config.settings import Model
from hsir.errors import InputError
from hsir.planning.budget.work import work
from hsir.planning.doctor import slurm
from hsir.planning.doctor.disk import disk
from hsir.planning.doctor.environments import conda, environments, pinned
from hsir.planning.doctor.finding import Finding
from hsir.planning.doctor.models import models
from hsir.planning.doctor.questions import questions
from hsir.planning.workflow import Job
from hsir.storage.models import check_exists

Program = Callable[[str, str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Return what puts a shell script on the path, before all others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return put


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is all there is on the path."""
    folder = tmp_path / "alone"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def model(embedded: Path, tmp_path: Path) -> Path:
    """Return a copy of the embedded model that a test may break."""
    return Path(shutil.copytree(embedded, tmp_path / "model"))


def states(found: list[Finding]) -> list[str]:
    return [one.state for one in found]


def seen(path: Path | str, **options: Any) -> list[Finding]:
    return list(models({"m": Model(path=str(path), **options)}))


def only_problem(found: list[Finding]) -> str:
    """Return what is said of the one problem that there is; every problem has a way out."""
    wrong = [one for one in found if one.state == "problem"]
    assert len(wrong) == 1 and wrong[0].remedy, found
    return f"{wrong[0].what}: {wrong[0].told}"


def test_a_sound_model_is_in_order(model: Path) -> None:
    found = seen(model)
    assert states(found) == ["ok", "ok"]
    assert "854,144 parameters" in found[0].told


def test_pickles_next_to_safetensors_are_reported(model: Path) -> None:
    (model / "pytorch_model.bin").write_bytes(b"\x80")
    assert states(seen(model)) == ["ok", "ok"]
    assert "1 pickled files are never loaded" in seen(model)[0].told


@pytest.mark.parametrize("name", ["model", "model/m-q8_0.gguf", "Someone/Model-1B-GGUF"])
def test_a_gguf_model_is_to_be_converted(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model").mkdir()
    Path("model/m-q8_0.gguf").write_bytes(b"GGUF")
    (found,) = seen(name)
    assert f"{name}: GGUF" in only_problem([found]) and "docs/your-model.md" in found.remedy
    with pytest.raises(InputError, match=f"{name}: a GGUF model.*docs/your-model.md"):
        check_exists(name)


def test_gguf_next_to_safetensors_does_not_matter(model: Path) -> None:
    (model / "m-q8_0.gguf").write_bytes(b"GGUF")
    assert states(seen(model)) == ["ok", "ok"]
    check_exists(str(model))


def cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def index(folder: Path) -> None:
    told = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(told))


def without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def without_tokenizer(folder: Path) -> None:
    (folder / "tokenizer_config.json").unlink()


def without_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (cut, "bytes, but its header declares"),
        (pickled, "pytorch_model.bin: pickled weights are never loaded"),
        (index, "model-00002-of-00002.safetensors, missing"),
        (without_config, "No such file or directory"),
        (broken_config, "config.json: not JSON"),
        (without_tokenizer, "tokenizer_config.json"),
        (without_template, "m, chat template: "),
    ],
)
def test_a_broken_model_is_a_problem(spoil: Callable[[Path], None], told: str, model: Path) -> None:
    spoil(model)
    assert told in only_problem(seen(model))


def test_a_chat_template_of_the_config_is_used(model: Path, tmp_path: Path) -> None:
    without_template(model)
    (tmp_path / "own.jinja").write_text("{{ messages }}")
    assert states(seen(model, chat_template=tmp_path / "own.jinja")) == ["ok", "ok"]
    assert "no such file" in only_problem(seen(model, chat_template=tmp_path / "none.jinja"))


def test_a_model_of_the_hub_is_looked_for_in_its_cache(
    embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert states(seen("owner/name")) == ["skipped"]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE" in only_problem(seen("owner/name"))
    shutil.copytree(embedded, tmp_path / "models--owner--name/snapshots/abc")
    assert states(seen("owner/name")) == ["ok", "ok"]


@pytest.mark.parametrize("path", ["/no/such/model", "./model", "models/own/name", "~/model"])
def test_a_folder_that_is_not_there_is_a_problem(path: str) -> None:
    assert "no such folder" in only_problem(seen(path))


def test_questions_are_counted_missing_ones_reported_and_the_hub_left_alone(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text('{"question": "1 + 1?", "answer": "2"}\n{"question": "2 + 2?"}\n')
    (tmp_path / "seed.jsonl").write_text('{"question": "1 + 1?", "answer": "2", "trace": "t"}\n')
    raw = {
        "run": "r",
        "runs": {
            "r": {"models": ["m"], "tasks": ["own", "hub"], "methods": ["start", "star"], "benchmarks": ["own", "hub"]},
        },
        "models": {"m": {"path": "m"}},
        "tasks": {
            "own": {"task": {"kind": "jsonl"} | {name: str(tmp_path / f"{name}.jsonl") for name in ("seed", "test")}},
            "hub": {"task": {"kind": "gsm8k"}},
        },
        "methods": {
            "start": {"iterations": 0},
            "star": {"initial": "start", "pools": ["greedy"], "select": [{"kind": "right"}]},
        },
    }  # fmt: skip
    plan = Plan(load(raw, Path("nowhere")))
    found = {one.what: one for one in questions(plan, work(plan, ["r"]))}
    assert {what: one.state for what, one in found.items()} == {
        "task own, seed set": "ok", "task own, unlabelled set": "problem", "task own, test set": "problem",
        "task hub, seed set": "problem", "task hub, unlabelled set": "skipped", "task hub, test set": "skipped",
    }  # fmt: skip
    assert found["task own, seed set"].told == "1 questions"
    assert "line 2" in found["task own, test set"].told
    assert "set `traces:`" in found["task hub, seed set"].told


def test_disk_is_checked_against_free_space_in_a_folder_not_there_yet(tmp_path: Path) -> None:
    assert disk(tmp_path / "not/yet", 1e6).state == "ok"
    wrong = disk(tmp_path / "not/yet", 1e18)
    assert wrong.state == "problem" and str(tmp_path) in wrong.told and "1,000,000.0 TB needed" in wrong.told


JOBS = [
    Job("data", 1, {"mem_mb": "2000", "runtime": "60", "slurm_partition": "cpu", "slurm_account": "a", "tmpdir": "t"}),
    Job("sample", 2, {"mem_mb": "32000", "gpu": "1", "slurm_partition": "gpu", "slurm_account": "a"}),
    Job("score", 2, {"mem_mb": "32000", "gpu": "1", "slurm_partition": "gpu", "slurm_account": "a"}),
    Job("all", 1, {"runtime": "5"}, local=True),
    Job("train", 2, {"gpu": "0", "gres": "gpu:2", "qos": "long", "slurm_extra": "'--exclude=n1' --contiguous"}),
]  # fmt: skip


def test_each_distinct_request_is_put_to_sbatch_as_the_plugin_would(program: Program, tmp_path: Path) -> None:
    program("sbatch", f'echo "$@" >> {tmp_path}/asked; echo "sbatch: Job 1 to start at noon" >&2')
    found = list(slurm.queue(JOBS))
    assert states(found) == ["ok"] * 3
    assert found[1] == Finding("ok", "queue, sample, score", "sbatch: Job 1 to start at noon")
    assert (tmp_path / "asked").read_text().splitlines() == [
        "--test-only --account=a --partition=cpu --time=60 --mem=2000 --cpus-per-task=1 --wrap true",
        "--test-only --account=a --partition=gpu --mem=32000 --gpus=1 --cpus-per-task=2 --wrap true",
        "--test-only --qos=long --gres=gpu:2 --cpus-per-task=2 --exclude=n1 --contiguous --wrap true",
    ]


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("allocation failure: Invalid partition name specified", "fix `slurm_partition` in the profile"),
        ("Invalid account or partition", "fix `slurm_partition` and `slurm_account` in the profile"),
        ("Invalid generic resource (gres) specification", "fix `gpu` or `gres` in the profile"),
        ("", "fix the resources in the profile"),
    ],
)  # fmt: skip
def test_what_sbatch_rejects_is_a_problem_with_its_own_words(said: str, remedy: str, program: Program) -> None:
    program("sbatch", f'[ -z "{said}" ] || echo "{said}" >&2; exit 1')
    (found,) = slurm.queue(JOBS[:1])
    assert found.state == "problem" and found.remedy == remedy
    assert (said or "without output") in found.told and "--partition=cpu" in found.told


def test_without_sbatch_the_queue_is_skipped_with_a_reason(alone: Path) -> None:
    assert states(list(slurm.queue(JOBS))) == ["skipped"]
    assert slurm.probe(JOBS, 1).state == "skipped" == slurm.here().state


@pytest.mark.parametrize(
    ("script", "state", "told"),
    [
        ("echo GPU 0: NVIDIA", "ok", "GPU 0: NVIDIA"),
        ("echo No devices were found", "problem", "No devices were found"),
        ("echo Unable to allocate >&2; exit 1", "problem", "Unable to allocate"),
        ("exec sleep 30", "problem", "srun did not respond within 1 s"),
    ],
)
def test_a_gpu_is_looked_for_in_a_short_job(
    script: str, state: str, told: str, program: Program, tmp_path: Path
) -> None:
    program("srun", f'echo "$@" > {tmp_path}/asked; {script}')
    found = slurm.probe(JOBS, 1 if "sleep" in script else 60)
    assert (found.state, found.told) == (state, told)
    asked = "--account=a --partition=gpu --gpus=1 --cpus-per-task=2 --time=5 --mem=1000 nvidia-smi -L"
    assert (tmp_path / "asked").read_text().strip() == asked
    assert slurm.probe(JOBS[:1], 1) == Finding("skipped", "GPU in a job", "no job requests a GPU")


@pytest.mark.parametrize("resources", [{"slurm_account": "FILL-IN-X", "mem_mb": 8}, ["slurm_account=FILL-IN-X"]])
def test_blanks_of_a_profile_are_found(resources: Any) -> None:
    (found,) = slurm.blanks({"default-resources": resources})
    assert (found.state, found.what) == ("problem", "profile, slurm_account")
    assert list(slurm.blanks({"default-resources": {"slurm_account": "mine"}})) == []
    assert list(slurm.blanks({})) == []


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("echo conda 24.7.1", "ok"),
        ("echo conda 25.1.0", "ok"),
        ("echo conda 23.11.0", "problem"),
        ("exit 3", "problem"),
    ],
)
def test_a_conda_must_be_new_enough(script: str, state: str, program: Program) -> None:
    program("conda", script)
    assert conda().state == state
    assert states(list(environments(Path("nowhere"), ["conda"], ()))) == [state]


def test_mamba_alone_is_no_conda(alone: Path) -> None:
    (alone / "mamba").write_text("#!/bin/sh\n")
    (alone / "mamba").chmod(0o755)
    assert conda().state == "problem" and "mamba alone is not enough" in conda().told


def test_packages_are_imported_by_the_python_of_jobs(tmp_path: Path) -> None:
    def written(*packages: str) -> Finding:
        listed = "".join(f"      - {package}\n" for package in packages)
        (tmp_path / "one.yaml").write_text(f"dependencies:\n  - python =3.11\n  - pip:\n{listed}")
        (found,) = environments(tmp_path, [], {"unused-engine"})
        return found

    assert written("PyYAML==6.0.3", "typer==0.29.2", "unused-engine==1").state == "ok"
    other = written("pyyaml==5.0")
    assert other.state == "ok" and "not 5.0" in other.told
    absent = written("pyyaml==6.0.3", "no-such-package==1.0")
    assert absent.state == "problem" and "cannot import no-such-package (PackageNotFoundError" in absent.told


def test_without_a_python_for_jobs_that_is_said(alone: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(alone / "python3"))
    found = list(environments(root / "envs", [], ()))
    assert found and all(one.state == "problem" and "no `python` on the PATH" in one.told for one in found)


def test_pins_are_read_from_an_environment(root: Path) -> None:
    assert pinned(root / "envs/driver.yaml")["snakemake-executor-plugin-slurm"] == "2.8.0"
