"""The real engine vllm, compared with the engine transformers; `make test-gpu-env` creates the environment."""

import importlib.util
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from scipy import stats
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from hsir.config.engines import BaseEngine, TransformersEngine, VllmEngine
from hsir.config.pools import BasePool, SamplePool, VeriExitPool
from hsir.grading import Item, Number
from hsir.sampling.engines.base import Completion, Prompt, batches
from hsir.sampling.engines.seeds import sample_seed
from hsir.stages import sample
from hsir.storage import tables
from hsir.storage.models import prompt_ids
from hsir.tasks.chains import Chains

if importlib.util.find_spec("vllm") is None:
    pytest.skip("vllm is not installed here; `make test-gpu-env` makes an environment with it", allow_module_level=True)

QUESTIONS, LIMIT = 140, 320
BLOCK = 128
"""Tokens that the prefix cache holds together, on a CPU."""
VLLM = VllmEngine(kind="vllm", dtype="float32", memory_share=0.2, max_sequences=64, ahead=0)
RECORDS = list(Chains(kind="chains", test=QUESTIONS).records("test", 0))
Ask = Callable[[int], list[Prompt]]


@pytest.fixture(scope="module")
def ask(encoder: PreTrainedTokenizerBase) -> Ask:
    """Put every question so many times."""

    def asked(samples: int) -> list[Prompt]:
        return [
            Prompt(f"{r.id}-k-{n:04d}", r.id, prompt_ids(encoder, r.question), sample_seed(0, r.id, n))
            for r in RECORDS
            for n in range(samples)
        ]

    return asked


def drawn(engine: BaseEngine, embedded: Path, prompts: list[Prompt], pool: BasePool) -> dict[str, Completion]:
    """Complete prompts, by sample id."""
    runner = sample.started(str(embedded), pool, engine, prompts)
    done = [one for batch in runner.stream(batches(prompts, engine.batch_size)) for one in batch]
    return {one.prompt.sample_id: one for one in done}


def pool_of(temperature: float, limit: int = LIMIT) -> SamplePool:
    return SamplePool(kind="sample", samples=1, temperature=temperature, max_new_tokens=limit)


@pytest.fixture(scope="module")
def greedy(embedded: Path, ask: Ask) -> tuple[dict[str, Completion], dict[str, Completion]]:
    """Greedy completions by vllm, and by transformers."""
    ours, theirs = (drawn(engine, embedded, ask(1), pool_of(0)) for engine in (VLLM, TransformersEngine()))
    return ours, theirs


def test_greedy_texts_are_those_of_transformers_but_for_ties(
    greedy: tuple[dict[str, Completion], dict[str, Completion]], policy: PreTrainedModel
) -> None:
    """Where two texts part, the model finds both tokens equally likely, within the rounding of float32."""
    ours, theirs = greedy
    others = [name for name in ours if ours[name] != theirs[name]]
    assert len(others) <= QUESTIONS // 20
    for name in others:
        pair = ours[name].completion_ids, theirs[name].completion_ids
        at = next(n for n, (a, b) in enumerate(zip(*pair, strict=False)) if a != b)
        with torch.inference_mode():
            context = torch.tensor([[*ours[name].prompt.prompt_ids, *pair[0][:at]]])
            logits = policy(context).logits[0, -1]
        assert abs(float(logits[pair[0][at]] - logits[pair[1][at]])) < 1e-3


def test_completions_end_as_those_of_transformers(
    greedy: tuple[dict[str, Completion], dict[str, Completion]], encoder: PreTrainedTokenizerBase, embedded: Path,
    ask: Ask,
) -> None:  # fmt: skip
    """At the limit, or with the stop token, which stands in the ids and not in the text."""
    ours, _ = greedy
    for one in ours.values():
        assert (one.finish, one.completion_ids[-1]) == ("stop", encoder.eos_token_id)
        assert encoder.eos_token_id not in one.completion_ids[:-1]
        assert one.text == encoder.decode(one.completion_ids[:-1])
    for name, one in drawn(VLLM, embedded, ask(1)[:3], pool_of(0, 10)).items():
        ids = ours[name].completion_ids[:10]
        assert (one.completion_ids, one.text, one.finish) == (ids, encoder.decode(ids), "length")


