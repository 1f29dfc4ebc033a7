"""Several processes: how they are started, and that their result is that of one."""

import json
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from accelerate.data_loader import BatchSamplerShard
from safetensors.torch import load_file
from torch.utils.data import BatchSampler

from hsir.config.devices import Ddp, Zero3
from hsir.config.training import Sft
from hsir.errors import InputError
from hsir.storage.models import load_model
from hsir.training.distributed import blanks
from hsir.training.launch import command
from hsir.training.order import Order
from tests.trained import lay_down, rows, stage


def test_on_one_node_a_free_port_is_taken() -> None:
    told = command(Ddp(processes=4), "m", ["--out", "a b"], {})
    assert told[told.index("--main_process_port") + 1] == "0"
    assert told[told.index("--num_processes") + 1] == "4"
    assert told[-4:] == ["-m", "m", "--out", "a b"]


def test_several_nodes_meet_at_the_first_by_a_port_of_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell script stands for scontrol, which a machine without SLURM has not."""
    (tmp_path / "scontrol").write_text("#!/bin/sh\necho n7; echo n8\n")
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    job = {"SLURM_JOB_ID": "123456", "SLURM_JOB_NODELIST": "n[7-8]"}
    told = command(Zero3(processes=8, nodes=2), "m", ["--out", "a b"], job)
    assert told[0] == "srun" and told[told.index("--nodes") + 1] == told[told.index("--ntasks") + 1] == "2"
    assert told[-3:-1] == ["sh", "-c"]
    words = shlex.split(told[-1])
    after = {word: words[n + 1] for n, word in enumerate(words[:-1])}
    assert (after["--main_process_ip"], after["--machine_rank"]) == ("n7", "$SLURM_PROCID")
    assert (after["--num_processes"], after["--num_machines"]) == ("8", "2")
    assert words[-2:] == ["--out", "a b"]
    other = command(Zero3(processes=8, nodes=2), "m", [], job | {"SLURM_JOB_ID": "123457"})
    assert after["--main_process_port"] not in shlex.split(other[-1])


def test_several_nodes_are_rejected_outside_of_a_job() -> None:
    with pytest.raises(InputError, match=r"devices.nodes is 2, but this is not a SLURM job; .* set nodes: 1"):
        command(Ddp(processes=4, nodes=2), "m", [], {})


@pytest.mark.parametrize(("n", "processes"), [(12, 2), (13, 2), (13, 3), (1, 3), (17, 4)])
def test_every_row_is_taken_once_an_epoch_and_the_last_pass_is_filled_up(n: int, processes: int) -> None:
    options = Sft(batch_size=2 * processes, device_batch_size=2, devices=Ddp(processes=processes))
    lacking = len(blanks(rows(options, n), options))
    orders = [
        BatchSampler(Order(range(n), options.batch_size, lacking, 3, lambda: 0), 2, False) for _ in range(processes)
    ]
    shares = [list(BatchSamplerShard(order, processes, rank)) for rank, order in enumerate(orders)]
    assert Counter(row for share in shares for batch in share for row in batch) == Counter(range(n + lacking))
    assert len({len(share) for share in shares}) == 1
    assert 0 <= lacking < 2 * processes


def test_two_processes_train_as_one_does(embedded: Path, tmp_path: Path) -> None:
    """Thirteen rows in passes of two leave one place empty, whatever the order of an epoch."""
    shape = {"batch_size": 4, "device_batch_size": 1, "epochs": 2, "learning_rate": 1e-3, "save_steps": 5}
    options = {"one": Sft(**shape), "two": Sft(**shape, devices=Ddp(processes=2))}
    lay_down(tmp_path, options["one"], 13)
    for name, chosen in options.items():
        _, told = (started := stage(tmp_path, embedded, chosen, name)).communicate()
        assert started.returncode == 0, told
        assert told.count("training on 13 solutions") == 1, "the first process alone speaks"
    one, two = (json.loads((tmp_path / f"{name}.json").read_text()) for name in options)
    assert (two["examples"], two["steps"], two["tokens"]) == (one["examples"], one["steps"], one["tokens"])
    for there, here in zip(one["losses"], two["losses"], strict=True):
        assert here == {"step": there["step"], "loss": pytest.approx(there["loss"], rel=1e-5)}
    weights, others = (load_file(tmp_path / name / "model.safetensors") for name in options)
    assert weights.keys() == others.keys()
    assert max((others[name] - weight).abs().max().item() for name, weight in weights.items()) < 5e-5
    load_model(str(tmp_path / "two"), "float32")
    assert not list(tmp_path.glob(".*.state")), "what a trainer needs to resume is gone"


def test_where_one_process_fails_the_stage_does(embedded: Path, tmp_path: Path) -> None:
    options = Sft(batch_size=2, device_batch_size=1, devices=Ddp(processes=2))
    lay_down(tmp_path, options)
    (tmp_path / "f.parquet").write_text("no table")
    _, told = (started := stage(tmp_path, embedded, options, "two")).communicate()
    assert started.returncode == 1
    assert "f.parquet" in told and told.endswith("see the first error above\n")
    assert not (tmp_path / "two").exists()


def test_nothing_is_started_for_one_device() -> None:
    """One process needs no launcher, nor does the command line that starts several load torch."""
    code = "import sys, hsir.stages.train; sys.exit('torch' in sys.modules or 'accelerate' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
