"""The shipped profile runs the whole pipeline on a real cluster, with the same results as on one machine."""

import re
import time
from collections.abc import Callable

import pytest

from tests.slurm.cluster import ask
from tests.slurm.run import Run, since

Record = Callable[[str, object], None]


@pytest.mark.core
def test_the_cluster_makes_what_one_machine_makes(fresh: Run, reference: Run, record_property: Record) -> None:
    began = time.monotonic()
    fresh.start("small")
    fresh.finish()
    record_property("seconds", since(began))
    record_property("local", reference.seconds)
    record_property("stages", fresh.told().count("Finished jobid") - 1)
    named = re.findall(r"SLURM run ID: (\S+)", fresh.told())
    submitted = ask("sacct", "--noheader", "--allocations", "--format=State", f"--name={named[0]}").split()
    record_property("submitted", len(submitted))
    assert set(submitted) == {"COMPLETED"}
    assert fresh.results() == reference.results()
    assert fresh.left() == []
