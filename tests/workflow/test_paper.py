"""Dry runs of the published experiments: the number of jobs, and that nothing is sampled or trained twice."""

from collections import Counter
from pathlib import Path

import pytest

from hsir.config import read_yaml
from tests.workflow.conftest import PROJECT, planned

FILES = sorted((PROJECT / "config/paper").glob("*.yaml"))
# Of one model and task: policies that are trained, pools that are drawn to be trained on, evaluations.
# Table 1: of sft-initial greedy, k10, its recycled ones, k30 and the four of ReGenesis; of the first two iterations of
# STaR, ReST-EM and IRPO one pool each, of HSIR-SFT and HSIR-DPO two.
CELLS = {
    "table1": (6, 19, 8 + 6 + 8, 19),
    "table2": (8, 5, 3, 5),
    "table3": (2, 8, 4, 8),
    "table4": (3, 5, 3, 5),
    "table5": (6, 5, 0, 5),
    "table6": (2, 7, 8, 6),
    "table7": (3, 4, 2, 3),
    # Of STaR, ReST-EM, IRPO and both of HSIR: what table 1 draws and trains of them.
    "figure1": (6, 16, 3 + 6 + 8, 16),
    "figure2": (3, 2, 1, 1),
    "figure4": (2, 13, 14, 26),
    # Of sft-initial k10 and one recycled pool of it for each matcher, K and J; the matcher probe has its probes.
    "appendix-matchers": (2, 6, 1 + 4 + 1, 6),
    "appendix-judge": (2, 4, 1 + 2, 4),
    "appendix-tau": (2, 10, 1 + 1, 10),
    "appendix-indiv": (2, 15, 1 + 1, 15),
    "appendix-samples": (2, 8, 3 + 6, 8),
    "appendix-efficiency": (2, 6, 4, 6),
    "appendix-self-consistency": (2, 3, 2, 3),
}
RIGHT_OF_FIGURE_2 = (4, 0, 4)
"""In one of its models four more methods, which draw nothing anew."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_makes_every_policy_and_every_pool_once(path: Path, tmp_path: Path) -> None:
    jobs = planned(tmp_path, config=read_yaml(path))
    print(f"{path.name}: {len(jobs):,} jobs")
    outputs = Counter(output for job in jobs for output in job.outputs)
    assert max(outputs.values()) == 1
    pools = {tuple(job.outputs[0].split("/")[1:-2]) for job in jobs if job.rule == "sample"}
    drawn = {pool for pool in pools if "eval" not in pool}
    counts = sum(job.rule == "train" for job in jobs), len(drawn), sum(job.rule == "evaluate" for job in jobs)
    cells, *each = CELLS[path.stem]
    more = RIGHT_OF_FIGURE_2 if path.stem == "figure2" else (0, 0, 0)
    assert counts == tuple(cells * n + extra for n, extra in zip(each, more, strict=True))


def test_what_two_tables_share_is_made_once(tmp_path: Path) -> None:
    """Table 3's first four rows are of table 1: laid together they cost only what is new."""
    one, three = (read_yaml(PROJECT / f"config/paper/table{n}.yaml") for n in (1, 3))
    both = one | {"run": ["table1", "table3"], "runs": one["runs"] | three["runs"]}
    apart = {output for raw in (one, three) for job in planned(tmp_path, config=raw) for output in job.outputs}
    together = [output for job in planned(tmp_path, config=both) for output in job.outputs]
    assert len(together) == len(set(together)) and set(together) == apart
