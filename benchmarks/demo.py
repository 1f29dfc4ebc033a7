"""Write what a five-seed benchmark measured, with the machine that it ran on: its results.md, headed."""

import os
import platform
import sys
from pathlib import Path

from hsir import tables

HEAD = """\
# {title}

`make {run}`, commit {commit}: {machine}, {cores} cores, Python {python}. Each seed has its own seed set, unlabelled set
and sampling; the 420 test questions are the same for all. One round of self-improvement.

"""
TITLES = {
    "bench-demo": "Does the method work on the embedded default?",
    "bench-ablations": "What each half of the method does, and each way to standardise InDiv",
}


def main() -> None:
    """Print the page of the run whose folder is given."""
    folder = Path(sys.argv[1])
    head = HEAD.format(
        title=TITLES[folder.name], run=folder.name, commit=tables.commit(), machine=_processor(),
        cores=os.cpu_count(), python=platform.python_version(),
    )  # fmt: skip
    print(head + (folder / "results.md").read_text(encoding="utf-8").split("\n", 1)[1].lstrip(), end="")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