def test_sampled_accuracies_are_those_of_transformers(embedded: Path, ask: Ask) -> None:
    """The engines' noise differs, so that the mean difference by question must be within four standard errors."""
    gold, grader = {r.id: r.answer for r in RECORDS}, Number(fallbacks=())
    right: list[dict[str, list[bool]]] = []
    for engine in (VLLM, TransformersEngine()):
        by_question: dict[str, list[bool]] = {}
        for one in drawn(engine, embedded, ask(5), pool_of(1.0)).values():
            judged = grader.judge(Item(one.text, gold[one.prompt.question_id], None, one.finish == "length"))
            by_question.setdefault(one.prompt.question_id, []).append(judged.verdict == "right")
        right.append(by_question)
    differences = [statistics.mean(right[0][name]) - statistics.mean(right[1][name]) for name in gold]
    error = statistics.stdev(differences) / len(differences) ** 0.5
    assert any(differences), "the noise is the same"
    assert abs(statistics.mean(differences)) < 4 * error


def test_the_first_token_is_drawn_from_the_models_softmax(
    policy: PreTrainedModel, encoder: PreTrainedTokenizerBase, embedded: Path
) -> None:
    ids, draws = encoder("is 3.\n\n")["input_ids"], 4000
    with torch.inference_mode():
        chances = (policy(torch.tensor([ids])).logits[0, -1].double() / 1.5).softmax(-1)
    prompts = [Prompt(f"q-{n:04d}", "q", ids, sample_seed(0, "q", n)) for n in range(draws)]
    firsts = torch.tensor([one.completion_ids[0] for one in drawn(VLLM, embedded, prompts, pool_of(1.5, 1)).values()])
    seen, wanted = torch.bincount(firsts, minlength=len(chances)).double(), draws * chances
    common = wanted >= 5
    bins = [torch.cat([x[common], x[~common].sum()[None]]).numpy() for x in (seen, wanted)]
    assert common.sum() >= 4
    assert stats.chisquare(*bins).pvalue > 1e-3


def test_prefixes_are_continued_through_the_prefix_cache(
    greedy: tuple[dict[str, Completion], dict[str, Completion]], embedded: Path
) -> None:
    """Cut greedy solutions are finished as they were, whole prompt and prefix are read once for all their samples."""
    long = sorted(greedy[0].values(), key=lambda one: len(one.completion_ids))[-3:]
    assert all(len(one.prompt.prompt_ids) + len(one.completion_ids) - 6 > BLOCK for one in long)
    prompts = [
        one.prompt._replace(sample_id=f"{one.prompt.question_id}-v-{n:04d}", prefix_ids=one.completion_ids[:-6])
        for one in long
        for n in range(5)
    ]
    runner = sample.started(str(embedded), pool_of(0), VLLM, prompts)
    wanted = {one.prompt.question_id: one for one in long}
    for done in runner.complete(prompts):
        whole = wanted[done.prompt.question_id]
        assert (done.completion_ids, done.text, done.finish) == (whole.completion_ids, whole.text, "stop")
    cached = [one.cached for one in runner.complete(prompts)]
    assert sum(map(bool, cached)) == 12, "of five samples of a prefix, all but one find it read"
    assert [one.cached for one in runner.complete(prompts)] == cached, "an earlier batch leaves none"


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory, ask: Ask) -> Path:
    """A table of questions."""
    path = tmp_path_factory.mktemp("questions") / "questions.parquet"
    rows = [
        {"question_id": r.id, "question": r.question, "gold": r.answer, "prompt_ids": prompt.prompt_ids}
        for r, prompt in zip(RECORDS, ask(1), strict=True)
    ]
    tables.write("questions", rows[:24], path, {})
    return path


def test_batches_ahead_change_no_greedy_text(
    greedy: tuple[dict[str, Completion], dict[str, Completion]], embedded: Path, ask: Ask
) -> None:
    """In float32, other samples in progress decide ties at most."""
    engine = VLLM.model_copy(update={"batch_size": 16, "ahead": 2})
    ours = drawn(engine, embedded, ask(1), pool_of(0))
    assert list(ours) == [one.sample_id for batch in batches(ask(1), 16) for one in batch]
    others = [name for name in ours if ours[name].completion_ids != greedy[0][name].completion_ids]
    assert len(others) <= QUESTIONS // 20


