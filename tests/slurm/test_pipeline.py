"""The shipped profile runs the whole pipeline on a real cluster, and what it makes is what one machine makes."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.slurm.cluster import Cluster, ask
from tests.slurm.run import Run, since

Record = Callable[[str, object], None]


@pytest.mark.core
def test_the_cluster_makes_what_one_machine_makes(
    cluster: Cluster, reference: Run, profile: dict[str, Any], tmp_path: Path, record_property: Record
) -> None:
    run = Run(tmp_path, profile, cluster)
    began = time.monotonic()
    run.start("small")
    run.finish()
    record_property("seconds", since(began))
    record_property("local", reference.seconds)
    record_property("stages", run.told().count("Finished jobid") - 1)
    submitted = ask("sacct", "--noheader", "--allocations", "--format=State").split()
    record_property("submitted", len(submitted))
    assert set(submitted) == {"COMPLETED"}
    assert run.results() == reference.results()
    assert run.left() == []
