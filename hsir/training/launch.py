"""Start a stage once per device with `accelerate launch`, on one node or, with srun, on several."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from hsir import stopping
from hsir.config.devices import Ddp, Zero2, Zero3
from hsir.errors import HsirError, InputError

Launched = Ddp | Zero2 | Zero3
STARTED = "HSIR_LAUNCHED"
"""Set in the processes started here."""
PORTS = range(20000, 30000)
"""Ports where the nodes of a SLURM job meet: below the range of ephemeral ports."""


def inside() -> bool:
    """Return whether this is one of the processes started by `launch`."""
    return STARTED in os.environ


def first() -> bool:
    """Return whether this process is the only one, or the first of those started."""
    return not inside() or os.environ["RANK"] == "0"


def place() -> int:
    """Return the index of this process's device on its node."""
    return int(os.environ["LOCAL_RANK"])


def launch(devices: Launched, module: str, arguments: Sequence[str]) -> None:
    """Run a module in all processes, and wait; raises HsirError if one of them fails, or if DeepSpeed is missing."""
    if devices.deepspeed() is not None and find_spec("deepspeed") is None:
        raise InputError(
            f"devices is {devices.kind}, which needs DeepSpeed, but this environment does not have it: pip install -r"
            " requirements-distributed.lock, or set ddp"
        )
    threads = max(1, int(os.environ.get("OMP_NUM_THREADS", "1")) // devices.on_a_node)
    environment = os.environ | {STARTED: "1", "OMP_NUM_THREADS": str(threads)}
    started = subprocess.Popen(command(devices, module, arguments, os.environ), env=environment)
    with stopping.at_leisure(started.terminate):
        ended = started.wait()
    if ended:
        raise HsirError(
            f"{module}: one of {devices.processes} processes failed, and the others were stopped (exit code"
            f" {ended}); see the first error above"
        )


def command(devices: Launched, module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Return the command line that starts all processes.

    One node uses a free port. Several meet at the first node of the SLURM job, on a port derived from its id. Raises
    InputError if several nodes are requested outside a SLURM job.
    """
    # All options that accelerate would otherwise read from a file in the user's home, or warn about.
    start = [
        sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(devices.processes),
        "--num_machines", str(devices.nodes), "--mixed_precision", "no", "--dynamo_backend", "no",
    ]  # fmt: skip
    stage = ["-m", module, *arguments]
    if devices.nodes == 1:
        return [*start, "--machine_rank", "0", "--main_process_port", "0", *stage]
    if "SLURM_JOB_ID" not in environment:
        raise InputError(
            f"devices.nodes is {devices.nodes}, but this is not a SLURM job; use profiles/slurm, or set nodes: 1"
        )
    port = PORTS[int(environment["SLURM_JOB_ID"]) % len(PORTS)]
    meeting = ["--main_process_ip", _first_node(environment["SLURM_JOB_NODELIST"]), "--main_process_port", str(port)]
    # A process knows its node's rank only on that node.
    script = f'exec {shlex.join([*start, *meeting])} --machine_rank "$SLURM_PROCID" {shlex.join(stage)}'
    nodes = str(devices.nodes)
    # The current step holds all resources of the job, so the new step must overlap with it.
    step = ["srun", "--overlap", "--kill-on-bad-exit=1", "--nodes", nodes, "--ntasks", nodes, "--ntasks-per-node", "1"]
    return [*step, "sh", "-c", script]


def _first_node(nodes: str) -> str:
    """Return the first node of SLURM's node list, which has the form n[1-3]."""
    return subprocess.run(
        ["scontrol", "show", "hostnames", nodes], check=True, capture_output=True, text=True
    ).stdout.split()[0]
