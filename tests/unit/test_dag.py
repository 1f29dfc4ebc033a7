"""The rule graph with counts."""

from hsir.cli.dag import counted
from hsir.planning.workflow import Job

GRAPH = """digraph snakemake_dag {
    node[shape=box, style=rounded, fontname=sans,                 fontsize=10, penwidth=2];
    edge[penwidth=2, color=grey];
\t0[label = "report", color = "0.43 0.6 0.85", style="rounded"];
\t1[label = "sample", color = "0.46 0.6 0.85", style="rounded,dashed"];
\t2[label = "verify", color = "0.64 0.6 0.85", style="rounded"];
\t1 -> 0
}"""


def test_a_rule_shows_its_jobs_and_how_many_of_them_would_run() -> None:
    every = [Job(rule, 1, {}) for rule in ["report", *["sample"] * 1200, *["verify"] * 3]]
    told = counted(GRAPH, every, [every[0], *every[1:3]])
    assert '0[label="report\\n1 to run"' in told
    assert '1[label="sample\\n2 of 1,200 to run"' in told
    assert '2[label="verify\\n3 done"' in told
    assert told.count("filled,bold") == 2 and "1 -> 0" in told and "fontname=sans" not in told
