"""A run of the embedded pipeline: how to start, inspect and check it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from tests.slurm.cluster import PATIENCE, Cluster, ask, wait_until

PROJECT = Path(__file__).parents[2]
SMALL = Path(__file__).with_name("small.yaml")
SEED = "results/embedded/few/seed0"
COMPARED = (".parquet", ".json", ".safetensors")
TIMES = (".cost.json", "ledger.json")
LONGEST = 1200
"""Seconds after which a run hangs."""


class Run:
    """A folder that the workflow runs in, and the process that runs it."""

    def __init__(self, folder: Path, profile: dict[str, Any], cluster: Cluster | None = None) -> None:
        self.folder, self.profile, self.cluster = folder, profile, cluster
        self.log = folder / "snakemake.log"
        self.seconds = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *targets: str, **changed: Any) -> None:
        """Start the workflow; `changed` overlays the profile, resources of stages included."""
        stages = {**self.profile.get("set-resources", {}), **changed.pop("stages", {})}
        overlaid = self.profile | {key.replace("_", "-"): value for key, value in changed.items()}
        given = overlaid | ({"set-resources": stages} if stages else {})
        (self.folder / "profile").mkdir(exist_ok=True)
        (self.folder / "profile/config.yaml").write_text(yaml.safe_dump(given))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command("--", *targets), env=environment(), stdout=log, stderr=log, start_new_session=True
            )

    def end(self) -> None:
        """Kill the workflow's main process, with no chance to tidy up."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def unlock(self) -> None:
        """Take away the lock that a killed main process left."""
        subprocess.run(self._command("--unlock"), env=environment(), check=True, capture_output=True, timeout=60)

    def wait(self) -> int:
        """Wait for the workflow, and give its exit code."""
        assert self._process is not None
        return self._process.wait(LONGEST)

    def finish(self) -> None:
        """Wait for the workflow, which must succeed."""
        assert self.wait() == 0, self.told() + "\n".join(map(str, self.folder.glob("logs/**/*.log")))

    def told(self) -> str:
        """Return what the workflow printed."""
        return self.log.read_text()

    def train_log(self) -> str:
        """Return what the training printed."""
        log = self.folder / "logs/embedded/few/seed0/sft-initial/train.log"
        return log.read_text() if log.is_file() else ""

    def in_training(self) -> str:
        """Wait until a training has saved a checkpoint, and give its job."""
        found = self.folder / SEED / "sft-initial/.checkpoint.state"
        wait_until(lambda: any(found.glob("checkpoint-*/whole")) or self._over(), "a checkpoint", 2 * PATIENCE, 0.02)
        assert not self._over(), self.told()
        return self.job("train")

    def job(self, rule: str) -> str:
        """Return the id of the newest job of a rule that waits or runs."""
        lines = ask("squeue", "--noheader", "--format=%A %k").splitlines()
        return max((line.split()[0] for line in lines if f"_{rule}" in line), key=int)

    def forget(self, *patterns: str) -> None:
        """Take away what was made of a policy."""
        for pattern in patterns:
            for path in (self.folder / SEED).glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def left(self) -> list[str]:
        """Return what should not be left of a run: half-made files, locks that are held, jobs."""
        files = [path for path in self.folder.glob("results/**/.*") if path.suffix in (".parts", ".state", ".tmp")]
        held = [path for path in self.folder.glob("results/**/.*.lock") if not _free(path)]
        locks = list(self.folder.glob(".snakemake/locks/*"))
        return [*map(str, [*files, *held, *locks]), *(self.cluster.jobs() if self.cluster else [])]

    def results(self) -> dict[str, bytes]:
        """Return the bytes of every table, result and weight; what tells of time is left out."""
        root = self.folder / SEED
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.suffix in COMPARED and not path.name.endswith(TIMES)
        }

    def _over(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def _command(self, *arguments: str) -> list[str]:
        return [
            sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "Snakefile"), "--directory",
            str(self.folder), "--profile", str(self.folder / "profile"), "--configfile", str(SMALL), *arguments,
        ]  # fmt: skip


def undisturbed(folder: Path) -> Run:
    """Make the run on this machine alone."""
    local = yaml.safe_load((PROJECT / "profiles/local/config.yaml").read_text())
    run = Run(folder, local | {"cores": 2})
    began = time.monotonic()
    run.start("small")
    run.finish()
    run.seconds = since(began)
    return run


def environment() -> dict[str, str]:
    """Return an environment whose `python` is the one that runs the tests."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def since(moment: float) -> float:
    """Return the seconds since a moment."""
    return round(time.monotonic() - moment, 1)


def _free(path: Path) -> bool:
    """Return whether nobody holds a lock."""
    lock = FileLock(path, blocking=False)
    try:
        with lock:
            return True
    except TimeoutError:
        return False