POOL = SamplePool(kind="sample", samples=4, max_new_tokens=LIMIT)
PARTS = VLLM.model_copy(update={"batch_size": 8})


@pytest.fixture(scope="module")
def whole(questions: Path, embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples of a run without interruptions."""
    output = tmp_path_factory.mktemp("whole") / "0-of-1.parquet"
    sample.main(str(embedded), questions, POOL, "k4", output, PARTS)
    return output


def test_what_generated_is_reported_in_the_table(whole: Path) -> None:
    options = tables.metadata(whole)["options"]
    assert options["engine"] == PARTS.model_dump()
    assert options["library"].startswith("vllm")


def test_a_killed_shard_resumes_where_it_was(questions: Path, embedded: Path, whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "0-of-1.parquet"
    command = [
        sys.executable, "-m", "hsir.stages.sample", "--model", str(embedded), "--prompts", str(questions),
        "--pool", POOL.model_dump_json(), "--name", "k4", "--engine", PARTS.model_dump_json(), "--out", str(output),
    ]  # fmt: skip
    here = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(here), "OMP_NUM_THREADS": "1"}
    with (tmp_path / "log").open("w") as log:
        running = subprocess.Popen(command, cwd=here, env=environment, stdout=log, stderr=log, start_new_session=True)
        while running.poll() is None and len(list(tmp_path.glob(".*.parts/*.parquet"))) < 2:
            time.sleep(0.02)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    parts = sorted(tmp_path.glob(".*.parts/*.parquet"))
    assert 2 <= len(parts) < 12, (tmp_path / "log").read_text()
    made = {part: part.stat().st_mtime_ns for part in parts}
    resumed = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    assert f"resuming: {len(made)} of 12 batches are finished" in resumed.stderr
    assert output.read_bytes() == whole.read_bytes()


def test_recycled_prefixes_are_continued(
    questions: Path, embedded: Path, encoder: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    prefix = encoder("<think>\nSo the answer is 3.\n\n</think>\n<answer>\n")["input_ids"]
    asked = tables.read("questions", questions)[0]
    row = {"question_id": asked["question_id"], "prompt_ids": asked["prompt_ids"], "cut_step": 1, "prefix_ids": prefix}
    tables.write("veriexit", [row | {"parent_id": "q0-k10-0003"}], tmp_path / "veriexit.parquet", {})
    pool = VeriExitPool(kind="veriexit", of="k10", samples=3, max_new_tokens=12)
    output = tmp_path / "out.parquet"
    sample.main(str(embedded), tmp_path / "veriexit.parquet", pool, "k10-veriexit", output, VLLM)
    rows = tables.read("samples", output)
    assert [r["sample_id"][-4:] for r in rows] == ["0009", "0010", "0011"]
    for r in rows:
        assert r["completion_ids"][: len(prefix)] == prefix
        assert r["n_generated"] == r["n_tokens"] - len(prefix) <= 12
        assert (r["seed"], r["parent_id"], r["cut_step"]) == (
            sample_seed(0, "q0-k10-0003", int(r["sample_id"][-4:]) - 9), "q0-k10-0003", 1,
        )  # fmt: skip


def test_where_memory_is_short_it_continues_with_less_and_says_so(
    questions: Path, embedded: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No machine has all of its memory to give; a size that is set from outside would win over the share."""
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE", raising=False)
    output, cost = tmp_path / "out.parquet", tmp_path / "cost.json"
    greedy = VLLM.model_copy(update={"memory_share": 1.0})
    sample.main(str(embedded), questions, pool_of(0), "greedy", output, greedy, cost=cost)
    (lowered,) = json.loads(cost.read_text())["lowered"]
    assert lowered["memory_share"] < 1
    assert lowered["max_sequences"] == VLLM.max_sequences
    assert "out of memory (" in capfd.readouterr().err
    assert tables.metadata(output)["options"]["engine"]["memory_share"] == 1.0, "what was asked for"
    assert len(tables.read("samples", output)) == 24
