"""Write what `make bench-demo` measured, with the machine that it ran on: results.md, headed and explained."""

import os
import platform
import sys
from pathlib import Path

from hsir import tables

HEAD = """\
# Does the method work on the embedded default?

`make bench-demo`, commit {commit}, {machine}, {cores} cores, Python {python}. Five seeds, each with its own seed set,
unlabelled set and sampling; 420 test questions, the same for all. Intervals are 95 % t intervals over the seeds;
differences are paired by seed. `hsir-sft.1` is the paper's literal setting, one threshold tau = -0.5 on the z-scores
of the whole pool; the two below it standardise otherwise.

"""


def main() -> None:
    """Print the benchmark's page for the run whose folder is given."""
    machine = _processor()
    head = HEAD.format(commit=tables.commit(), machine=machine, cores=os.cpu_count(), python=platform.python_version())
    print(head + Path(sys.argv[1], "results.md").read_text(encoding="utf-8").split("\n", 1)[1].lstrip(), end="")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
