"""Print the page of a five-seed benchmark: a heading with the machine, and its results.md."""

import sys
from pathlib import Path

from benchmarks.machine import described

HEAD = """\
# {title}

`make {run}`, {machine} Each seed has its own seed set, unlabelled set and sampling; the 420
test questions are the same for all. One iteration of self-improvement.

"""
TITLES = {
    "bench-demo": "Does the method work on the embedded default?",
    "bench-preferences": "Does preference learning improve on its parent?",
    "bench-ablations": "The effect of each half of the method, and of the standardization of InDiv",
}


def main() -> None:
    """Print the page of the run in the given folder."""
    folder = Path(sys.argv[1])
    head = HEAD.format(title=TITLES[folder.name], run=folder.name, machine=described())
    print(head + (folder / "results.md").read_text(encoding="utf-8").split("\n", 1)[1].lstrip(), end="")


if __name__ == "__main__":
    main()
