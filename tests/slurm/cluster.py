"""A SLURM cluster on one machine: accounting, a controller, three nodes with two pretended GPUs each.

All of it lies in a folder of its own, but for /etc/slurm/slurm.conf, where SLURM's tools look for it. The daemons are
children of this process and end with it, however it dies.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CONFIG = Path("/etc/slurm/slurm.conf")
GRES = CONFIG.with_name("gres.conf")
OURS = "# Made by the tests of HSIR, which overwrite and remove it."
PROGRAMS = ("munged", "mariadbd", "mariadb-install-db", "slurmdbd", "slurmctld", "slurmd", "sbatch")
NODES = ("n1", "n2", "n3")
MARK = "HSIR_CLUSTER"
ACCOUNT = "hsir"
PATIENCE = 60.0
"""Seconds after which what should have happened will not."""


class ClusterError(Exception):
    """The cluster cannot be started, or does not do what it is told."""


def missing() -> list[str]:
    """Return the programs of a cluster that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]


def wait_until(true: Callable[[], bool], what: str, seconds: float = PATIENCE, every: float = 0.2) -> None:
    """Wait; raises ClusterError naming what did not come true in time."""
    end = time.monotonic() + seconds
    while not _holds(true):
        if time.monotonic() > end:
            raise ClusterError(f"after {seconds:.0f} s still not so: {what}")
        time.sleep(every)


def _holds(true: Callable[[], bool]) -> bool:
    """Return whether it is so; a controller that does not answer says no."""
    try:
        return true()
    except ClusterError:
        return False


def ask(*command: str, seconds: int = 20) -> str:
    """Run one of SLURM's tools, which may wait for ever, and give what it prints."""
    bounded = ["timeout", "-k", "5", str(seconds), *command]
    told = subprocess.run(bounded, capture_output=True, text=True)
    if told.returncode:
        raise ClusterError(f"{' '.join(command)}: exit code {told.returncode}: {told.stderr.strip()}")
    return told.stdout


