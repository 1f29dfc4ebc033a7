"""A cluster for all tests, an uninterrupted run for comparison, and the shipped profile with shorter waits."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.slurm.cluster import ACCOUNT, Cluster, ClusterError, missing, running
from tests.slurm.run import PROJECT, Run, undisturbed


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a cluster for all tests; skip where that cannot be."""
    absent = missing()
    if absent:
        pytest.skip(f"no {', '.join(absent)} here; `make test-slurm` installs them (Debian, as root)")
    if os.geteuid() != 0:
        pytest.skip("a cluster on one machine is started by root alone")
    try:
        with running(tmp_path_factory.mktemp("cluster") / "slurm") as started:
            yield started
    except ClusterError as error:
        if "left alone" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the shipped profile, filled in, without conda, and with less patience between two looks at the queue."""
    shipped: dict[str, Any] = yaml.safe_load((PROJECT / "profiles/slurm/config.yaml").read_text())
    shipped["default-resources"] |= {"slurm_partition": "gpu", "slurm_account": ACCOUNT}
    del shipped["software-deployment-method"]
    return shipped | {"slurm-init-seconds-before-status-checks": 3}


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a finished run of this machine alone; tests must not change it."""
    return undisturbed(tmp_path_factory.mktemp("reference"))


@pytest.fixture
def fresh(cluster: Cluster, profile: dict[str, Any], tmp_path: Path) -> Iterator[Run]:
    """Return a run on the cluster that has made nothing yet."""
    run = Run(tmp_path, profile, cluster)
    yield run
    run.end()
    cluster.cancel()


@pytest.fixture
def begun(cluster: Cluster, reference: Run, profile: dict[str, Any], tmp_path: Path) -> Iterator[Run]:
    """Return a run on the cluster that has made its data and what is trained on, and has not trained yet."""
    folder = tmp_path / "run"
    shutil.copytree(reference.folder, folder, symlinks=True)
    run = Run(folder, profile, cluster)
    run.forget("hsir-sft.1", *(f"sft-initial/{made}" for made in ("k4*", "eval", "checkpoint", "train*", "ledger*")))
    yield run
    run.end()
    cluster.cancel()
    for node, state in cluster.states().items():
        if state.startswith("down"):
            cluster.start_node(node)
