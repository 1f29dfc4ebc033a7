"""Tables and pictures of a run.

Needs: every policy's eval JSON, funnel.json, verdicts and scores.
Gives: runs/{run}/results.csv, pictures
"""


def evaluations(wildcards):
    """Give the evaluation of every policy of a run on each of its benchmarks."""
    run = plan.config.runs[wildcards.run]
    return [
        f"{RESULTS}/{model}/{task}/seed{seed}/{policy}/eval/{benchmark}.json"
        for model, task, seed, method, policy in plan.cells(run)
        for benchmark in plan.benchmarks(run, task)
    ]


rule report:
    input:
        evaluations=evaluations,
    output:
        f"{RESULTS}/runs/{{run}}/results.csv",
    log:
        f"{LOGS}/runs/{{run}}.log",
    benchmark:
        f"{TIMES}/runs/{{run}}.tsv"
    conda:
        "../../envs/tables.yaml"
    params:
        evaluations=lambda w, input: [f"--evaluations={path}" for path in input.evaluations],
    shell:
        "python -m hsir.stages.report {params.evaluations:q} --output {output:q} > {log:q} 2>&1"


for run in plan.config.runs:

    rule:
        name:
            run
        input:
            run_results(run),