class Cluster:
    """The daemons of a cluster, which live in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"hsir{os.getpid()}"
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start the daemons, and wait until all nodes are idle."""
        write_config(self.folder, self.name)
        munge, database = self.folder / "munge", self.folder / "database"
        self._daemon(
            "munged", "munged", "--foreground", "--force", f"--socket={munge}/socket", f"--key-file={munge}/key",
            f"--pid-file={munge}/pid", f"--seed-file={munge}/seed", f"--log-file={munge}/log",
        )  # fmt: skip
        installed = ["mariadb-install-db", "--no-defaults", f"--datadir={database}", "--user=root", "--skip-test-db"]
        ask(*installed, seconds=120)
        self._daemon(
            "mariadbd", "mariadbd", "--no-defaults", f"--datadir={database}", "--user=root", "--skip-grant-tables",
            f"--socket={database}/socket", "--bind-address=127.0.0.1", "--port=17306",
        )  # fmt: skip
        wait_until(lambda: (database / "socket").exists() and (munge / "socket").exists(), "munge and MariaDB answer")
        self._daemon("slurmdbd", "slurmdbd", "-D", conf=self.folder / "slurmdbd.conf")
        wait_until(lambda: _listens(17819), "slurmdbd answers")
        self._daemon("slurmctld", "slurmctld", "-D", "-c")
        wait_until(lambda: bool(self.states()), "slurmctld answers")
        for node in NODES:
            self.start_node(node)
        wait_until(lambda: self.states() == dict.fromkeys(NODES, "idle"), "three nodes are idle")
        ask("sacctmgr", "--immediate", "add", "account", ACCOUNT)
        ask("sacctmgr", "--immediate", "add", "user", "root", f"account={ACCOUNT}")

    def stop(self) -> None:
        """Cancel all jobs, and stop what was started, by its process id; the database last."""
        with suppress(ClusterError):  # the controller may be gone; what it ran is killed below
            self.cancel()
        for name in list(reversed(self._daemons)):
            self._end(name, signal.SIGTERM)
        for process in self.processes():
            _kill(process)
        for path in (CONFIG, GRES):
            if path.is_file() and path.read_text().startswith(OURS):
                path.unlink()

    def cancel(self) -> None:
        """Cancel all jobs, and wait until none is left."""
        for job in self.jobs():
            ask("scancel", job)
        wait_until(lambda: not self.jobs(), "all jobs have ended")

    def states(self) -> dict[str, str]:
        """Return the state of each node."""
        lines = ask("sinfo", "--noheader", "--Node", "--format=%N %t").split("\n")
        return dict(line.split()[:2] for line in lines if line)

    def jobs(self) -> list[str]:
        """Return the ids of the jobs that wait or run."""
        return ask("squeue", "--noheader", "--format=%A").split()

    def start_node(self, node: str) -> None:
        """Start a node's daemon."""
        self._daemon(node, "slurmd", "-D", "-N", node)

    def kill_node(self, node: str) -> None:
        """Let a node die: its daemon, and at the same time all that runs on it."""
        dying = self.processes(node)
        self._end(node, signal.SIGKILL)
        for process in dying:
            _kill(process)

    def processes(self, node: str | None = None) -> list[int]:
        """Return the processes of jobs (of one node), the steps' own daemons included."""
        return [pid for pid in _all_processes() if self._of_job(pid, node)]

    def _of_job(self, pid: int, node: str | None) -> bool:
        try:
            told = dict(
                part.split("=", 1) for part in Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0")
                if "=" in part
            )  # fmt: skip
        except OSError:
            return False
        ours = self.name in (told.get("SLURM_CLUSTER_NAME"), told.get(MARK))
        return ours and pid not in self._pids() and node in (None, told.get("SLURMD_NODENAME"), told.get("NODE"))

    def _pids(self) -> set[int]:
        return {daemon.pid for daemon in self._daemons.values()}

    def _daemon(self, name: str, *command: str, conf: Path = CONFIG) -> None:
        """Start a daemon that is told to stop when this process dies."""
        path = f"{os.environ['PATH']}:/usr/sbin"
        # The daemons of a job's steps inherit this, and are found by it.
        environment = {"PATH": path, "SLURM_CONF": str(conf), MARK: self.name, "NODE": name}
        with (self.folder / "log" / f"{name}.out").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *command],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def _end(self, name: str, how: signal.Signals) -> None:
        daemon = self._daemons.pop(name)
        daemon.send_signal(how)
        try:
            daemon.wait(20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def write_config(folder: Path, name: str) -> None:
    """Write all configuration; raises ClusterError where the machine has a SLURM of its own."""
    for path in (CONFIG, GRES):
        if path.exists() and not path.read_text().startswith(OURS):
            raise ClusterError(f"{path} is not of these tests' making: this machine has a SLURM, which is left alone")
    if _listens(17817):
        raise ClusterError("a cluster of these tests is running already; stop it first")
    for part in ("munge", "database", "state", "log", *(f"spool-{node}" for node in NODES)):
        (folder / part).mkdir(parents=True)
    (folder / "munge/key").write_bytes(os.urandom(128))
    (folder / "munge/key").chmod(0o400)
    told = {"folder": folder, "host": socket.gethostname().split(".")[0], "name": name, "ours": OURS}
    here = Path(__file__).parent
    for template, written in (("slurm.conf", CONFIG), ("slurmdbd.conf", folder / "slurmdbd.conf")):
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text((here / f"{template}.in").read_text().format(**told))
    (folder / "slurmdbd.conf").chmod(0o600)
    for device in range(2):
        ask("mknod", str(folder / f"gpu{device}"), "c", "1", "3")
    GRES.write_text(f"{OURS}\nNodeName=n[1-3] Name=gpu File={folder}/gpu[0-1]\n")


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """Start a cluster, and stop it whatever happens."""
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _all_processes() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
